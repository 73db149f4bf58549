"""Events inside the process: rooms publish a topic, and event streams pass it on to browsers.

An event carries no data: it says "this changed, ask again". So it can't leak what a reader may not
see, and the next event makes up for a lost one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

# Seconds over which changes of a busy topic are gathered into one event.
_GATHER_SECONDS = 0.3


class Subscription:
    """The topics that changed since they were last taken, for one event stream."""

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self._loop = asyncio.get_running_loop()
        self._changed: set[str] = set()
        self._wake = asyncio.Event()

    def offer(self, topic: str) -> None:
        """Marks a topic as changed. Safe from any thread; changes before a take count as one."""
        if topic in self.topics:
            self._loop.call_soon_threadsafe(self._mark, topic)

    def _mark(self, topic: str) -> None:
        self._changed.add(topic)
        self._wake.set()

    async def take(self, timeout: float) -> set[str]:
        """Waits up to ``timeout`` seconds for changed topics; empty if nothing changed."""
        try:
            await asyncio.wait_for(self._wake.wait(), timeout)
        except TimeoutError:
            return set()
        self._wake.clear()
        changed, self._changed = self._changed, set()
        return changed


class Bus:
    """Passes topics to subscriptions. Safe from any thread.

    Attributes:
        topics: the topics that the rooms declare; there are no others.
    """

    def __init__(self, topics: frozenset[str]) -> None:
        self.topics = topics
        self._lock = threading.Lock()
        self._subscriptions: set[Subscription] = set()
        self._gathering: set[str] = set()
        self._announce: Callable[[str], None] | None = None

    def announce_by(self, announce: Callable[[str], None]) -> None:
        """Also tells other processes what is published here: in one that serves no event streams."""
        self._announce = announce

    def publish(self, topic: str) -> None:
        """Notifies every subscription to the topic that it changed."""
        assert topic in self.topics
        with self._lock:
            subscriptions = list(self._subscriptions)
        for subscription in subscriptions:
            subscription.offer(topic)
        if self._announce is not None:
            self._announce(topic)

    def publish_soon(self, topic: str) -> None:
        """Notifies them within a third of a second, once for all changes until then.

        For what changes many times a second. Costs next to nothing while nobody listens.
        """
        with self._lock:
            if topic in self._gathering:
                return
            if not any(topic in subscription.topics for subscription in self._subscriptions):
                return
            self._gathering.add(topic)
        timer = threading.Timer(_GATHER_SECONDS, self._publish_gathered, [topic])
        timer.daemon = True
        timer.start()

    def _publish_gathered(self, topic: str) -> None:
        with self._lock:
            self._gathering.discard(topic)
        # The event loop may have ended meanwhile.
        with suppress(RuntimeError):
            self.publish(topic)

    @contextmanager
    def subscribe(self, topics: frozenset[str]) -> Iterator[Subscription]:
        """A subscription for the duration of the block. Needs a running event loop."""
        subscription = Subscription(topics)
        with self._lock:
            self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            with self._lock:
                self._subscriptions.discard(subscription)

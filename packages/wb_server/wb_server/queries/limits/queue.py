"""Slots for queries, and a fair queue for those that wait.

A query that finds no free slot waits for one, up to a time limit. Users take turns: even with fifty
queries waiting, a user gets one slot before it is the next user's turn. A user's queries run in order,
except that one whose connection is full doesn't hold up those behind it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ...kit.errors import Cancelled, LimitReached
from .models import QueryLimits

# Seconds between two checks of a waiting query whether another process changed its limits.
_RECHECK_SECONDS = 2.0

State = Literal["waiting", "running", "left"]


@dataclass(frozen=True)
class Capacity:
    """The limits for all users together.

    Attributes:
        total: the maximum number of running queries.
        wait: the maximum time that a query waits for a slot, in seconds; 0: queries never wait.
        waiting: the maximum number of waiting queries.
        waiting_per_user: the maximum number of one user's waiting queries.
    """

    total: int
    wait: float
    waiting: int
    waiting_per_user: int


@dataclass
class Slot:
    """A query's slot, or its wait for one.

    Attributes:
        user: the user who runs the query.
        connection_id: the connection it runs on; empty if that isn't saved.
        limits: returns the limits that apply to it now.
        waited: how long it waited, in seconds.
        nested: whether it belongs to a query that already has a slot, as a load belongs to the read that
            feeds it. It then counts only on its connection: otherwise a few such pairs could hold all
            slots while each waits for its second one.
    """

    user: str
    connection_id: str
    limits: Callable[[], QueryLimits]
    state: State = "left"
    waited: float = 0.0
    nested: bool = False
    _turn: threading.Event = field(default_factory=threading.Event)

    def runs(self) -> bool:
        """Whether it has its slot."""
        return self.state == "running"

    def interrupt(self) -> None:
        """Ends its wait without a slot. Thread-safe; no effect if it already runs."""
        self._turn.set()


class Slots:
    """Assigns slots. Thread-safe.

    Args:
        refresh: called now and then while a query waits, so that changed limits are noticed; must not
            raise.
    """

    def __init__(self, capacity: Capacity, refresh: Callable[[], object] = lambda: None) -> None:
        self.capacity = capacity
        self._refresh = refresh
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()
        self._on_connection: Counter[str] = Counter()
        # The same counts for other processes.
        self._elsewhere: Counter[str] = Counter()
        self._on_connection_elsewhere: Counter[str] = Counter()
        # The waiting queries by user, in the order of the users' turns.
        self._waiting: OrderedDict[str, list[Slot]] = OrderedDict()

    def take(self, slot: Slot) -> None:
        """Waits for a slot; ``free`` returns it.

        Raises:
            LimitReached: no slot became free in time (``too_many_queries``), or too many queries
                wait already (``too_many_waiting``).
            Cancelled: the wait was interrupted.
        """
        with self._lock:
            slot.state = "waiting"
            self._waiting.setdefault(slot.user, []).append(slot)
            self._assign()
            if slot.runs():
                return
            try:
                self._check_may_wait(slot)
            except LimitReached:
                self._leave(slot)
                raise
        began = time.monotonic()
        end = began + self.capacity.wait
        while True:
            left = end - time.monotonic()
            woken = slot._turn.wait(max(0.0, min(left, _RECHECK_SECONDS)))
            if not woken and left > _RECHECK_SECONDS:
                self._refresh()
                self.reconsider()
                continue
            slot.waited = time.monotonic() - began
            with self._lock:
                if slot.runs():
                    return
                self._leave(slot)
                if not woken:
                    raise self._no_slot(slot)
            raise Cancelled("The query was cancelled while it waited.", waited=True)

    def free(self, slot: Slot) -> None:
        """Returns a slot and passes it on. No effect for a query that doesn't run."""
        with self._lock:
            if not slot.runs():
                return
            slot.state = "left"
            if not slot.nested:
                _decrement(self._running, slot.user)
            _decrement(self._on_connection, slot.connection_id)
            self._assign()

    def reconsider(self) -> None:
        """Starts the queries that may run after limits have changed."""
        with self._lock:
            self._assign()

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """The number of queries that run in this process, by user and by connection."""
        with self._lock:
            return dict(self._running), dict(self._on_connection)

    def count_elsewhere(self, users: Counter[str], connections: Counter[str]) -> None:
        """Sets how many queries run in other processes; they count like those of this one."""
        with self._lock:
            self._elsewhere, self._on_connection_elsewhere = users, connections
            self._assign()

    def running(self, user: str | None = None) -> int:
        """The number of running queries, of a user or in total."""
        with self._lock:
            return self._count_running(user)

    def running_on(self, connection_id: str) -> int:
        """The number of running queries on a connection."""
        with self._lock:
            return self._count_on(connection_id)

    def waiting(self, user: str | None = None) -> int:
        """The number of waiting queries, of a user or in total."""
        with self._lock:
            return self._count_waiting(user)

    # --- inside, with the lock held --------------------------------------------------------

    def _assign(self) -> None:
        """Assigns every free slot to the query whose turn it is."""
        while (slot := self._next()) is not None:
            self._leave(slot)
            slot.state = "running"
            if not slot.nested:
                self._running[slot.user] += 1
            self._on_connection[slot.connection_id] += 1
            if slot.user in self._waiting:
                self._waiting.move_to_end(slot.user)
            slot._turn.set()

    def _next(self) -> Slot | None:
        """The first query that may run, in the order of users' turns."""
        for slots in self._waiting.values():
            for slot in slots:
                if self._full(slot, slot.limits()) is None:
                    return slot
        return None

    def _full(self, slot: Slot, limits: QueryLimits) -> tuple[str, int] | None:
        """The limit that a query would exceed, and its value; ``None`` if it may run."""
        if not slot.nested and self._count_running(slot.user) >= limits.concurrent:
            return "user", limits.concurrent
        if limits.on_connection is not None:
            if self._count_on(slot.connection_id) >= limits.on_connection:
                return "connection", limits.on_connection
        if not slot.nested and self._count_running() >= self.capacity.total:
            return "all", self.capacity.total
        return None

    def _count_running(self, user: str | None = None) -> int:
        if user is None:
            return self._running.total() + self._elsewhere.total()
        return self._running[user] + self._elsewhere[user]

    def _count_on(self, connection_id: str) -> int:
        return self._on_connection[connection_id] + self._on_connection_elsewhere[connection_id]

    def _leave(self, slot: Slot) -> None:
        slots = self._waiting[slot.user]
        # By identity: two slots of one user may look alike.
        self._waiting[slot.user] = [each for each in slots if each is not slot]
        if not self._waiting[slot.user]:
            del self._waiting[slot.user]
        slot.state = "left"

    def _count_waiting(self, user: str | None) -> int:
        if user is not None:
            return len(self._waiting.get(user, ()))
        return sum(map(len, self._waiting.values()))

    def _check_may_wait(self, slot: Slot) -> None:
        """Raises if a query that was just queued is one too many; the counts include it."""
        if self.capacity.wait <= 0:
            raise self._no_slot(slot)
        mine = self._count_waiting(slot.user) - 1
        if mine >= self.capacity.waiting_per_user:
            raise LimitReached(
                f"You already have {_queries(mine)} waiting, which is the limit. Send fewer at "
                "once, or try again in a moment.",
                code="too_many_waiting",
                limit=self.capacity.waiting_per_user,
                retry_after=_seconds(self.capacity.wait),
            )
        running, others = self._count_running(), self._count_waiting(None) - 1
        if others >= self.capacity.waiting:
            raise LimitReached(
                f"The Workbench is full: {_queries(running)} running and {_queries(others)} "
                "waiting. Try again in a moment.",
                code="too_many_waiting",
                limit=self.capacity.waiting,
                retry_after=_seconds(self.capacity.wait),
            )

    def _no_slot(self, slot: Slot) -> LimitReached:
        full = self._full(slot, slot.limits())
        what, limit = full or ("all", self.capacity.total)
        if what == "user":
            message = (
                f"You already have {_queries(limit)} running, which is the limit{_waited(slot)}. "
                "Wait for one to end, or cancel one."
            )
        elif what == "connection":
            message = (
                f"This connection already has {_queries(limit)} running, which is the "
                f"limit{_waited(slot)}. Try again in a moment."
            )
        else:
            message = (
                f"The Workbench already has {_queries(limit)} running, which is the "
                f"limit{_waited(slot)}. Try again in a moment."
            )
        return LimitReached(
            message,
            code="too_many_queries",
            limit=limit,
            of=what,
            running=self._count_running(slot.user),
            waited_ms=round(slot.waited * 1000),
            retry_after=_seconds(self.capacity.wait),
        )


def _decrement(counter: Counter[str], name: str) -> None:
    counter[name] -= 1
    if counter[name] <= 0:
        del counter[name]


def _waited(slot: Slot) -> str:
    if slot.waited <= 0:
        return ""
    return f", and none ended in the {slot.waited:.0f} s that this one waited"


def _seconds(wait: float) -> int:
    """The ``Retry-After`` for a wait, in whole seconds."""
    return max(1, min(30, round(wait)))


def _queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count} queries"

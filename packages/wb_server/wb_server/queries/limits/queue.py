"""Who runs now and who waits: places for queries, handed out in turns.

A query that finds no place waits for one, up to some seconds. Users take turns: whoever has fifty
queries waiting gets one, then the next user gets theirs. One user's queries come in their own
order, except that one whose connection is full doesn't hold up those behind it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from ...kit.errors import Conflict, LimitReached
from .models import QueryLimits

# Seconds after which a waiting query looks whether its limits were changed from outside.
_LOOK_AGAIN = 2.0

State = Literal["waiting", "running", "left"]


@dataclass(frozen=True)
class Room:
    """What holds for all together.

    Attributes:
        total: queries that run at the same time.
        wait: seconds that a query waits for its place at most; 0: none waits.
        waiting: queries that wait at the same time.
        waiting_per_user: those of one user.
    """

    total: int
    wait: float
    waiting: int
    waiting_per_user: int


@dataclass
class Place:
    """One query's place, or its wait for one.

    Attributes:
        user: whose query it is.
        connection_id: what it runs on; empty for what isn't saved.
        limits: gives what holds for it at this moment.
        waited: seconds that it waited.
        beside: whether it belongs to a query that has its place, as a load does to the read that
            feeds it: it counts on its connection alone. Else a few such would hold all places
            while they wait for their second ones.
    """

    user: str
    connection_id: str
    limits: Callable[[], QueryLimits]
    state: State = "left"
    waited: float = 0.0
    beside: bool = False
    _turn: threading.Event = field(default_factory=threading.Event)

    def runs(self) -> bool:
        """Whether it has its place."""
        return self.state == "running"

    def interrupt(self) -> None:
        """Ends its wait, without a place. Safe from any thread; without effect when it runs."""
        self._turn.set()


class Slots:
    """Hands out places. Safe from any thread.

    Args:
        refresh: called now and then while something waits, so that changed limits are noticed; it
            must not raise.
    """

    def __init__(self, room: Room, refresh: Callable[[], object] = lambda: None) -> None:
        self.room = room
        self._refresh = refresh
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()
        self._on_connection: Counter[str] = Counter()
        # The same of other processes.
        self._elsewhere: Counter[str] = Counter()
        self._on_connection_elsewhere: Counter[str] = Counter()
        # The waiting by user, in the order in which users have their turn.
        self._waiting: OrderedDict[str, list[Place]] = OrderedDict()

    def take(self, place: Place) -> None:
        """Waits until the place is there; ``free`` gives it back.

        Raises:
            LimitReached: no place came free in time (``too_many_queries``), or too many wait
                already (``too_many_waiting``).
            Conflict: the wait was interrupted (``cancelled``).
        """
        with self._lock:
            place.state = "waiting"
            self._waiting.setdefault(place.user, []).append(place)
            self._hand_out()
            if place.runs():
                return
            try:
                self._require_room(place)
            except LimitReached:
                self._leave(place)
                raise
        began = time.monotonic()
        end = began + self.room.wait
        while True:
            left = end - time.monotonic()
            came = place._turn.wait(max(0.0, min(left, _LOOK_AGAIN)))
            if not came and left > _LOOK_AGAIN:
                self._refresh()
                self.reconsider()
                continue
            place.waited = time.monotonic() - began
            with self._lock:
                if place.runs():
                    return
                self._leave(place)
                if not came:
                    raise self._no_place(place)
            raise Conflict("The query was cancelled while it waited.", code="cancelled")

    def free(self, place: Place) -> None:
        """Gives a place back, to whose turn it is. Without effect for one that doesn't run."""
        with self._lock:
            if not place.runs():
                return
            place.state = "left"
            if not place.beside:
                _less(self._running, place.user)
            _less(self._on_connection, place.connection_id)
            self._hand_out()

    def reconsider(self) -> None:
        """Lets run what may run by now: limits were changed."""
        with self._lock:
            self._hand_out()

    def counts(self) -> tuple[dict[str, int], dict[str, int]]:
        """How many run here, by user and by connection."""
        with self._lock:
            return dict(self._running), dict(self._on_connection)

    def count_elsewhere(self, users: Counter[str], connections: Counter[str]) -> None:
        """Says how many run in other processes, which count as those here do."""
        with self._lock:
            self._elsewhere, self._on_connection_elsewhere = users, connections
            self._hand_out()

    def running(self, user: str | None = None) -> int:
        """How many run: a user's, or all."""
        with self._lock:
            return self._count_running(user)

    def running_on(self, connection_id: str) -> int:
        """How many run on a connection."""
        with self._lock:
            return self._count_on(connection_id)

    def waiting(self, user: str | None = None) -> int:
        """How many wait: a user's, or all."""
        with self._lock:
            return self._count_waiting(user)

    # --- inside, with the lock held --------------------------------------------------------

    def _hand_out(self) -> None:
        """Gives every free place to whose turn it is."""
        while (place := self._next()) is not None:
            self._leave(place)
            place.state = "running"
            if not place.beside:
                self._running[place.user] += 1
            self._on_connection[place.connection_id] += 1
            if place.user in self._waiting:
                self._waiting.move_to_end(place.user)
            place._turn.set()

    def _next(self) -> Place | None:
        """The first query of the first user that may run."""
        for places in self._waiting.values():
            for place in places:
                if self._full(place, place.limits()) is None:
                    return place
        return None

    def _full(self, place: Place, limits: QueryLimits) -> tuple[str, int] | None:
        """What is full for a query, and how many that takes; ``None`` when it may run."""
        if not place.beside and self._count_running(place.user) >= limits.concurrent:
            return "user", limits.concurrent
        if limits.on_connection is not None:
            if self._count_on(place.connection_id) >= limits.on_connection:
                return "connection", limits.on_connection
        if not place.beside and self._count_running() >= self.room.total:
            return "all", self.room.total
        return None

    def _count_running(self, user: str | None = None) -> int:
        if user is None:
            return self._running.total() + self._elsewhere.total()
        return self._running[user] + self._elsewhere[user]

    def _count_on(self, connection_id: str) -> int:
        return self._on_connection[connection_id] + self._on_connection_elsewhere[connection_id]

    def _leave(self, place: Place) -> None:
        places = self._waiting[place.user]
        # By identity: two places of one user may look alike.
        self._waiting[place.user] = [each for each in places if each is not place]
        if not self._waiting[place.user]:
            del self._waiting[place.user]
        place.state = "left"

    def _count_waiting(self, user: str | None) -> int:
        if user is not None:
            return len(self._waiting.get(user, ()))
        return sum(map(len, self._waiting.values()))

    def _require_room(self, place: Place) -> None:
        """Checks that one more may wait; it is counted already."""
        if self.room.wait <= 0:
            raise self._no_place(place)
        mine = self._count_waiting(place.user) - 1
        if mine >= self.room.waiting_per_user:
            raise LimitReached(
                f"{_queries(mine)} of yours {_verb(mine, 'wait')} for a place already, as many as may. "
                "Send fewer at once, or try again in a moment.",
                code="too_many_waiting",
                limit=self.room.waiting_per_user,
                retry_after=_seconds(self.room.wait),
            )
        running, others = self._count_running(), self._count_waiting(None) - 1
        if others >= self.room.waiting:
            raise LimitReached(
                f"The Workbench is full: {_queries(running)} {_verb(running, 'run')} and "
                f"{_queries(others)} {_verb(others, 'wait')}. Try again in a moment.",
                code="too_many_waiting",
                limit=self.room.waiting,
                retry_after=_seconds(self.room.wait),
            )

    def _no_place(self, place: Place) -> LimitReached:
        full = self._full(place, place.limits())
        what, limit = full or ("all", self.room.total)
        if what == "user":
            said = (
                f"You run {_queries(limit)}, as many as you may at once{_waited(place)}. Wait for "
                "one to end, or cancel one."
            )
        elif what == "connection":
            said = (
                f"This connection runs {_queries(limit)}, as many as it may at once"
                f"{_waited(place)}. Try again in a moment."
            )
        else:
            said = (
                f"The Workbench runs {_queries(limit)}, as many as it may at once{_waited(place)}. "
                "Try again in a moment."
            )
        return LimitReached(
            said,
            code="too_many_queries",
            limit=limit,
            of=what,
            running=self._count_running(place.user),
            waited_ms=round(place.waited * 1000),
            retry_after=_seconds(self.room.wait),
        )


def _less(counter: Counter[str], name: str) -> None:
    counter[name] -= 1
    if counter[name] <= 0:
        del counter[name]


def _waited(place: Place) -> str:
    if place.waited <= 0:
        return ""
    return f", and none ended in the {place.waited:.0f} s that this one waited"


def _seconds(wait: float) -> int:
    """When to try again: whole seconds, as HTTP has them."""
    return max(1, min(30, round(wait)))


def _queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count} queries"


def _verb(count: int, verb: str) -> str:
    return f"{verb}s" if count == 1 else verb

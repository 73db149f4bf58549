"""Who runs now and who waits: slots for queries, handed out in turns.

A query that finds no slot waits for one, up to some seconds. Users take turns: whoever has fifty
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
class Capacity:
    """What holds for all together.

    Attributes:
        total: queries that run at the same time.
        wait: seconds that a query waits for its slot at most; 0: none waits.
        waiting: queries that wait at the same time.
        waiting_per_user: those of one user.
    """

    total: int
    wait: float
    waiting: int
    waiting_per_user: int


@dataclass
class Slot:
    """One query's slot, or its wait for one.

    Attributes:
        user: whose query it is.
        connection_id: what it runs on; empty for what isn't saved.
        limits: gives what holds for it at this moment.
        waited: seconds that it waited.
        beside: whether it belongs to a query that has its slot, as a load does to the read that
            feeds it: it counts on its connection alone. Else a few such would hold all slots
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
        """Whether it has its slot."""
        return self.state == "running"

    def interrupt(self) -> None:
        """Ends its wait, without a slot. Safe from any thread; without effect when it runs."""
        self._turn.set()


class Slots:
    """Hands out slots. Safe from any thread.

    Args:
        refresh: called now and then while something waits, so that changed limits are noticed; it
            must not raise.
    """

    def __init__(self, capacity: Capacity, refresh: Callable[[], object] = lambda: None) -> None:
        self.capacity = capacity
        self._refresh = refresh
        self._lock = threading.Lock()
        self._running: Counter[str] = Counter()
        self._on_connection: Counter[str] = Counter()
        # The same of other processes.
        self._elsewhere: Counter[str] = Counter()
        self._on_connection_elsewhere: Counter[str] = Counter()
        # The waiting by user, in the order in which users have their turn.
        self._waiting: OrderedDict[str, list[Slot]] = OrderedDict()

    def take(self, slot: Slot) -> None:
        """Waits until the slot is there; ``free`` gives it back.

        Raises:
            LimitReached: no slot came free in time (``too_many_queries``), or too many wait
                already (``too_many_waiting``).
            Conflict: the wait was interrupted (``cancelled``).
        """
        with self._lock:
            slot.state = "waiting"
            self._waiting.setdefault(slot.user, []).append(slot)
            self._hand_out()
            if slot.runs():
                return
            try:
                self._may_wait(slot)
            except LimitReached:
                self._leave(slot)
                raise
        began = time.monotonic()
        end = began + self.capacity.wait
        while True:
            left = end - time.monotonic()
            came = slot._turn.wait(max(0.0, min(left, _LOOK_AGAIN)))
            if not came and left > _LOOK_AGAIN:
                self._refresh()
                self.reconsider()
                continue
            slot.waited = time.monotonic() - began
            with self._lock:
                if slot.runs():
                    return
                self._leave(slot)
                if not came:
                    raise self._no_slot(slot)
            raise Conflict("The query was cancelled while it waited.", code="cancelled")

    def free(self, slot: Slot) -> None:
        """Gives a slot back, to whose turn it is. Without effect for one that doesn't run."""
        with self._lock:
            if not slot.runs():
                return
            slot.state = "left"
            if not slot.beside:
                _less(self._running, slot.user)
            _less(self._on_connection, slot.connection_id)
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
        """Gives every free slot to whose turn it is."""
        while (slot := self._next()) is not None:
            self._leave(slot)
            slot.state = "running"
            if not slot.beside:
                self._running[slot.user] += 1
            self._on_connection[slot.connection_id] += 1
            if slot.user in self._waiting:
                self._waiting.move_to_end(slot.user)
            slot._turn.set()

    def _next(self) -> Slot | None:
        """The first query of the first user that may run."""
        for slots in self._waiting.values():
            for slot in slots:
                if self._full(slot, slot.limits()) is None:
                    return slot
        return None

    def _full(self, slot: Slot, limits: QueryLimits) -> tuple[str, int] | None:
        """What is full for a query, and how many that takes; ``None`` when it may run."""
        if not slot.beside and self._count_running(slot.user) >= limits.concurrent:
            return "user", limits.concurrent
        if limits.on_connection is not None:
            if self._count_on(slot.connection_id) >= limits.on_connection:
                return "connection", limits.on_connection
        if not slot.beside and self._count_running() >= self.capacity.total:
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

    def _may_wait(self, slot: Slot) -> None:
        """Checks that one more may wait; it is counted already."""
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
            said = (
                f"You already have {_queries(limit)} running, which is the limit{_waited(slot)}. "
                "Wait for one to end, or cancel one."
            )
        elif what == "connection":
            said = (
                f"This connection already has {_queries(limit)} running, which is the "
                f"limit{_waited(slot)}. Try again in a moment."
            )
        else:
            said = (
                f"The Workbench already has {_queries(limit)} running, which is the "
                f"limit{_waited(slot)}. Try again in a moment."
            )
        return LimitReached(
            said,
            code="too_many_queries",
            limit=limit,
            of=what,
            running=self._count_running(slot.user),
            waited_ms=round(slot.waited * 1000),
            retry_after=_seconds(self.capacity.wait),
        )


def _less(counter: Counter[str], name: str) -> None:
    counter[name] -= 1
    if counter[name] <= 0:
        del counter[name]


def _waited(slot: Slot) -> str:
    if slot.waited <= 0:
        return ""
    return f", and none ended in the {slot.waited:.0f} s that this one waited"


def _seconds(wait: float) -> int:
    """When to try again: whole seconds, as HTTP has them."""
    return max(1, min(30, round(wait)))


def _queries(count: int) -> str:
    return "1 query" if count == 1 else f"{count} queries"

"""The queue: who gets a slot, in which order, and how a wait ends."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable

import pytest
from support.wait import wait_for

from wb_server.kit.errors import Conflict, LimitReached, WorkbenchError
from wb_server.queries.limits.models import QueryLimits
from wb_server.queries.limits.queue import Capacity, Slot, Slots


def limits(concurrent: int = 100, on_connection: int | None = None) -> QueryLimits:
    return QueryLimits(concurrent, on_connection, 1, 1024, 1.0, 0)


def room(total: int = 1, wait: float = 60, waiting: int = 1000, per_user: int = 1000) -> Capacity:
    return Capacity(total, wait, waiting, per_user)


class Queue:
    """Slots, with users who ask for them, each in its own thread."""

    def __init__(self, slots: Slots) -> None:
        self.slots = slots
        self.started: list[Slot] = []
        self.failed: list[WorkbenchError] = []
        self.threads: list[threading.Thread] = []

    def ask(
        self,
        user: str,
        connection: str = "",
        held: Callable[[], QueryLimits] = limits,
    ) -> Slot:
        """Asks for a slot; returns once it is granted, refused or queued."""
        slot = Slot(user, connection, held)
        known = len(self.started) + len(self.failed) + self.slots.waiting()

        def take() -> None:
            try:
                self.slots.take(slot)
                self.started.append(slot)
            except WorkbenchError as error:
                self.failed.append(error)

        thread = threading.Thread(target=take)
        thread.start()
        self.threads.append(thread)
        wait_for(lambda: len(self.started) + len(self.failed) + self.slots.waiting() > known)
        return slot

    def end_one(self) -> Slot:
        """Ends the query that started last, waits for the next one to start, and returns it."""
        number = len(self.started)
        self.slots.free(self.started[-1])
        wait_for(lambda: len(self.started) > number)
        return self.started[-1]

    def join(self) -> None:
        for thread in self.threads:
            thread.join(20)
            assert not thread.is_alive()


def test_a_free_slot_is_granted_at_once() -> None:
    slots = Slots(room(total=2))
    for user in ("ana", "ben"):
        slot = Slot(user, "c", limits)
        slots.take(slot)
        assert slot.waited == 0
    assert slots.running() == 2 and slots.running("ana") == 1 and slots.running_on("c") == 2


def test_a_waiting_query_gets_the_next_free_slot() -> None:
    queue = Queue(Slots(room()))
    first = queue.ask("ana")
    second = queue.ask("ben")
    assert queue.started == [first] and queue.slots.waiting("ben") == 1
    assert queue.end_one() is second
    assert second.waited > 0 and queue.slots.waiting() == 0
    queue.slots.free(second)
    assert queue.slots.running() == 0
    queue.join()


def test_fifty_waiting_queries_of_one_user_do_not_starve_another() -> None:
    queue = Queue(Slots(room()))
    queue.ask("ana")
    for _ in range(50):
        queue.ask("ana")
    queue.ask("ben")
    queue.ask("ben")
    queue.ask("cleo")
    order = [queue.end_one().user for _ in range(6)]
    # Ana's turn was first; then the others, in their turn.
    assert order == ["ana", "ben", "cleo", "ana", "ben", "ana"]
    for _ in range(53 - 6):
        assert queue.end_one().user == "ana"
    queue.join()


def test_a_user_who_keeps_asking_does_not_starve_one_who_waits() -> None:
    queue = Queue(Slots(room()))
    queue.ask("ben")
    ana = [queue.ask("ana") for _ in range(5)]
    order = []
    for _ in range(8):
        queue.ask("ben")
        order.append(queue.end_one().user)
    assert Counter(order)["ana"] >= 4 and order[:4] == ["ana", "ben", "ana", "ben"]
    while queue.slots.waiting():
        queue.end_one()
    queue.join()
    assert all(each in queue.started for each in ana)


def test_one_users_queries_start_in_their_order() -> None:
    queue = Queue(Slots(room()))
    queue.ask("ana")
    wanted = [queue.ask("ana") for _ in range(10)]
    assert [queue.end_one() for _ in range(10)] == wanted
    queue.join()


def test_a_full_connection_does_not_hold_up_the_others() -> None:
    queue = Queue(Slots(room(total=3)))
    one = lambda: limits(on_connection=1)  # noqa: E731
    busy = queue.ask("ana", "narrow", one)
    blocked = queue.ask("ana", "narrow", one)
    also = queue.ask("ben", "narrow", one)
    free = queue.ask("ana", "wide")
    assert queue.started == [busy, free]
    queue.slots.free(busy)
    wait_for(lambda: len(queue.started) == 3)
    # Ana had a turn on the other connection meanwhile, so this one is Ben's.
    assert queue.started[-1] is also and queue.slots.running_on("narrow") == 1
    queue.slots.free(also)
    wait_for(lambda: len(queue.started) == 4)
    assert queue.started[-1] is blocked
    queue.join()


def test_a_users_own_limit_does_not_affect_others() -> None:
    queue = Queue(Slots(room(total=10)))
    two = lambda: limits(2)  # noqa: E731
    for _ in range(3):
        queue.ask("ana", held=two)
    queue.ask("ben", held=two)
    assert Counter(slot.user for slot in queue.started) == {"ana": 2, "ben": 1}
    queue.slots.free(queue.started[0])
    wait_for(lambda: len(queue.started) == 4)
    queue.join()


def test_a_wait_that_times_out_reports_how_many_run() -> None:
    slots = Slots(room(total=5, wait=0.05))
    mine = lambda: limits(2)  # noqa: E731
    for _ in range(2):
        slots.take(Slot("ana", "", mine))
    with pytest.raises(
        LimitReached, match="You already have 2 queries running, which is the limit"
    ) as refused:
        slots.take(Slot("ana", "", mine))
    details = refused.value.details
    assert refused.value.code == "too_many_queries"
    assert (details["limit"], details["of"], details["running"]) == (2, "user", 2)
    assert details["waited_ms"] >= 50 and details["retry_after"] >= 1
    assert slots.waiting() == 0 and slots.running() == 2
    slots.take(Slot("ben", "", mine))


@pytest.mark.parametrize(
    ("total", "on_connection", "message", "of"),
    [
        (1, None, "The Workbench already has 1 query", "all"),
        (9, 1, "This connection already has", "connection"),
    ],
)
def test_the_refusal_names_what_is_full(
    total: int, on_connection: int | None, message: str, of: str
) -> None:
    slots = Slots(room(total=total, wait=0))
    held = lambda: limits(on_connection=on_connection)  # noqa: E731
    slots.take(Slot("ana", "c", held))
    with pytest.raises(LimitReached, match=message) as refused:
        slots.take(Slot("ben", "c", held))
    assert refused.value.details["of"] == of and "waited" not in refused.value.message


def test_waiting_queries_of_one_user_are_limited() -> None:
    queue = Queue(Slots(room(per_user=2)))
    for _ in range(3):
        queue.ask("ana")
    with pytest.raises(LimitReached, match="2 queries waiting, which is the limit") as refused:
        queue.slots.take(Slot("ana", "", limits))
    assert refused.value.code == "too_many_waiting" and refused.value.details["limit"] == 2
    queue.ask("ben")
    for _ in range(3):
        queue.end_one()
    queue.join()


def test_waiting_queries_in_total_are_limited() -> None:
    queue = Queue(Slots(room(waiting=2)))
    for user in ("ana", "ben", "cleo"):
        queue.ask(user)
    with pytest.raises(LimitReached, match="1 query running and 2 queries waiting") as refused:
        queue.slots.take(Slot("dan", "", limits))
    assert refused.value.code == "too_many_waiting" and refused.value.details["limit"] == 2
    for _ in range(2):
        queue.end_one()
    queue.join()


def test_an_interrupted_wait_leaves_nothing() -> None:
    queue = Queue(Slots(room()))
    running = queue.ask("ana")
    waiting = queue.ask("ben")
    waiting.interrupt()
    wait_for(lambda: queue.failed)
    assert isinstance(queue.failed[0], Conflict) and queue.failed[0].code == "cancelled"
    assert queue.slots.waiting() == 0
    queue.slots.free(waiting)  # without effect: it never had a slot
    assert queue.slots.running() == 1
    queue.slots.free(running)
    queue.slots.free(running)  # nor has freeing it twice
    assert queue.slots.running() == 0
    queue.join()


def test_a_query_interrupted_before_it_asks_does_not_wait() -> None:
    slots = Slots(room())
    slots.take(Slot("ana", "", limits))
    slot = Slot("ben", "", limits)
    slot.interrupt()
    with pytest.raises(Conflict):
        slots.take(slot)


def test_a_raised_limit_starts_waiting_queries() -> None:
    held = [limits(1)]
    queue = Queue(Slots(room(total=10)))
    for _ in range(3):
        queue.ask("ana", held=lambda: held[0])
    assert len(queue.started) == 1
    held[0] = limits(3)
    queue.slots.reconsider()
    wait_for(lambda: len(queue.started) == 3)
    queue.join()


def test_a_limit_changed_elsewhere_is_noticed_while_a_query_waits() -> None:
    held = [limits(1)]
    slots = Slots(room(total=10), refresh=lambda: held.__setitem__(0, limits(2)))
    queue = Queue(slots)
    for _ in range(2):
        queue.ask("ana", held=lambda: held[0])
    wait_for(lambda: len(queue.started) == 2)
    queue.join()


def test_many_threads_never_exceed_the_limits() -> None:
    slots = Slots(room(total=5, wait=60))
    lock = threading.Lock()
    now: Counter[str] = Counter()
    most: Counter[str] = Counter()

    def work(user: str) -> None:
        for _ in range(100):
            slot = Slot(user, "c", lambda: limits(2))
            slots.take(slot)
            with lock:
                now[user] += 1
                most[user] = max(most[user], now[user])
                most["all"] = max(most["all"], now.total())
            with lock:
                now[user] -= 1
            slots.free(slot)

    threads = [threading.Thread(target=work, args=(f"u{number % 4}",)) for number in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()
    assert most["all"] <= 5 and all(most[f"u{number}"] <= 2 for number in range(4))
    assert slots.running() == 0 and slots.waiting() == 0

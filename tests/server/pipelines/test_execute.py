"""An attempt that waits for room on the disk."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

from wb_server.kit import clock
from wb_server.kit.endpoint import HangUp
from wb_server.kit.errors import Unavailable
from wb_server.pipelines.running_attempt import RunningAttempt


class Waits(threading.Event):
    """Notes the time that the attempt has left while it waits, instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.left: list[float] = []
        self.attempt: Any = None

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.left.append(self.attempt.deadline - clock.monotonic() - timeout)
        return False


def test_the_time_of_a_task_does_not_run_out_while_it_waits_for_room() -> None:
    """The keeper stops an attempt that is past its deadline, also in the middle of a wait."""
    held: list[str] = []
    record: Any = SimpleNamespace(held=held.append)
    claim: Any = None
    waits = Waits()
    attempt = RunningAttempt(
        claim, HangUp(), clock.monotonic() + 1.0, record, clock.monotonic() + 60, stopping=waits
    )
    waits.attempt = attempt
    tries = iter([True, True, False])

    def store() -> str:
        if next(tries):
            raise Unavailable("No room.", code="storage_full")
        return "stored"

    assert attempt.stored(store) == "stored"
    assert held == ["No room."] * 2
    assert len(waits.left) == 2
    assert all(left > 0 for left in waits.left), "no wait outlasts the deadline"

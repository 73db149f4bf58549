"""An attempt that runs in this process, and what may stop it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from ..kit import clock
from ..kit.endpoint import HangUp
from ..kit.errors import WorkbenchError
from .recorder import AttemptRecorder
from .runs.steps import Claim

STORAGE = frozenset({"storage_full", "storage_down", "storage_busy"})
"""Codes of errors of the metadata database and the disk."""
# Between two tries to store what a task made, on a full disk.
_ROOM_SECONDS = 2.0
T = TypeVar("T")
Stopped = Literal["cancelled", "timeout", "stale", "shutdown", "refused"]


@dataclass
class RunningAttempt:
    """An attempt that runs in this process.

    Attributes:
        deadline: when it is stopped, by ``clock.monotonic``; moved on while the Workbench holds it up.
        timeout: its timeout in seconds.
        why: why it is being stopped, if it is.
        stopping: set once it is.
        refusal: the error to report if its rights were withdrawn.
    """

    claim: Claim
    hang_up: HangUp
    deadline: float
    record: AttemptRecorder
    lease_until: float
    timeout: float = 3600.0
    stopping: threading.Event = field(default_factory=threading.Event)
    why: Stopped | None = None
    refusal: WorkbenchError | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def stop(self, why: Stopped, refusal: WorkbenchError | None = None) -> None:
        with self.lock:
            if self.why is not None:
                return
            self.why, self.refusal = why, refusal
        self.stopping.set()
        # Hanging up may wait for a source, so it doesn't run in the keeper thread.
        threading.Thread(target=self.hang_up.now, daemon=True).start()

    def stored(self, store: Callable[[], T]) -> T:
        """Stores what the task has made; waits while the disk is full, without using up its time.

        Raises:
            WorkbenchError: another failure, or the attempt was stopped in the meantime.
        """
        while True:
            began = clock.monotonic()
            try:
                return store()
            except WorkbenchError as error:
                if error.code not in STORAGE or self.stopping.is_set():
                    raise
                self.record.held(error.message)
                # Before the wait: the keeper looks at the deadline during it.
                self.deadline += clock.monotonic() - began + _ROOM_SECONDS
                self.stopping.wait(_ROOM_SECONDS)

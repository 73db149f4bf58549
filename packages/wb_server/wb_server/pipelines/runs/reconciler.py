"""Resumes what was left behind, and removes what is too old; a scheduler repeats both."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from ...engines.base import Dispatcher
from ...kit import clock
from ...kit.blobs import Blobs
from ...kit.events import Bus
from .service import RunService
from .task_transitions import TaskTransitions
from .upkeep import Upkeep

# Seconds after which a ready task run that no worker has claimed is rung again.
_RING_AGAIN: Final = 5.0


class Reconciler:
    """Keeps runs moving where a process or a ring was lost.

    Several processes may use one at the same time.

    Args:
        lease: seconds that a worker gets to renew its leases after the metadata database, or this process,
            didn't answer: it could not do so before.
        retention_days: the maximum age of ended runs.
        retention_runs: the maximum number of ended runs of a pipeline.
    """

    def __init__(
        self,
        runs: RunService,
        tasks: TaskTransitions,
        upkeep: Upkeep,
        blobs: Blobs,
        dispatcher: Dispatcher,
        bus: Bus,
        *,
        lease: float,
        retention_days: int,
        retention_runs: int,
    ) -> None:
        self._runs = runs
        self._tasks = tasks
        self._upkeep = upkeep
        self._blobs = blobs
        self._dispatcher = dispatcher
        self._bus = bus
        self._lease = lease
        self._failed = False
        self._went_at: float | None = None
        self._expires_from = float("-inf")
        self._retention_days = retention_days
        self._retention_runs = retention_runs

    def reconcile(self) -> int:
        """Resumes what was left: lost leases, unanswered rings, waiting runs.

        Returns:
            The number of things found.
        """
        now = clock.monotonic()
        if self._failed or (self._went_at is not None and now - self._went_at > self._lease):
            self._expires_from = now + self._lease
        self._failed, self._went_at = True, now
        lost = self._tasks.expire() if now >= self._expires_from else []
        for step in lost:
            self._runs.went(step)
        again = self._upkeep.overdue(_RING_AGAIN)
        self._dispatcher.ring(again)
        held_up = self._upkeep.held_up()
        for pipeline_id in held_up:
            self._runs.start_waiting(pipeline_id)
        if lost or held_up:
            self._bus.publish_soon("runs")
        self._failed = False
        return len(lost) + len(again) + len(held_up)

    def tidy(self) -> int:
        """Removes runs over their maximum age or number, and files without references.

        Returns:
            The number of runs removed.
        """
        before = clock.now() - timedelta(days=self._retention_days)
        gone = 0
        while pruned := self._upkeep.prune(before, self._retention_runs):
            gone += pruned
        self._blobs.sweep()
        return gone

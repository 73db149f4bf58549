"""Background work of pipelines: fires schedules and recovers runs that lost their worker."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from ..kit.errors import WorkbenchError
from .runs.reconciler import Reconciler
from .schedules.service import ScheduleService

log = logging.getLogger(__name__)

_TIDY_SECONDS = 3600.0


class Scheduler:
    """Ticks in its own thread until closed. Several schedulers may run at the same time.

    Args:
        interval: seconds between two ticks.
    """

    def __init__(
        self, schedules: ScheduleService, reconciler: Reconciler, interval: float = 1.0
    ) -> None:
        self._schedules = schedules
        self._reconciler = reconciler
        self._interval = interval
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wb-scheduler", daemon=True)

    def start(self) -> None:
        """Starts ticking."""
        self._thread.start()

    def _run(self) -> None:
        tidied = time.monotonic() - _TIDY_SECONDS + 60  # not right at startup
        while True:
            self.tick()
            if time.monotonic() - tidied > _TIDY_SECONDS:
                tidied = time.monotonic()
                _try(self._reconciler.tidy)
            if self._stop.wait(self._interval):
                return

    def tick(self) -> None:
        """Fires due schedules and keeps runs moving."""
        for job in (self._schedules.tick, self._reconciler.reconcile):
            _try(job)

    def close(self) -> None:
        """Stops after the current tick."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(10)


def _try(job: Callable[[], object]) -> None:
    """Runs a job and logs its errors, so that one failure never ends the ticking."""
    try:
        job()
    except WorkbenchError as error:
        log.warning("the scheduler waits: %s", error.message)
    except Exception:
        log.exception("the scheduler failed")

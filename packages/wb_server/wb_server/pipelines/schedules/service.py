"""The tick: pipelines whose time has come. Any number of schedulers may tick at once."""

from __future__ import annotations

import logging

from ...kit import clock
from ...kit.errors import WorkbenchError
from ..definition import times
from ..definitions import Definitions
from ..models import Pipeline
from ..runs.service import RunService
from ..store import PipelineStore

log = logging.getLogger(__name__)

_AT_ONCE = 200


class ScheduleService:
    """Fires schedules. A fire is a unique row, so however many see it due, one run comes of it."""

    def __init__(self, store: PipelineStore, definitions: Definitions, runs: RunService) -> None:
        self._store = store
        self._definitions = definitions
        self._runs = runs

    def tick(self) -> int:
        """Fires what is due, and returns how many runs were started.

        A fire that was begun and not noted, because its scheduler was killed, is found again by the
        next tick, and comes to the same run.
        """
        now = clock.now()
        fired = 0
        for pipeline_id in self._store.due(now, _AT_ONCE):
            pipeline = self._store.by_id(pipeline_id)
            if pipeline is None or pipeline.approved is None:
                continue
            try:
                fired += self._fire(pipeline)
            except WorkbenchError as error:
                log.warning("“%s” was not started: %s", pipeline.name, error.message)
        return fired

    def _fire(self, pipeline: Pipeline) -> int:
        now = clock.now()
        assert pipeline.approved is not None
        schedule = self._definitions.pipeline(pipeline.id, pipeline.approved).schedule
        if schedule is None or schedule.paused or pipeline.paused:
            self._store.fired(pipeline, now, None)
            return 0
        due = times.catch_up(schedule, pipeline.fired_to, now)
        for moment in due:
            self._runs.start(pipeline, "schedule", "schedule", moment, fire_at=moment)
        self._store.fired(pipeline, now, times.next_fire(schedule, now))
        return len(due)

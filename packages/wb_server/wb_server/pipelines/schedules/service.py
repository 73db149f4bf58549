"""The tick: pipelines whose time has come. Any number of schedulers may tick at once."""

from __future__ import annotations

import logging
from datetime import datetime

from ...kit import clock
from ...kit.errors import Unprocessable, WorkbenchError
from ..accounts import Accounts, run_as
from ..definition import times
from ..definitions import Definitions
from ..models import Pipeline
from ..runs.service import RunService
from ..store import PipelineStore

log = logging.getLogger(__name__)

_AT_ONCE = 200


class ScheduleService:
    """Fires schedules. A fire is a unique row, so however many see it due, one run comes of it."""

    def __init__(
        self,
        store: PipelineStore,
        definitions: Definitions,
        runs: RunService,
        accounts: Accounts,
    ) -> None:
        self._store = store
        self._definitions = definitions
        self._runs = runs
        self._accounts = accounts

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
        definition = self._definitions.pipeline(pipeline.id, pipeline.approved)
        schedule = definition.schedule
        if schedule is None or schedule.paused or pipeline.paused:
            self._store.fired(pipeline, now, None)
            return 0
        due = times.catch_up(schedule, pipeline.fired_to, now)
        if due:
            due = self._shown_once(pipeline, run_as(pipeline.owner, definition), due)
        for moment in due:
            self._runs.start(pipeline, "schedule", "schedule", moment, fire_at=moment)
        self._store.fired(pipeline, now, times.next_fire(schedule, now))
        return len(due)

    def _shown_once(self, pipeline: Pipeline, account: str, due: list[datetime]) -> list[datetime]:
        """The times to fire: where its rights are gone, one run says so, and the others are left out.

        A run for each would push all that ran before out of the list of runs.
        """
        try:
            run = {"id": "", "pipeline_id": pipeline.id, "version": pipeline.approved}
            self._accounts.of_run({**run, "run_as": account})
        except Unprocessable as error:
            last = self._runs.last([pipeline.id]).get(pipeline.id)
            return [] if last is not None and last.code == error.code else due[-1:]
        except WorkbenchError:
            pass  # the Hub doesn't answer: each attempt asks it again
        return due

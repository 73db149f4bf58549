"""Starts runs of pipelines whose schedule is due. Several schedulers may do so at the same time."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from ...kit import clock
from ...kit.errors import Internal, NotFound, Unprocessable, WorkbenchError
from ..accounts import Accounts, run_as
from ..definition import times
from ..definitions import Definitions
from ..models import Pipeline
from ..runs.service import RunService
from ..store import PipelineStore

log = logging.getLogger(__name__)

_MAX_PER_TICK = 200
# When a pipeline is looked at again whose approved version can't be read.
_PUT_OFF = timedelta(hours=1)


class ScheduleService:
    """Fires schedules. A fire is a unique row, so it starts one run, however many see it due."""

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
        """Fires due schedules, and returns how many fires were due.

        If a scheduler is killed after starting a run but before recording the fire, the next tick finds
        the fire again and arrives at the same run.
        """
        now = clock.now()
        fired = 0
        for pipeline_id in self._store.due(now, _MAX_PER_TICK):
            pipeline = self._store.by_id(pipeline_id)
            if pipeline is None or pipeline.approved is None:
                continue
            try:
                fired += self._fire(pipeline)
            except (Unprocessable, NotFound) as error:
                self._put_off(pipeline, error)
            except WorkbenchError as error:
                log.warning("“%s” was not started: %s", pipeline.name, error.message)
            except Exception as error:
                # It must keep no other pipeline waiting.
                log.exception("“%s” was not started", pipeline.name)
                self._put_off(pipeline, Internal(f"The schedule failed: {type(error).__name__}."))
        return fired

    def _put_off(self, pipeline: Pipeline, error: WorkbenchError) -> None:
        """Looks at a pipeline again in an hour, because its approved version can't be read now.

        Nothing of its schedule is lost: a release that reads the version catches up.
        """
        now = clock.now()
        if not self._store.put_off(pipeline, now + _PUT_OFF):
            return  # another scheduler has put it off, or the pipeline has just changed
        last = self._runs.last([pipeline.id]).get(pipeline.id)
        if last is None or last.code != error.code:
            log.warning("the schedule of “%s” waits: %s", pipeline.name, error.message)
            self._runs.fail(pipeline, pipeline.next_fire_at or now, error)

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
            due = self._failing_once(pipeline, run_as(pipeline.owner, definition), due)
        for moment in due:
            self._runs.start(pipeline, "schedule", "schedule", moment, fire_at=moment)
        self._store.fired(pipeline, now, times.next_fire(schedule, now))
        return len(due)

    def _failing_once(
        self, pipeline: Pipeline, account: str, due: list[datetime]
    ) -> list[datetime]:
        """The times to fire: if the pipeline may no longer run, only one run fails and says so.

        A failed run for each time would push all earlier runs out of the list of runs.
        """
        try:
            run = {"id": "", "pipeline_id": pipeline.id, "version": pipeline.approved}
            self._accounts.of_run({**run, "run_as": account})
        except Unprocessable as error:
            last = self._runs.last([pipeline.id]).get(pipeline.id)
            return [] if last is not None and last.code == error.code else due[-1:]
        except WorkbenchError:
            pass  # the Hub doesn't answer; each attempt checks again
        return due

"""The rules of runs: who may start, see, cancel and rerun them."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from ...engines.base import Dispatcher
from ...governance.rights import Rights
from ...kit import clock
from ...kit.actor import Actor
from ...kit.blobs import Blobs
from ...kit.errors import Conflict, InvalidInput, NotFound, Unprocessable, WorkbenchError
from ...kit.events import Bus
from ...kit.paging import decode_cursor, encode_cursor
from ..accounts import named, not_approved, run_as
from ..definition import parameters
from ..definition.models import PipelineFile
from ..definitions import Definitions, run_scope, start_of
from ..models import Pipeline
from ..store import PipelineStore
from .models import (
    ENDED,
    LogPage,
    RerunRequest,
    Run,
    RunDetail,
    RunPage,
    RunQuery,
    RunRequest,
    RunSummary,
    Trigger,
)
from .plan import VersionOfRun, changed_tasks, tasks_again, tasks_of, values_again
from .run_transitions import RunTransitions
from .steps import NewRun, Step
from .store import RunStore

_LOG_PAGE = 256 * 1024


class RunService:
    """Starts, shows, cancels and reruns runs."""

    def __init__(
        self,
        store: RunStore,
        transitions: RunTransitions,
        pipelines: PipelineStore,
        definitions: Definitions,
        rights: Rights,
        blobs: Blobs,
        dispatcher: Dispatcher,
        bus: Bus,
    ) -> None:
        self._store = store
        self._transitions = transitions
        self._pipelines = pipelines
        self._definitions = definitions
        self._rights = rights
        self._blobs = blobs
        self._dispatcher = dispatcher
        self._bus = bus

    # --- starting ----------------------------------------------------------------------------

    def trigger(self, actor: Actor, pipeline: Pipeline, request: RunRequest) -> Run:
        """Starts a run of a pipeline that the actor may see. It runs with the owner's rights.

        Raises:
            Forbidden: the actor may not run it.
            Conflict: no version of it may run yet (``not_approved``); ``key_reused``.
            InvalidInput: a parameter doesn't fit.
        """
        self._rights.require(actor, "pipeline.run", pipeline)
        run_id = self.start(
            pipeline,
            "manual",
            actor.name,
            request.date or clock.now(),
            given=request.parameters,
            idempotency_key=request.idempotency_key,
        )
        run = self._store.run(run_id)
        assert run is not None
        return run

    def start(
        self,
        pipeline: Pipeline,
        trigger: Trigger,
        by: str,
        at: datetime | date,
        *,
        given: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        fire_at: datetime | None = None,
    ) -> str:
        """Starts a run, without checking who may.

        Args:
            by: who or what starts it.
            at: the moment or the day that the run is for.
            given: values of parameters.
            idempotency_key: a second call with the same key starts nothing.
            fire_at: the due time, if a schedule starts it.

        Returns:
            The run's id, or that of the run which the key or the due time has started already.

        Raises:
            Conflict: no version of it may run yet (``not_approved``); ``key_reused``.
            InvalidInput: a parameter doesn't fit. With ``fire_at``, the run fails instead.
        """
        if pipeline.approved is None:
            raise not_approved(pipeline, pipeline.head)
        definition = self._definitions.pipeline(pipeline.id, pipeline.approved)
        dated = not isinstance(at, datetime)
        logical_at = at if isinstance(at, datetime) else start_of(definition, at)
        run_id = str(uuid.uuid4())
        values: dict[str, Any] = {}
        refused: tuple[str, str] | None = None
        scope = run_scope(definition, logical_at, trigger, run_id)
        try:
            values = parameters.resolve(definition.parameters, given or {}, scope)
        except InvalidInput as error:
            if fire_at is None:
                raise
            # No client waits for the answer, so the run records what is wrong.
            refused = (error.code, error.message)
        step = self._transitions.create(
            NewRun(
                pipeline_id=pipeline.id,
                version=pipeline.approved,
                trigger=trigger,
                triggered_by=by,
                run_as=run_as(pipeline.owner, definition),
                parameters=parameters.to_json(values),
                logical_at=logical_at,
                tasks=tasks_of(definition),
                concurrency=definition.concurrency,
                idempotency_key=idempotency_key,
                fire_at=fire_at,
                given=[name for name, value in (given or {}).items() if value is not None],
                dated=dated,
                id=run_id,
                refused=refused,
            )
        )
        if step.done:
            self.went(step)
        return step.run_id

    def fail(self, pipeline: Pipeline, due: datetime, error: WorkbenchError) -> None:
        """Adds a failed run that says why a schedule couldn't start one."""
        assert pipeline.approved is not None
        self.went(
            self._transitions.create(
                NewRun(
                    pipeline_id=pipeline.id,
                    version=pipeline.approved,
                    trigger="schedule",
                    triggered_by="schedule",
                    run_as=named(pipeline.owner),
                    parameters={},
                    logical_at=due,
                    tasks=(),
                    refused=(error.code, error.message),
                )
            )
        )

    def rerun(self, actor: Actor, run_id: str, request: RerunRequest) -> Run:
        """Runs the same version or the current one again, with the current owner's rights.

        Raises:
            NotFound: there is no such run that the actor may see, or no such task.
            InvalidInput: a parameter doesn't fit the current version.
            Forbidden: the actor may not run the pipeline.
            Conflict: the run is still active (``not_ended``), nothing of it failed
                (``nothing_failed``), or a needed task did not succeed (``needed_failed``); the pipeline
                is deleted (``deleted``), its owner changed (``owner_changed``), or never approved this
                version (``not_approved``).
        """
        run, pipeline = self._visible(actor, run_id)
        self._rights.require(actor, "pipeline.run", pipeline)
        if run.state not in ENDED:
            raise Conflict(
                "This run is still active. Cancel it or wait for it to finish.", code="not_ended"
            )
        if pipeline.deleted_at is not None:
            raise Conflict("The pipeline was deleted. Restore it first.", code="deleted")
        version = run.version if request.version == "same" else pipeline.approved
        standing = self._pipelines.standing(pipeline.id, version) if version is not None else None
        if version is None or standing is None or standing.approved_for != named(pipeline.owner):
            raise not_approved(pipeline, version or pipeline.head)
        definition = self._definitions.pipeline(pipeline.id, version)
        account = run_as(pipeline.owner, definition)
        if request.what != "all" and run.run_as != account:
            raise Conflict(
                "This run's results were made with the rights of "
                f"{run.run_as.partition(':')[2]}. Rerun all of it.",
                code="owner_changed",
            )
        new_id = str(uuid.uuid4())
        given = self._store.given(run.id)
        values, changed = run.parameters, frozenset[str]()
        if version != run.version:
            scope = run_scope(definition, run.logical_at, "rerun", new_id)
            values = values_again(definition, run.parameters, given, scope)
            if request.what == "failed":
                changed = self._changed(run, definition, version, values)
        step = self._transitions.create(
            NewRun(
                pipeline_id=run.pipeline_id,
                version=version,
                trigger="rerun",
                triggered_by=actor.name,
                run_as=account,
                parameters=values,
                logical_at=run.logical_at,
                tasks=tasks_again(definition, self._store.tasks(run.id), request, changed),
                concurrency=definition.concurrency,
                rerun_of=run.id,
                given=given,
                id=new_id,
            )
        )
        self.went(step)
        again = self._store.run(step.run_id)
        assert again is not None
        return again

    def _changed(
        self, run: Run, definition: PipelineFile, version: int, values: Mapping[str, Any]
    ) -> frozenset[str]:
        """The tasks of a version whose results in an earlier run are out of date."""
        try:
            before = self._definitions.pipeline(run.pipeline_id, run.version)
            files_before = self._definitions.files(run.pipeline_id, run.version)
            files = self._definitions.files(run.pipeline_id, version)
            return changed_tasks(
                VersionOfRun(before, files_before, run.parameters),
                VersionOfRun(definition, files, values),
                self._definitions.contents(files),
            )
        except Unprocessable:
            return frozenset(definition.tasks)

    def cancel(self, actor: Actor, run_id: str) -> Run:
        """Cancels a run: tasks that haven't started end at once, running ones within seconds.

        Raises:
            NotFound, Forbidden: as for ``rerun``.
            Conflict: it has ended (``ended``).
        """
        run, pipeline = self._visible(actor, run_id)
        self._rights.require(actor, "pipeline.run", pipeline)
        if run.state in ENDED:
            raise Conflict("This run has ended.", code="ended")
        self.went(self._transitions.cancel(run_id, actor.name))
        now = self._store.run(run_id)
        assert now is not None
        return now

    def cancel_all(self, pipeline_id: str, by: str) -> None:
        """Cancels every active or waiting run of a pipeline."""
        for run_id in self._store.going(pipeline_id):
            self.went(self._transitions.cancel(run_id, by))

    # --- reading -----------------------------------------------------------------------------

    def list(self, actor: Actor, visible: Mapping[str, str], query: RunQuery) -> RunPage:
        """A page of the runs of pipelines that the actor may see, newest first.

        Args:
            visible: the ids of these pipelines -> their names.
        """
        ids: builtins.list[str] | None = list(visible)
        if query.pipeline is not None:
            ids = [i for i, name in visible.items() if query.pipeline in (i, name)]
            if not ids:
                raise NotFound(f"There is no pipeline “{query.pipeline}”.", code="unknown_pipeline")
        elif "admin" in actor.groups:
            ids = None  # all
        before = decode_cursor(query.cursor) if query.cursor else None
        items, last = self._store.page(ids, query.state, query.number, before, query.limit)
        return RunPage(items=items, next=encode_cursor(last) if last is not None else None)

    def last(self, pipeline_ids: builtins.list[str]) -> dict[str, RunSummary]:
        """The newest run of each pipeline."""
        return self._store.last(pipeline_ids) if pipeline_ids else {}

    def get(self, actor: Actor, run_id: str) -> RunDetail:
        """A run with its tasks.

        Raises:
            NotFound: there is none, or none that the actor may see.
        """
        run, pipeline = self._visible(actor, run_id)
        actions = []
        if self._rights.may(actor, "pipeline.run", pipeline):
            actions = ["rerun"] if run.state in ENDED else ["cancel"]
        return RunDetail(
            **run.model_dump(),
            tasks=self._store.tasks(run_id),
            actions=actions,
            run_date=self._day_of(run),
            current_version=pipeline.approved,
        )

    def _day_of(self, run: Run) -> date | None:
        try:
            definition = self._definitions.pipeline(run.pipeline_id, run.version)
        except (NotFound, Unprocessable):
            return None
        day: date = run_scope(definition, run.logical_at, run.trigger)["run"]["date"]
        return day

    def log(self, actor: Actor, attempt_id: str, start: int) -> LogPage:
        """A piece of an attempt's log.

        Raises:
            NotFound: there is no such attempt, or none that the actor may see.
        """
        row = self._attempt(actor, attempt_id)
        pieces = self._store.log(attempt_id, start, _LOG_PAGE)
        following = pieces[-1][0] + 1 if pieces else start
        return LogPage(
            text="".join(text for _, text in pieces),
            next=following,
            ended=row["state"] != "running" and not self._store.log(attempt_id, following, 1),
        )

    def notebook(self, actor: Actor, attempt_id: str) -> bytes:
        """The notebook of an attempt, executed as far as the attempt got.

        Raises:
            NotFound: there is no such attempt, or it has no notebook.
        """
        row = self._attempt(actor, attempt_id)
        if row["notebook"] is None:
            raise NotFound("This attempt has no notebook.", code="no_notebook")
        with self._blobs.open(row["notebook"]) as file:
            return file.read()

    def artifact(self, actor: Actor, run_id: str, task: str, name: str) -> tuple[str, str]:
        """The media type and the digest of an artifact.

        Raises:
            NotFound: there is no such artifact, or none that the actor may see.
        """
        self._visible(actor, run_id)
        row = self._store.artifact(run_id, task, name)
        if row is None:
            raise NotFound("This task has no such artifact.", code="unknown_artifact")
        return row["media_type"], row["digest"]

    def _attempt(self, actor: Actor, attempt_id: str) -> Mapping[str, Any]:
        row = self._store.attempt(attempt_id)
        pipeline = self._pipelines.by_id(row["pipeline_id"]) if row is not None else None
        if row is None or pipeline is None or not self._may_see(actor, pipeline):
            raise NotFound("There is no such attempt.", code="unknown_id")
        return dict(row)

    def _visible(self, actor: Actor, run_id: str) -> tuple[Run, Pipeline]:
        run = self._store.run(run_id)
        pipeline = self._pipelines.by_id(run.pipeline_id) if run is not None else None
        if run is None or pipeline is None or not self._may_see(actor, pipeline):
            raise NotFound("There is no such run.", code="unknown_id")
        return run, pipeline

    def _may_see(self, actor: Actor, pipeline: Pipeline) -> bool:
        return self._rights.may(actor, "pipeline.see", pipeline)

    # --- moving on ---------------------------------------------------------------------------

    def went(self, step: Step) -> None:
        """Acts on a step: rings workers, starts the next waiting run, publishes the change."""
        self._dispatcher.ring(step.ready)
        if step.ended is not None:
            run = self._store.run(step.run_id)
            if run is not None:
                self.start_waiting(run.pipeline_id)
        self.news(step.run_id)

    def news(self, run_id: str) -> None:
        """Publishes that something about runs has changed."""
        self._bus.publish_soon("runs")
        self._dispatcher.announce("runs")

    def start_waiting(self, pipeline_id: str) -> None:
        """Starts the next waiting run of a pipeline, if it may start now."""
        step = self._transitions.start_waiting(pipeline_id)
        if step is not None:
            self._dispatcher.ring(step.ready)

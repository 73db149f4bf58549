"""The rules of runs: who starts, sees, cancels and repeats them."""

from __future__ import annotations

import builtins
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ...engines.base import Dispatcher
from ...governance.rights import Rights
from ...kit import clock
from ...kit.actor import Actor
from ...kit.blobs import Blobs
from ...kit.errors import Conflict, InvalidInput, NotFound
from ...kit.events import Bus
from ...kit.paging import decode_cursor, encode_cursor
from ..accounts import named, run_as
from ..definition import graph, parameters
from ..definition.models import PipelineFile
from ..definitions import Definitions, run_scope
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
from .run_transitions import RunTransitions
from .steps import NewRun, NewTask, Step
from .store import RunStore
from .task_transitions import TaskTransitions
from .upkeep import Upkeep

_LOG_PAGE = 256 * 1024
# A ready task run that was rung so many seconds ago and not taken is rung again.
_RING_AGAIN = 5.0


class RunService:
    """What other rooms and the handlers may ask of runs."""

    def __init__(
        self,
        store: RunStore,
        transitions: RunTransitions,
        tasks: TaskTransitions,
        upkeep: Upkeep,
        pipelines: PipelineStore,
        definitions: Definitions,
        rights: Rights,
        blobs: Blobs,
        dispatcher: Dispatcher,
        bus: Bus,
        *,
        retention_days: int,
        retention_runs: int,
    ) -> None:
        self._store = store
        self._transitions = transitions
        self._tasks = tasks
        self._upkeep = upkeep
        self._pipelines = pipelines
        self._definitions = definitions
        self._rights = rights
        self._blobs = blobs
        self._dispatcher = dispatcher
        self._bus = bus
        self._retention_days = retention_days
        self._retention_runs = retention_runs

    # --- starting ----------------------------------------------------------------------------

    def trigger(self, actor: Actor, pipeline: Pipeline, request: RunRequest) -> Run:
        """Starts a run of a pipeline that the actor may see. It has its owner's rights.

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
            clock.now(),
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
        logical_at: datetime,
        *,
        given: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
        fire_at: datetime | None = None,
    ) -> str:
        """Starts a run, for whoever may; returns its id, or that of the one that was there already."""
        if pipeline.approved is None:
            raise _not_approved(pipeline, pipeline.head)
        definition = self._definitions.pipeline(pipeline.id, pipeline.approved)
        run_id = str(uuid.uuid4())
        values: dict[str, Any] = {}
        refused: tuple[str, str] | None = None
        scope = run_scope(definition, logical_at, trigger, run_id)
        try:
            values = parameters.resolve(definition.parameters, given or {}, scope)
        except InvalidInput as error:
            if fire_at is None:
                raise
            # Nobody waits for the answer: what is wrong has to be seen in the list of runs.
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
                tasks=_new_tasks(definition),
                concurrency=definition.concurrency,
                idempotency_key=idempotency_key,
                fire_at=fire_at,
                id=run_id,
                refused=refused,
            )
        )
        if step.done:
            self.went(step)
        return step.run_id

    def rerun(self, actor: Actor, run_id: str, request: RerunRequest) -> Run:
        """Runs again with the same version and parameters, and with the rights of its owner of now.

        Raises:
            NotFound: there is no such run that the actor may see, or no such task.
            Forbidden: the actor may not run the pipeline.
            Conflict: the run goes on (``not_ended``), or nothing of it failed (``nothing_failed``); the
                pipeline is deleted (``deleted``), or its owner never approved this version
                (``not_approved``).
        """
        run, pipeline = self._visible(actor, run_id)
        self._rights.require(actor, "pipeline.run", pipeline)
        if run.state not in ENDED:
            raise Conflict(
                "This run is still active. Cancel it or wait for it to finish.", code="not_ended"
            )
        if pipeline.deleted_at is not None:
            raise Conflict("The pipeline was deleted. Restore it first.", code="deleted")
        standing = self._pipelines.standing(pipeline.id, run.version)
        if standing is None or standing.approved_for != named(pipeline.owner):
            raise _not_approved(pipeline, run.version)
        definition = self._definitions.pipeline(run.pipeline_id, run.version)
        account = run_as(pipeline.owner, definition)
        if request.what != "all" and run.run_as != account:
            raise Conflict(
                "This run's results were made with the rights of "
                f"{run.run_as.partition(':')[2]}. Rerun all of it.",
                code="owner_changed",
            )
        step = self._transitions.create(
            NewRun(
                pipeline_id=run.pipeline_id,
                version=run.version,
                trigger="rerun",
                triggered_by=actor.name,
                run_as=account,
                parameters=run.parameters,
                logical_at=run.logical_at,
                tasks=self._again(run, definition, request),
                concurrency=definition.concurrency,
                rerun_of=run.id,
            )
        )
        self.went(step)
        again = self._store.run(step.run_id)
        assert again is not None
        return again

    def _again(self, run: Run, definition: PipelineFile, request: RerunRequest) -> list[NewTask]:
        """The tasks of a re-run: what doesn't run again stands as it was, or is left out."""
        if request.what == "all":
            return _new_tasks(definition)
        old = {task.task: task for task in self._store.tasks(run.id)}
        if request.what == "failed":
            again = {name for name in definition.tasks if not _succeeded(old.get(name))}
            if not again:
                raise Conflict("Every task of this run succeeded.", code="nothing_failed")
            left_out: set[str] = set()
        else:
            if request.task is None or request.task not in definition.tasks:
                raise NotFound("This run has no such task.", code="unknown_task")
            again = {request.task}
            left_out = {name for name in definition.tasks if not _succeeded(old.get(name))} - again
            missing = graph.needed(definition.needs, request.task) & left_out
            if missing:
                raise Conflict(
                    f"“{request.task}” needs {', '.join(sorted(missing))}, which did not succeed.",
                    code="needed_failed",
                )
        made = []
        for task in _new_tasks(definition):
            if task.task in again:
                made.append(task)
            elif task.task in left_out:
                made.append(NewTask(task.task, task.type, task.needs, left_out=True))
            else:
                before = old[task.task]
                made.append(
                    NewTask(
                        task.task,
                        task.type,
                        task.needs,
                        taken=before.id,
                        outputs=before.outputs,
                    )
                )
        return made

    def cancel(self, actor: Actor, run_id: str) -> Run:
        """Ends a run: what hasn't begun at once, what runs within seconds.

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
        """Ends every run of a pipeline that goes on or waits."""
        for run_id in self._store.going(pipeline_id):
            self.went(self._transitions.cancel(run_id, by))

    # --- reading -----------------------------------------------------------------------------

    def list(self, actor: Actor, visible: Mapping[str, str], query: RunQuery) -> RunPage:
        """Runs of the pipelines that the actor may see, the newest first.

        Args:
            visible: their ids -> names.
        """
        ids: builtins.list[str] | None = list(visible)
        if query.pipeline is not None:
            ids = [i for i, name in visible.items() if query.pipeline in (i, name)]
            if not ids:
                raise NotFound(f"There is no pipeline “{query.pipeline}”.", code="unknown_pipeline")
        elif "admin" in actor.groups:
            ids = None  # all there are, without naming each
        before = decode_cursor(query.cursor) if query.cursor else None
        items = self._store.page(ids, query.state, before, query.limit + 1)
        more = len(items) > query.limit
        items = items[: query.limit]
        return RunPage(items=items, next=encode_cursor(items[-1].number) if more else None)

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
        return RunDetail(**run.model_dump(), tasks=self._store.tasks(run_id), actions=actions)

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
        """The executed notebook of an attempt, as far as it came.

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

    # --- going on ----------------------------------------------------------------------------

    def went(self, step: Step) -> None:
        """What follows from a step: rings, the next run of the pipeline, news."""
        self._dispatcher.ring(step.ready)
        if step.ended is not None:
            run = self._store.run(step.run_id)
            if run is not None:
                self._start_waiting(run.pipeline_id)
        self.news(step.run_id)

    def news(self, run_id: str) -> None:
        """Tells all who look on that something about runs has changed."""
        self._bus.publish_soon("runs")
        self._dispatcher.announce("runs")

    def _start_waiting(self, pipeline_id: str) -> None:
        step = self._transitions.start_waiting(pipeline_id)
        if step is not None:
            self._dispatcher.ring(step.ready)

    def tidy(self) -> int:
        """Removes runs over their age or number, and files that nothing refers to any more."""
        before = clock.now() - timedelta(days=self._retention_days)
        gone = 0
        while pruned := self._upkeep.prune(before, self._retention_runs):
            gone += pruned
        self._blobs.sweep()
        return gone

    def reconcile(self) -> int:
        """Finds what was left lying, and goes on with it; safe to be called by many at once.

        Returns:
            How many things it found.
        """
        lost = self._tasks.expire()
        for step in lost:
            self.went(step)
        again = self._upkeep.overdue(_RING_AGAIN)
        self._dispatcher.ring(again)
        held_up = self._upkeep.held_up()
        for pipeline_id in held_up:
            self._start_waiting(pipeline_id)
        if lost or held_up:
            self._bus.publish_soon("runs")
        return len(lost) + len(again) + len(held_up)


def _succeeded(task: Any) -> bool:
    return task is not None and task.state == "succeeded"


def _not_approved(pipeline: Pipeline, number: int) -> Conflict:
    owner = pipeline.owner
    who = owner.name if owner.kind == "user" else f"a member of {owner.name}"
    way = f"Under Versions {who} can approve it."
    if number != pipeline.head:
        way = f"Restore it under Versions, and {who} can approve that one."
    return Conflict(
        f"Version {number} of “{pipeline.name}” would run with the rights of {owner.name}, who did not "
        f"approve it. {way}",
        code="not_approved",
        version=number,
        owner=owner.name,
    )


def _new_tasks(definition: PipelineFile) -> list[NewTask]:
    made = []
    for name, spec in definition.tasks.items():
        retries = definition.retries_of(name)
        made.append(
            NewTask(
                name,
                spec.type,
                definition.needs[name],
                retries=retries.count,
                retry_delay=retries.delay / timedelta(seconds=1),
                retry_factor=2.0 if retries.backoff == "exponential" else 1.0,
            )
        )
    return made

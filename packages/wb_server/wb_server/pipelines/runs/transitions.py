"""The states of runs and task runs, and every step between them.

    run        queued -> running -> succeeded | failed | cancelled        (or skipped from the start)
    task run   waiting -> queued -> running -> succeeded | failed | cancelled
               running -> queued (another attempt)      waiting | queued -> skipped | cancelled

The metadata database is the truth: each step is one transaction of guarded updates, so that two who
try the same one can't both succeed. A step of a run's tasks begins by locking the run's row, which
keeps steps of one run apart on PostgreSQL (SQLite has one writer anyway). What a step makes ready is
rung afterwards; when that is lost, the reconciler rings again.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from ...kit import clock
from ...kit.blobs import Blobs
from ...kit.db import Database
from ...kit.errors import Conflict
from ..store import pipelines
from .models import Trigger
from .statements import (
    ADD_ATTEMPT,
    ADD_LOG,
    ADD_TABLES,
    CANCELLED_BY,
    CLAIM,
    CLOSE,
    COUNT_DOWN,
    CURRENT,
    EARLIER_KERNELS,
    END_ATTEMPT,
    LOCK_RUN,
    RUN,
    SUCCEED,
)
from .store import artifacts, runs, schedule_fires, task_needs, task_runs

Concurrency = Literal["queue", "skip", "cancel_older"]
Ending = Literal["succeeded", "failed", "cancelled", "lost"]

# A task whose worker is lost is tried again without counting as a retry, but not for ever: what
# kills its worker each time would kill them all.
MAX_LOST = 3
# Seconds that a retry waits at most, however its delay grows.
MAX_RETRY_DELAY = 3600.0


@dataclass(frozen=True)
class NewTask:
    """A task of a run that is about to be.

    Attributes:
        taken: of a re-run, the task run whose success stands for this task.
        outputs: of that one.
        left_out: of a re-run, whether it is no part of it.
    """

    task: str
    type: str
    needs: Sequence[str]
    retries: int = 0
    retry_delay: float = 0.0
    retry_factor: float = 1.0
    taken: str | None = None
    outputs: Mapping[str, Any] = field(default_factory=dict)
    left_out: bool = False


@dataclass(frozen=True)
class NewRun:
    """A run that is about to be.

    Attributes:
        refused: code and message of why it can't begin: it is added as one that failed.
    """

    pipeline_id: str
    version: int
    trigger: Trigger
    triggered_by: str
    run_as: str
    parameters: Mapping[str, Any]
    logical_at: datetime
    tasks: Sequence[NewTask]
    concurrency: Concurrency = "queue"
    idempotency_key: str | None = None
    fire_at: datetime | None = None
    rerun_of: str | None = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    refused: tuple[str, str] | None = None


@dataclass(frozen=True)
class Step:
    """What a step came to.

    Attributes:
        run_id: the run; of a second request with the same key, the first one's.
        ready: ids of task runs to ring.
        ended: the state that the run ended in by this step.
        done: whether this call did it; false where somebody else had before.
        claim: a task that was claimed in the same step.
    """

    run_id: str
    ready: Sequence[str] = ()
    ended: str | None = None
    done: bool = True
    claim: Claim | None = None


@dataclass(frozen=True)
class Claim:
    """An attempt that a worker has just begun."""

    attempt_id: str
    task_run_id: str
    run_id: str
    task: str
    type: str
    number: int
    fence: int
    run: sa.RowMapping
    kernels: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Kept:
    """A file of an attempt that is stored already."""

    name: str
    media_type: str
    digest: str
    size: int


@dataclass(frozen=True)
class End:
    """How an attempt ended, with its last words.

    Attributes:
        retry: whether a failure may be tried again, if there are retries left.
        outputs: of one that succeeded; ``files`` too.
        log: rows of the log that aren't written yet; ``tables`` rows of tables that were used.
        progress: how far it came; ``None`` leaves what was noted.
    """

    ending: Ending
    code: str | None = None
    message: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)
    retry: bool = True
    outputs: Mapping[str, Any] = field(default_factory=dict)
    files: Sequence[Kept] = ()
    log: Sequence[Mapping[str, Any]] = ()
    tables: Sequence[Mapping[str, Any]] = ()
    progress: Mapping[str, Any] | None = None


_LOST = End("lost", "worker_lost", "Its worker was not heard of any more.")


class Transitions:
    """Makes every step. The only one that writes the tables of runs."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    # --- runs --------------------------------------------------------------------------------

    def create(self, new: NewRun) -> Step:
        """Adds a run and starts it, or lets it wait, or skips it, as its pipeline says.

        Raises:
            Conflict: the idempotency key was used with other parameters (``key_reused``).
        """
        with self._database.write() as transaction:
            transaction.execute(
                sa.select(pipelines.c.id).where(pipelines.c.id == new.pipeline_id).with_for_update()
            )
            if new.idempotency_key is not None:
                known = transaction.execute(
                    sa.select(runs.c.id, runs.c.parameters).where(
                        runs.c.pipeline_id == new.pipeline_id,
                        runs.c.idempotency_key == new.idempotency_key,
                    )
                ).first()
                if known is not None:
                    if known.parameters != dict(new.parameters):
                        raise Conflict(
                            "This idempotency key was used for a run with other parameters.",
                            code="key_reused",
                            run=known.id,
                        )
                    return Step(known.id, done=False)
            run_id = new.id
            if new.fire_at is not None:
                fired = transaction.execute(
                    sa.select(schedule_fires.c.run_id).where(
                        schedule_fires.c.pipeline_id == new.pipeline_id,
                        schedule_fires.c.fire_at == new.fire_at,
                    )
                ).scalar()
                if fired is not None:
                    return Step(fired, done=False)
                transaction.execute(
                    schedule_fires.insert().values(
                        pipeline_id=new.pipeline_id, fire_at=new.fire_at, run_id=run_id
                    )
                )
            # One of them is enough to know, and there may be thousands.
            every = new.concurrency == "cancel_older"
            active = self._active(transaction, new.pipeline_id, limit=None if every else 1)
            over: tuple[str, str, str] | None = None
            if new.refused is not None:
                over = ("failed", *new.refused)
            elif active and new.concurrency == "skip":
                over = ("skipped", "overlap", "An earlier run was not done.")
            self._insert(transaction, run_id, new, over)
            if over is not None:
                return Step(run_id, ended=over[0])
            if new.concurrency == "cancel_older":
                for older in active:
                    self._lock(transaction, older)
                    self._cancel(transaction, older, f"a newer run of {new.triggered_by}")
                active = self._active(transaction, new.pipeline_id, besides=run_id)
            if active:
                return Step(run_id)
            return self._start(transaction, run_id)

    def _insert(
        self,
        transaction: sa.Connection,
        run_id: str,
        new: NewRun,
        over: tuple[str, str, str] | None,
    ) -> None:
        state, code, message = over or ("queued", None, "")
        now = clock.now()
        ended = [task for task in new.tasks if task.taken or task.left_out]
        transaction.execute(
            runs.insert().values(
                id=run_id,
                pipeline_id=new.pipeline_id,
                version=new.version,
                state=state,
                trigger=new.trigger,
                triggered_by=new.triggered_by,
                run_as=new.run_as,
                parameters=dict(new.parameters),
                idempotency_key=new.idempotency_key,
                rerun_of=new.rerun_of,
                logical_at=new.logical_at,
                created_at=now,
                finished_at=now if over else None,
                open_tasks=0 if over else len(new.tasks) - len(ended),
                code=code,
                message=message,
            )
        )
        if over is not None:
            return  # nothing of it will ever run
        ids = {task.task: str(uuid.uuid4()) for task in new.tasks}
        done = {task.task for task in ended}
        transaction.execute(
            task_runs.insert(),
            [
                {
                    "id": ids[task.task],
                    "run_id": run_id,
                    "task": task.task,
                    "type": task.type,
                    "position": position,
                    "state": "succeeded"
                    if task.taken
                    else "skipped"
                    if task.left_out
                    else "waiting",
                    "waiting_for": sum(need not in done for need in task.needs),
                    "attempts": 0,
                    "lost": 0,
                    "fence": 0,
                    "retries": task.retries,
                    "retry_delay": task.retry_delay,
                    "retry_factor": task.retry_factor,
                    "code": "left_out" if task.left_out else None,
                    "message": "",
                    "outputs": dict(task.outputs),
                    "taken_from": task.taken,
                }
                for position, task in enumerate(new.tasks)
            ],
        )
        for task in new.tasks:
            if task.taken:
                self._take_over(transaction, task.taken, ids[task.task])
        edges = [
            {"needed": ids[need], "needing": ids[task.task]}
            for task in new.tasks
            for need in set(task.needs)
        ]
        if edges:
            transaction.execute(task_needs.insert(), edges)

    def start_waiting(self, pipeline_id: str) -> Step | None:
        """Starts the oldest run of a pipeline that waits, if none goes on."""
        with self._database.write() as transaction:
            transaction.execute(
                sa.select(pipelines.c.id).where(pipelines.c.id == pipeline_id).with_for_update()
            )
            if self._active(transaction, pipeline_id, state="running"):
                return None
            oldest = transaction.execute(
                sa.select(runs.c.id)
                .where(runs.c.pipeline_id == pipeline_id, runs.c.state == "queued")
                .order_by(runs.c.number)
                .limit(1)
            ).scalar()
            return self._start(transaction, oldest) if oldest is not None else None

    def _active(
        self,
        transaction: sa.Connection,
        pipeline_id: str,
        *,
        besides: str = "",
        state: str | None = None,
        limit: int | None = 1,
    ) -> list[str]:
        query = sa.select(runs.c.id).where(
            runs.c.pipeline_id == pipeline_id,
            runs.c.state.in_((state,) if state else ("queued", "running")),
            runs.c.id != besides,
        )
        return list(transaction.execute(query.limit(limit)).scalars())

    def _start(self, transaction: sa.Connection, run_id: str) -> Step:
        now = clock.now()
        transaction.execute(
            runs.update()
            .where(runs.c.id == run_id, runs.c.state == "queued")
            .values(state="running", started_at=now)
        )
        ready = self._ready(transaction, task_runs.c.run_id == run_id, now)
        return Step(run_id, ready, self._end_if_done(transaction, run_id))

    def cancel(self, run_id: str, by: str) -> Step:
        """Ends a run: what hasn't begun at once, what runs as soon as its worker sees it."""
        with self._database.write() as transaction:
            self._lock(transaction, run_id)
            return Step(run_id, ended=self._cancel(transaction, run_id, by))

    def _cancel(self, transaction: sa.Connection, run_id: str, by: str) -> str | None:
        now = clock.now()
        marked = transaction.execute(
            runs.update()
            .where(
                runs.c.id == run_id,
                runs.c.state.in_(("queued", "running")),
                runs.c.cancelled_by.is_(None),
            )
            .values(cancelled_by=by)
        ).rowcount
        if not marked:
            return None
        ended = transaction.execute(
            task_runs.update()
            .where(task_runs.c.run_id == run_id, task_runs.c.state.in_(("waiting", "queued")))
            .values(state="cancelled", finished_at=now)
        ).rowcount
        return self._close(transaction, run_id, ended)

    # --- attempts ----------------------------------------------------------------------------

    def claim(self, task_run_id: str, worker: str, lease: float) -> Claim | None:
        """Begins an attempt, or answers ``None``: somebody else has it, or it isn't to be run.

        Args:
            lease: seconds for which nobody else may take it.
        """
        with self._database.write() as transaction:
            return self._claim(transaction, task_run_id, worker, lease)

    def _claim(
        self,
        transaction: sa.Connection,
        task_run_id: str,
        worker: str,
        lease: float,
        *,
        run: sa.RowMapping | None = None,
    ) -> Claim | None:
        now = clock.now()
        row = transaction.execute(
            CLAIM,
            {
                "task_run": task_run_id,
                "now": now,
                "by": worker,
                "until": now + timedelta(seconds=lease),
            },
        ).first()
        if row is None:
            return None
        kernels: list[Mapping[str, Any]] = []
        if row.attempts > 1:
            kernels += transaction.execute(EARLIER_KERNELS, {"task_run": task_run_id}).scalars()
        attempt_id = str(uuid.uuid4())
        transaction.execute(
            ADD_ATTEMPT,
            {
                "id": attempt_id,
                "task_run_id": task_run_id,
                "number": row.attempts,
                "fence": row.fence,
                "worker": worker,
                "state": "running",
                "started_at": now,
                "message": "",
                "details": {},
            },
        )
        if run is None:  # what a claim tells of it never changes
            run = transaction.execute(RUN, {"run": row.run_id}).mappings().one()
        return Claim(
            attempt_id,
            task_run_id,
            row.run_id,
            row.task,
            row.type,
            row.attempts,
            row.fence,
            run,
            kernels,
        )

    def renew(self, claims: Mapping[str, int], lease: float) -> tuple[set[str], set[str]]:
        """Keeps leases alive.

        Args:
            claims: task run -> fence.
            lease: seconds from now.

        Returns:
            The task runs that aren't the caller's any more, and those whose run was cancelled.
        """
        until = clock.now() + timedelta(seconds=lease)
        with self._database.write(durable=False) as transaction:
            alive = {}
            for task_run_id, fence in claims.items():
                row = transaction.execute(
                    task_runs.update()
                    .where(
                        task_runs.c.id == task_run_id,
                        task_runs.c.fence == fence,
                        task_runs.c.state == "running",
                    )
                    .values(lease_until=until)
                    .returning(task_runs.c.run_id)
                ).scalar()
                if row is not None:
                    alive[task_run_id] = row
        return set(claims) - set(alive), self._cancelled(alive)

    def cancelled(self, task_run_ids: Sequence[str]) -> set[str]:
        """Those of the task runs whose run was cancelled."""
        with self._database.read() as transaction:
            return set(
                transaction.execute(
                    sa.select(task_runs.c.id)
                    .join_from(task_runs, runs, runs.c.id == task_runs.c.run_id)
                    .where(task_runs.c.id.in_(task_run_ids), runs.c.cancelled_by.is_not(None))
                ).scalars()
            )

    def _cancelled(self, alive: Mapping[str, str]) -> set[str]:
        return self.cancelled(list(alive)) if alive else set()

    def end(
        self,
        claim: Claim,
        end: End,
        *,
        take: tuple[str, float] | None = None,
    ) -> Step:
        """Ends an attempt, and goes on with the run.

        Args:
            take: name and lease of a worker who wants to go on at once: the first task that this end
                made ready is claimed for it, in the same transaction.

        Returns:
            With ``done`` false where the attempt isn't current: nothing of it counts then.
        """
        with self._database.write() as transaction:
            transaction.execute(LOCK_RUN, {"run": claim.run_id})
            step = self._end(transaction, claim.run_id, claim.task_run_id, claim.fence, end)
            if not step.done:
                return step
            if end.log:
                transaction.execute(ADD_LOG, end.log)
            if end.tables:
                transaction.execute(ADD_TABLES, end.tables)
            if take is None or not step.ready:
                return step
            following = self._claim(transaction, step.ready[0], *take, run=claim.run)
            if following is None:  # a retry that waits
                return step
            return replace(step, ready=step.ready[1:], claim=following)

    def _end(
        self, transaction: sa.Connection, run_id: str, task_run_id: str, fence: int, end: End
    ) -> Step:
        now = clock.now()
        row = transaction.execute(CURRENT, {"task_run": task_run_id, "held": fence}).first()
        if row is None:
            return Step(run_id, done=False)
        transaction.execute(
            END_ATTEMPT,
            {
                "task_run": task_run_id,
                "held": fence,
                "ending": end.ending,
                "now": now,
                "why": end.code,
                "words": end.message,
                "facts": dict(end.details),
                "how_far": dict(end.progress) if end.progress is not None else None,
            },
        )
        if end.ending == "succeeded":
            return self._succeed(transaction, run_id, task_run_id, end, now)
        cancelled = transaction.execute(CANCELLED_BY, {"run": run_id}).scalar() is not None
        if cancelled or end.ending == "cancelled":
            state = "cancelled"
        elif end.ending == "lost":
            state = "queued" if row.lost + 1 < MAX_LOST else "failed"
        else:
            again = end.retry and row.attempts - row.lost <= row.retries
            state = "queued" if again else "failed"
        values: dict[str, Any] = {
            "state": state,
            "code": end.code,
            "message": end.message,
            "lease_until": None,
            "worker": None,
            "lost": row.lost + (end.ending == "lost"),
        }
        ready: list[str] = []
        if state == "queued":
            tries = row.attempts - values["lost"] - 1
            delay = 0.0 if end.ending == "lost" else row.retry_delay * row.retry_factor**tries
            values["not_before"] = now + timedelta(seconds=min(delay, MAX_RETRY_DELAY))
            if delay <= 0:
                values["rung_at"] = now
                ready.append(task_run_id)
        else:
            values["finished_at"] = now
        transaction.execute(task_runs.update().where(task_runs.c.id == task_run_id).values(values))
        if state == "queued":
            return Step(run_id, ready)
        closed = 1 + self._skip_after(transaction, [task_run_id], now)
        return Step(run_id, ready, self._close(transaction, run_id, closed))

    def _succeed(
        self,
        transaction: sa.Connection,
        run_id: str,
        task_run_id: str,
        end: End,
        now: datetime,
    ) -> Step:
        transaction.execute(
            SUCCEED, {"task_run": task_run_id, "now": now, "results": dict(end.outputs)}
        )
        self._keep(transaction, task_run_id, end.files)
        after = transaction.execute(COUNT_DOWN, {"task_run": task_run_id, "now": now}).all()
        in_order = [
            each.id
            for each in sorted(after, key=lambda each: each.position)
            if each.state == "queued"
        ]
        return Step(run_id, in_order, self._close(transaction, run_id, 1))

    def _ready(
        self, transaction: sa.Connection, which: sa.ColumnElement[bool], now: datetime
    ) -> list[str]:
        return list(
            transaction.execute(
                task_runs.update()
                .where(which, task_runs.c.state == "waiting", task_runs.c.waiting_for == 0)
                .values(state="queued", not_before=now, rung_at=now)
                .returning(task_runs.c.id)
            ).scalars()
        )

    def _skip_after(self, transaction: sa.Connection, failed: list[str], now: datetime) -> int:
        skipped = 0
        while failed:
            needing = sa.select(task_needs.c.needing).where(task_needs.c.needed.in_(failed))
            failed = list(
                transaction.execute(
                    task_runs.update()
                    .where(task_runs.c.id.in_(needing), task_runs.c.state == "waiting")
                    .values(
                        state="skipped",
                        finished_at=now,
                        code="needed_failed",
                        message="A task that it needs did not succeed.",
                    )
                    .returning(task_runs.c.id)
                ).scalars()
            )
            skipped += len(failed)
        return skipped

    def _take_over(self, transaction: sa.Connection, taken: str, task_run_id: str) -> None:
        """Gives a task run the files of another one, which may go before it does.

        Raises:
            Conflict: it has gone already (``tidied``).
        """
        known = sa.select(task_runs.c.id).where(task_runs.c.id == taken).with_for_update()
        if transaction.execute(known).first() is None:
            raise Conflict(
                "The run that this one would repeat was removed meanwhile: it was too old.",
                code="tidied",
            )
        made = transaction.execute(sa.select(artifacts).where(artifacts.c.task_run_id == taken))
        files = [Kept(row.name, row.media_type, row.digest, row.size) for row in made]
        self._keep(transaction, task_run_id, files)

    def _keep(self, transaction: sa.Connection, task_run_id: str, files: Sequence[Kept]) -> None:
        for file in files:
            self._blobs.refer(transaction, file.digest)
            transaction.execute(
                artifacts.insert().values(
                    task_run_id=task_run_id,
                    name=file.name,
                    media_type=file.media_type,
                    digest=file.digest,
                    size=file.size,
                )
            )

    def _close(self, transaction: sa.Connection, run_id: str, tasks: int) -> str | None:
        """Counts tasks as ended; the state of the run if they were its last ones."""
        left = transaction.execute(CLOSE, {"run": run_id, "ended": tasks}).scalar()
        return self._end_if_done(transaction, run_id) if left == 0 else None

    def _end_if_done(self, transaction: sa.Connection, run_id: str) -> str | None:
        run = transaction.execute(
            sa.select(runs.c.open_tasks, runs.c.cancelled_by).where(
                runs.c.id == run_id, runs.c.state.in_(("queued", "running"))
            )
        ).first()
        if run is None or run.open_tasks > 0:
            return None
        failed = transaction.execute(
            sa.select(task_runs.c.task, task_runs.c.code, task_runs.c.message)
            .where(task_runs.c.run_id == run_id, task_runs.c.state == "failed")
            .order_by(task_runs.c.finished_at, task_runs.c.position)
            .limit(1)
        ).first()
        code, message = None, ""
        if run.cancelled_by is not None:
            state = "cancelled"
        elif failed is not None:
            state, code = "failed", failed.code
            message = f"{failed.task}: {failed.message}"
        else:
            state = "succeeded"
        transaction.execute(
            runs.update()
            .where(runs.c.id == run_id)
            .values(state=state, finished_at=clock.now(), code=code, message=message)
        )
        return state

    @staticmethod
    def _lock(transaction: sa.Connection, run_id: str) -> None:
        transaction.execute(LOCK_RUN, {"run": run_id})

    # --- the reconciler ----------------------------------------------------------------------

    def expire(self, limit: int = 100) -> list[Step]:
        """Ends attempts whose lease ran out: their worker was lost."""
        with self._database.read() as transaction:
            late = transaction.execute(
                sa.select(task_runs.c.id, task_runs.c.run_id, task_runs.c.fence)
                .where(task_runs.c.state == "running", task_runs.c.lease_until < clock.now())
                .limit(limit)
            ).all()
        steps = []
        for task_run_id, run_id, fence in late:
            with self._database.write() as transaction:
                self._lock(transaction, run_id)
                # It may have been renewed since.
                still = transaction.execute(
                    sa.select(task_runs.c.id).where(
                        task_runs.c.id == task_run_id, task_runs.c.lease_until < clock.now()
                    )
                ).first()
                if still is not None:
                    steps.append(self._end(transaction, run_id, task_run_id, fence, _LOST))
        return [step for step in steps if step.done]

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
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import sqlalchemy as sa

from ...kit import clock
from ...kit.blobs import Blobs
from ...kit.db import Database
from ...kit.errors import Conflict
from ..store import pipelines
from ..tasks.base import TableUse
from .models import Trigger
from .store import (
    artifacts,
    attempt_logs,
    attempts,
    runs,
    schedule_fires,
    table_uses,
    task_needs,
    task_runs,
)

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
    """A run that is about to be."""

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


@dataclass(frozen=True)
class Step:
    """What a step came to.

    Attributes:
        run_id: the run; of a second request with the same key, the first one's.
        ready: ids of task runs to ring.
        ended: the state that the run ended in by this step.
        done: whether this call did it; false where somebody else had before.
    """

    run_id: str
    ready: Sequence[str] = ()
    ended: str | None = None
    done: bool = True


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
            active = list(
                transaction.execute(
                    sa.select(runs.c.id).where(
                        runs.c.pipeline_id == new.pipeline_id,
                        runs.c.state.in_(("queued", "running")),
                    )
                ).scalars()
            )
            skipped = bool(active) and new.concurrency == "skip"
            self._insert(transaction, run_id, new, skipped)
            if new.concurrency == "cancel_older":
                for older in active:
                    self._lock(transaction, older)
                    self._cancel(transaction, older, f"a newer run of {new.triggered_by}")
                active = self._active(transaction, new.pipeline_id, besides=run_id)
            if skipped or active:
                return Step(run_id, ended="skipped" if skipped else None)
            return self._start(transaction, run_id)

    def _insert(self, transaction: sa.Connection, run_id: str, new: NewRun, skipped: bool) -> None:
        now = clock.now()
        ended = [task for task in new.tasks if task.taken or task.left_out]
        transaction.execute(
            runs.insert().values(
                id=run_id,
                pipeline_id=new.pipeline_id,
                version=new.version,
                state="skipped" if skipped else "queued",
                trigger=new.trigger,
                triggered_by=new.triggered_by,
                run_as=new.run_as,
                parameters=dict(new.parameters),
                idempotency_key=new.idempotency_key,
                rerun_of=new.rerun_of,
                logical_at=new.logical_at,
                created_at=now,
                finished_at=now if skipped else None,
                open_tasks=0 if skipped else len(new.tasks) - len(ended),
                code="overlap" if skipped else None,
                message="An earlier run was not done." if skipped else "",
            )
        )
        if skipped:
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
    ) -> list[str]:
        query = sa.select(runs.c.id).where(
            runs.c.pipeline_id == pipeline_id,
            runs.c.state.in_((state,) if state else ("queued", "running")),
            runs.c.id != besides,
        )
        return list(transaction.execute(query).scalars())

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
        self._close(transaction, run_id, ended)
        return self._end_if_done(transaction, run_id)

    # --- attempts ----------------------------------------------------------------------------

    def claim(self, task_run_id: str, worker: str, lease: float) -> Claim | None:
        """Begins an attempt, or answers ``None``: somebody else has it, or it isn't to be run.

        Args:
            lease: seconds for which nobody else may take it.
        """
        with self._database.write() as transaction:
            return self._claim(transaction, task_run_id, worker, lease)

    def _claim(
        self, transaction: sa.Connection, task_run_id: str, worker: str, lease: float
    ) -> Claim | None:
        now = clock.now()
        row = (
            transaction.execute(
                task_runs.update()
                .where(
                    task_runs.c.id == task_run_id,
                    task_runs.c.state == "queued",
                    task_runs.c.not_before <= now,
                )
                .values(
                    state="running",
                    attempts=task_runs.c.attempts + 1,
                    fence=task_runs.c.fence + 1,
                    worker=worker,
                    lease_until=now + timedelta(seconds=lease),
                    started_at=sa.func.coalesce(task_runs.c.started_at, now),
                    not_before=None,
                )
                .returning(
                    task_runs.c.run_id,
                    task_runs.c.task,
                    task_runs.c.type,
                    task_runs.c.attempts,
                    task_runs.c.fence,
                )
            )
            .mappings()
            .first()
        )
        if row is None:
            return None
        kernels = (
            [
                kernel
                for kernel in transaction.execute(
                    sa.select(attempts.c.kernel).where(
                        attempts.c.task_run_id == task_run_id, attempts.c.kernel.is_not(None)
                    )
                ).scalars()
                if kernel is not None
            ]
            if row["attempts"] > 1
            else []
        )
        attempt_id = str(uuid.uuid4())
        transaction.execute(
            attempts.insert().values(
                id=attempt_id,
                task_run_id=task_run_id,
                number=row["attempts"],
                fence=row["fence"],
                worker=worker,
                state="running",
                started_at=now,
                message="",
                details={},
            )
        )
        run = (
            transaction.execute(sa.select(runs).where(runs.c.id == row["run_id"])).mappings().one()
        )
        return Claim(
            attempt_id,
            task_run_id,
            row["run_id"],
            row["task"],
            row["type"],
            row["attempts"],
            row["fence"],
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
        ending: Ending,
        *,
        code: str | None = None,
        message: str = "",
        details: Mapping[str, Any] | None = None,
        retry: bool = True,
        outputs: Mapping[str, Any] | None = None,
        files: Sequence[Kept] = (),
    ) -> Step:
        """Ends an attempt, and goes on with the run.

        Args:
            retry: whether a failure may be tried again, if there are retries left.

        Returns:
            With ``done`` false where the attempt isn't current: nothing of it counts then.
        """
        with self._database.write() as transaction:
            self._lock(transaction, claim.run_id)
            return self._end(
                transaction,
                claim.run_id,
                claim.task_run_id,
                claim.fence,
                ending,
                code,
                message,
                dict(details or {}),
                retry,
                dict(outputs or {}),
                files,
            )

    def _end(
        self,
        transaction: sa.Connection,
        run_id: str,
        task_run_id: str,
        fence: int,
        ending: Ending,
        code: str | None,
        message: str,
        details: dict[str, Any],
        retry: bool,
        outputs: dict[str, Any],
        files: Sequence[Kept],
    ) -> Step:
        now = clock.now()
        row = transaction.execute(
            sa.select(task_runs).where(
                task_runs.c.id == task_run_id,
                task_runs.c.fence == fence,
                task_runs.c.state == "running",
            )
        ).first()
        if row is None:
            return Step(run_id, done=False)
        transaction.execute(
            attempts.update()
            .where(attempts.c.task_run_id == task_run_id, attempts.c.fence == fence)
            .values(state=ending, finished_at=now, code=code, message=message, details=details)
        )
        run = transaction.execute(sa.select(runs.c.cancelled_by).where(runs.c.id == run_id)).one()
        if run.cancelled_by is not None and ending != "succeeded":
            state = "cancelled"
        elif ending == "succeeded":
            state = "succeeded"
        elif ending == "cancelled":
            state = "cancelled"
        elif ending == "lost":
            state = "queued" if row.lost + 1 < MAX_LOST else "failed"
        else:
            state = "queued" if retry and row.attempts - row.lost <= row.retries else "failed"
        values: dict[str, Any] = {
            "state": state,
            "code": code,
            "message": message,
            "lease_until": None,
            "worker": None,
            "lost": row.lost + (ending == "lost"),
        }
        ready: list[str] = []
        if state == "queued":
            tries = row.attempts - values["lost"] - 1
            delay = 0.0 if ending == "lost" else row.retry_delay * row.retry_factor**tries
            values["not_before"] = now + timedelta(seconds=min(delay, MAX_RETRY_DELAY))
            if delay <= 0:
                values["rung_at"] = now
                ready.append(task_run_id)
        else:
            values["finished_at"] = now
        if state == "succeeded":
            values["outputs"] = outputs
            self._keep(transaction, task_run_id, files)
        transaction.execute(task_runs.update().where(task_runs.c.id == task_run_id).values(values))
        if state == "queued":
            return Step(run_id, ready)
        closed = 1
        needing = sa.select(task_needs.c.needing).where(task_needs.c.needed == task_run_id)
        if state == "succeeded":
            transaction.execute(
                task_runs.update()
                .where(task_runs.c.id.in_(needing), task_runs.c.state == "waiting")
                .values(waiting_for=task_runs.c.waiting_for - 1)
            )
            ready += self._ready(transaction, task_runs.c.id.in_(needing), now)
        else:
            closed += self._skip_after(transaction, [task_run_id], now)
        self._close(transaction, run_id, closed)
        return Step(run_id, ready, self._end_if_done(transaction, run_id))

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

    def _close(self, transaction: sa.Connection, run_id: str, tasks: int) -> None:
        transaction.execute(
            runs.update().where(runs.c.id == run_id).values(open_tasks=runs.c.open_tasks - tasks)
        )

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
        transaction.execute(sa.select(runs.c.id).where(runs.c.id == run_id).with_for_update())

    # --- while an attempt runs ---------------------------------------------------------------

    def note_kernel(self, claim: Claim, kernel: Mapping[str, Any]) -> None:
        """Keeps which kernel an attempt is about to use.

        Raises:
            Conflict: the attempt isn't current (``stale_attempt``).
        """
        with self._database.write() as transaction:
            current = transaction.execute(
                sa.select(task_runs.c.id).where(
                    task_runs.c.id == claim.task_run_id,
                    task_runs.c.fence == claim.fence,
                    task_runs.c.state == "running",
                )
            ).first()
            if current is None:
                raise Conflict("This attempt is not current any more.", code="stale_attempt")
            transaction.execute(
                attempts.update()
                .where(attempts.c.id == claim.attempt_id)
                .values(kernel=dict(kernel))
            )

    def note_progress(self, attempt_id: str, progress: Mapping[str, Any]) -> None:
        """Keeps how far an attempt is."""
        with self._database.write(durable=False) as transaction:
            transaction.execute(
                attempts.update().where(attempts.c.id == attempt_id).values(progress=dict(progress))
            )

    def add_log(self, attempt_id: str, seq: int, text: str) -> None:
        """Adds a piece to an attempt's log."""
        with self._database.write(durable=False) as transaction:
            transaction.execute(
                attempt_logs.insert().values(attempt_id=attempt_id, seq=seq, text=text)
            )

    def note_notebook(self, attempt_id: str, digest: str) -> None:
        """Keeps the executed notebook, in place of the one before."""
        with self._database.write(durable=False) as transaction:
            before = transaction.execute(
                sa.select(attempts.c.notebook).where(attempts.c.id == attempt_id)
            ).scalar()
            if before == digest:
                return
            self._blobs.refer(transaction, digest)
            if before is not None:
                self._blobs.refer(transaction, before, -1)
            transaction.execute(
                attempts.update().where(attempts.c.id == attempt_id).values(notebook=digest)
            )

    def note_tables(self, attempt_id: str, direction: str, uses: Sequence[TableUse]) -> None:
        """Keeps tables that an attempt read or wrote."""
        if not uses:
            return
        with self._database.write(durable=False) as transaction:
            transaction.execute(
                table_uses.insert(),
                [
                    {
                        "attempt_id": attempt_id,
                        "direction": direction,
                        "connection_id": use.connection_id,
                        "schema_name": use.schema,
                        "table_name": use.table,
                        "columns": list(use.columns),
                    }
                    for use in uses
                ],
            )

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
                    steps.append(
                        self._end(
                            transaction,
                            run_id,
                            task_run_id,
                            fence,
                            "lost",
                            "worker_lost",
                            "Its worker was not heard of any more.",
                            {},
                            True,
                            {},
                            (),
                        )
                    )
        return [step for step in steps if step.done]

    def overdue(self, age: float, limit: int = 500) -> list[str]:
        """Task runs that are ready and were not rung for so many seconds; counted as rung now."""
        now = clock.now()
        late = sa.or_(
            task_runs.c.rung_at.is_(None),
            task_runs.c.rung_at < now - timedelta(seconds=age),
            task_runs.c.rung_at < task_runs.c.not_before,
        )
        query = (
            sa.select(task_runs.c.id)
            .where(task_runs.c.state == "queued", task_runs.c.not_before <= now, late)
            .order_by(task_runs.c.not_before)
            .limit(limit)
        )
        with self._database.read() as transaction:
            if transaction.execute(query.limit(1)).first() is None:
                return []
        with self._database.write(durable=False) as transaction:
            found = list(transaction.execute(query).scalars())
            transaction.execute(
                task_runs.update().where(task_runs.c.id.in_(found)).values(rung_at=now)
            )
        return found

    def held_up(self, limit: int = 100) -> list[str]:
        """Pipelines with runs that wait while none goes on."""
        going = sa.select(runs.c.pipeline_id).where(runs.c.state == "running")
        with self._database.read() as transaction:
            return list(
                transaction.execute(
                    sa.select(runs.c.pipeline_id)
                    .where(runs.c.state == "queued", runs.c.pipeline_id.not_in(going))
                    .distinct()
                    .limit(limit)
                ).scalars()
            )

    # --- retention ---------------------------------------------------------------------------

    def prune(self, before: datetime, keep: int, limit: int = 100) -> int:
        """Removes ended runs that are too old, or too many of one pipeline, with their files.

        Args:
            before: those that ended before this moment go.
            keep: of each pipeline so many of the newest stay, if they aren't too old.
            limit: at most so many at once, so that nobody waits long for the database.

        Returns:
            How many went.
        """
        newest = (
            sa.func.row_number()
            .over(partition_by=runs.c.pipeline_id, order_by=runs.c.number.desc())
            .label("place")
        )
        numbered = sa.select(runs.c.id, runs.c.number, runs.c.finished_at, newest).subquery()
        gone = (
            sa.select(numbered.c.id)
            .where(
                numbered.c.finished_at.is_not(None),
                sa.or_(numbered.c.finished_at < before, numbered.c.place > keep),
            )
            .order_by(numbered.c.number)
            .limit(limit)
        )
        with self._database.read() as transaction:
            ids = list(transaction.execute(gone).scalars())
        if not ids:
            return 0
        tasks = sa.select(task_runs.c.id).where(task_runs.c.run_id.in_(ids))
        with self._database.write() as transaction:
            digests = [
                *transaction.execute(
                    sa.select(artifacts.c.digest).where(artifacts.c.task_run_id.in_(tasks))
                ).scalars(),
                *transaction.execute(
                    sa.select(attempts.c.notebook).where(
                        attempts.c.task_run_id.in_(tasks), attempts.c.notebook.is_not(None)
                    )
                ).scalars(),
            ]
            # Two who prune at once: what one has removed, the other finds gone.
            removed = transaction.execute(
                runs.delete().where(runs.c.id.in_(ids)).returning(runs.c.id)
            ).all()
            if len(removed) != len(ids):
                raise Conflict("Somebody else tidied up at the same time.", code="tidied")
            transaction.execute(schedule_fires.delete().where(schedule_fires.c.run_id.in_(ids)))
            for digest in digests:
                self._blobs.refer(transaction, digest, -1)
        return len(ids)

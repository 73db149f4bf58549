"""The transitions of runs: create, start, cancel. ``transitions.py`` describes the states."""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from ...kit import clock
from ...kit.blobs import Blobs
from ...kit.db import Database
from ...kit.errors import Conflict
from ..store import pipelines
from .steps import NewRun, Step, StoredFile
from .tables import artifacts, runs, schedule_fires, task_needs, task_runs
from .transitions import close_tasks, end_if_done, keep_files, lock_run


class RunTransitions:
    """Creates, starts and cancels runs."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def create(self, new: NewRun) -> Step:
        """Adds a run and starts, queues or skips it, by its pipeline's ``concurrency``.

        Raises:
            Conflict: the idempotency key was used with other parameters or another date
                (``key_reused``).
        """
        with self._database.write() as transaction:
            transaction.execute(
                sa.select(pipelines.c.id).where(pipelines.c.id == new.pipeline_id).with_for_update()
            )
            if new.idempotency_key is not None:
                known = transaction.execute(
                    sa.select(runs.c.id, runs.c.parameters, runs.c.logical_at).where(
                        runs.c.pipeline_id == new.pipeline_id,
                        runs.c.idempotency_key == new.idempotency_key,
                    )
                ).first()
                if known is not None:
                    other_date = new.dated and known.logical_at != new.logical_at
                    if other_date or known.parameters != dict(new.parameters):
                        what = "another date" if other_date else "other parameters"
                        raise Conflict(
                            f"This idempotency key was used for a run with {what}.",
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
            # Unless all are to be cancelled, one is enough: there may be thousands.
            every = new.concurrency == "cancel_older"
            active = self._active(transaction, new.pipeline_id, limit=None if every else 1)
            outcome: tuple[str, str, str] | None = None
            if new.refused is not None:
                outcome = ("failed", *new.refused)
            elif active and new.concurrency == "skip":
                outcome = ("skipped", "overlap", "An earlier run was still active.")
            self._insert(transaction, run_id, new, outcome)
            if outcome is not None:
                return Step(run_id, ended=outcome[0])
            if new.concurrency == "cancel_older":
                for older in active:
                    lock_run(transaction, older)
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
        outcome: tuple[str, str, str] | None,
    ) -> None:
        """Inserts a run and its tasks; with an ``outcome``, one that has ended and has no tasks."""
        state, code, message = outcome or ("queued", None, "")
        now = clock.now()
        ended = [task for task in new.tasks if task.taken or task.left_out]
        number = transaction.execute(
            pipelines.update()
            .where(pipelines.c.id == new.pipeline_id)
            .values(runs=pipelines.c.runs + 1)
            .returning(pipelines.c.runs)
        ).scalar_one()
        transaction.execute(
            runs.insert().values(
                id=run_id,
                pipeline_id=new.pipeline_id,
                number=number,
                version=new.version,
                state=state,
                trigger=new.trigger,
                triggered_by=new.triggered_by,
                run_as=new.run_as,
                parameters=dict(new.parameters),
                given=None if new.given is None else list(new.given),
                idempotency_key=new.idempotency_key,
                rerun_of=new.rerun_of,
                logical_at=new.logical_at,
                created_at=now,
                finished_at=now if outcome else None,
                open_tasks=0 if outcome else len(new.tasks) - len(ended),
                code=code,
                message=message,
            )
        )
        if outcome is not None:
            return  # its tasks will never run
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
        """Starts the oldest queued run of a pipeline, if none is running."""
        with self._database.write() as transaction:
            transaction.execute(
                sa.select(pipelines.c.id).where(pipelines.c.id == pipeline_id).with_for_update()
            )
            if self._active(transaction, pipeline_id, state="running"):
                return None
            oldest = transaction.execute(
                sa.select(runs.c.id)
                .where(runs.c.pipeline_id == pipeline_id, runs.c.state == "queued")
                .order_by(runs.c.seq)
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
        return Step(run_id, ready, end_if_done(transaction, run_id))

    def cancel(self, run_id: str, by: str) -> Step:
        """Cancels a run: waiting and queued tasks at once, running ones when their worker sees it."""
        with self._database.write() as transaction:
            lock_run(transaction, run_id)
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
        return close_tasks(transaction, run_id, ended)

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

    def _take_over(self, transaction: sa.Connection, taken: str, task_run_id: str) -> None:
        """Gives a task run references to the files of another one, which may be deleted first.

        Raises:
            Conflict: the other one has been deleted already (``tidied``).
        """
        known = sa.select(task_runs.c.id).where(task_runs.c.id == taken).with_for_update()
        if transaction.execute(known).first() is None:
            raise Conflict(
                "The run to rerun has been removed because of its age.",
                code="tidied",
            )
        made = transaction.execute(sa.select(artifacts).where(artifacts.c.task_run_id == taken))
        files = [StoredFile(row.name, row.media_type, row.digest, row.size) for row in made]
        keep_files(self._blobs, transaction, task_run_id, files)

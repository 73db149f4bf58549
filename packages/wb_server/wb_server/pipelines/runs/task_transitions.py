"""The transitions of task runs: claim, renew, end. ``transitions.py`` describes the states."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from ...kit import clock
from ...kit.blobs import Blobs
from ...kit.db import Database
from .statements import (
    ADD_ATTEMPT,
    ADD_LOG,
    ADD_TABLES,
    CANCELLED_BY,
    CLAIM,
    COUNT_DOWN,
    CURRENT,
    EARLIER_KERNELS,
    END_ATTEMPT,
    LOCK_RUN,
    RUN,
    SUCCEED,
)
from .steps import HELD_DELAYS, MAX_LOST, MAX_RETRY_DELAY, WORKER_STOPPED, Claim, End, Step
from .tables import runs, task_needs, task_runs
from .transitions import close_tasks, keep_files, lock_run

_LOST = End("lost", "worker_lost", "The worker stopped responding.")


class TaskTransitions:
    """Claims task runs, renews their leases, ends them, and advances their runs."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def claim(
        self, task_run_id: str, worker: str, lease: float, *, held: bool = True
    ) -> Claim | None:
        """Starts an attempt; ``None`` if another worker has it or it isn't ready to run.

        Args:
            lease: seconds for which no other worker may claim it.
            held: whether it may be one that the Workbench held up before.
        """
        with self._database.write() as transaction:
            return self._claim(transaction, task_run_id, worker, lease, held=held)

    def _claim(
        self,
        transaction: sa.Connection,
        task_run_id: str,
        worker: str,
        lease: float,
        *,
        run: sa.RowMapping | None = None,
        held: bool = True,
    ) -> Claim | None:
        now = clock.now()
        row = transaction.execute(
            CLAIM,
            {
                "task_run": task_run_id,
                "now": now,
                "by": worker,
                "until": now + timedelta(seconds=lease),
                "retake": held,
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
        if run is None:  # a run given by the caller is still right: what a claim uses never changes
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
        """Renews leases.

        Args:
            claims: task run -> fence.
            lease: seconds from now.

        Returns:
            The task runs that the caller no longer holds, and those whose run was cancelled.
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
        """The task runs among these whose run was cancelled."""
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
        """Ends an attempt, and advances the run.

        Args:
            take: the name and lease of a worker that can continue at once: the first task run that
                this end makes ready is claimed for it, in the same transaction.

        Returns:
            The step; ``done`` is false if the attempt is stale, and nothing was written then.
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
            if following is None:  # a retry that isn't due yet
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
        elif end.ending == "held":
            state = "queued"
        else:
            again = end.retry and row.attempts - row.lost - row.held <= row.retries
            state = "queued" if again else "failed"
        values: dict[str, Any] = {
            "state": state,
            "code": end.code,
            "message": end.message,
            "lease_until": None,
            "worker": None,
            "lost": row.lost + (end.ending == "lost"),
            "held": row.held + (end.ending == "held"),
            "held_since": (row.held_since or now) if end.ending == "held" else None,
        }
        ready: list[str] = []
        if state == "queued":
            tries = row.attempts - values["lost"] - values["held"] - 1
            if end.ending == "lost" or end.code == WORKER_STOPPED:
                delay = 0.0
            elif end.ending == "held":
                least, most = HELD_DELAYS
                delay = min(max((now - values["held_since"]).total_seconds() / 2, least), most)
            else:
                delay = row.retry_delay * row.retry_factor**tries
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
        return Step(run_id, ready, close_tasks(transaction, run_id, closed))

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
        keep_files(self._blobs, transaction, task_run_id, end.files)
        after = transaction.execute(COUNT_DOWN, {"task_run": task_run_id, "now": now}).all()
        in_order = [
            each.id
            for each in sorted(after, key=lambda each: each.position)
            if each.state == "queued"
        ]
        return Step(run_id, in_order, close_tasks(transaction, run_id, 1))

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

    # --- lost leases -------------------------------------------------------------------------

    def expire(self, limit: int = 100) -> list[Step]:
        """Ends attempts whose lease has expired: their worker is lost."""
        return self._lose(task_runs.c.lease_until < clock.now(), limit)

    def lose(self, workers: Sequence[str]) -> list[Step]:
        """Ends the attempts of workers that are known to be dead, before their leases expire."""
        return self._lose(task_runs.c.worker.in_(workers))

    def _lose(self, is_lost: sa.ColumnElement[bool], limit: int | None = None) -> list[Step]:
        with self._database.read() as transaction:
            lost = transaction.execute(
                sa.select(task_runs.c.id, task_runs.c.run_id, task_runs.c.fence)
                .where(task_runs.c.state == "running", is_lost)
                .limit(limit)
            ).all()
        steps = []
        for task_run_id, run_id, fence in lost:
            with self._database.write() as transaction:
                lock_run(transaction, run_id)
                # It may have been renewed, or claimed by another worker, since.
                still = transaction.execute(
                    sa.select(task_runs.c.id).where(task_runs.c.id == task_run_id, is_lost)
                ).first()
                if still is not None:
                    steps.append(self._end(transaction, run_id, task_run_id, fence, _LOST))
        return [step for step in steps if step.done]

    def wait_for(self, task_run_id: str, code: str, message: str) -> None:
        """Records why no worker has claimed a ready task run, unless that is known."""
        waits = sa.and_(task_runs.c.id == task_run_id, task_runs.c.state == "queued")
        with self._database.read() as transaction:
            known = sa.select(task_runs.c.code, task_runs.c.message).where(waits)
            if transaction.execute(known).first() in (None, (code, message)):
                return
        with self._database.write(durable=False) as transaction:
            transaction.execute(
                task_runs.update()
                .where(waits)
                .values(
                    code=code,
                    message=message,
                    held_since=sa.func.coalesce(task_runs.c.held_since, clock.now()),
                )
            )

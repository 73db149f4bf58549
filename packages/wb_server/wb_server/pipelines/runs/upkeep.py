"""Finds unanswered rings and stalled pipelines for the reconciler, and prunes old runs."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from ...kit import clock
from ...kit.blobs import Blobs
from ...kit.db import Database
from ...kit.errors import Conflict
from .tables import artifacts, attempts, runs, schedule_fires, task_runs


class Upkeep:
    """Finds overdue work and prunes old runs. Several processes may do so at the same time."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def overdue(self, age: float, limit: int = 500) -> list[str]:
        """Task runs that are ready and weren't rung for ``age`` seconds; marks them as rung now."""
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
        # Skip rows that another process is ringing or claiming at this moment.
        with self._database.write(durable=False) as transaction:
            found = list(transaction.execute(query.with_for_update(skip_locked=True)).scalars())
            transaction.execute(
                task_runs.update().where(task_runs.c.id.in_(found)).values(rung_at=now)
            )
        return found

    def held_up(self, limit: int = 100) -> list[str]:
        """Pipelines that have queued runs but no running one."""
        running = sa.select(runs.c.pipeline_id).where(runs.c.state == "running")
        with self._database.read() as transaction:
            return list(
                transaction.execute(
                    sa.select(runs.c.pipeline_id)
                    .where(runs.c.state == "queued", runs.c.pipeline_id.not_in(running))
                    .distinct()
                    .limit(limit)
                ).scalars()
            )

    def prune(self, before: datetime, keep: int, limit: int = 100) -> int:
        """Removes ended runs that are too old or exceed a pipeline's quota, with their files.

        Args:
            before: runs that ended before this moment are removed.
            keep: the number of newest runs that each pipeline keeps, unless they are too old.
            limit: the maximum to remove in one call, so that others don't wait long for the database.

        Returns:
            The number of runs removed.
        """
        newest = (
            sa.func.row_number()
            .over(partition_by=runs.c.pipeline_id, order_by=runs.c.seq.desc())
            .label("place")
        )
        numbered = sa.select(runs.c.id, runs.c.seq, runs.c.finished_at, newest).subquery()
        gone = (
            sa.select(numbered.c.id)
            .where(
                numbered.c.finished_at.is_not(None),
                sa.or_(numbered.c.finished_at < before, numbered.c.place > keep),
            )
            .order_by(numbered.c.seq)
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
            # If two processes prune at once, the second finds rows gone.
            removed = transaction.execute(
                runs.delete().where(runs.c.id.in_(ids)).returning(runs.c.id)
            ).all()
            if len(removed) != len(ids):
                raise Conflict("Another process is already cleaning up.", code="tidied")
            transaction.execute(schedule_fires.delete().where(schedule_fires.c.run_id.in_(ids)))
            for digest in digests:
                self._blobs.refer(transaction, digest, -1)
        return len(ids)

"""The states of runs and task runs, and the transitions between them.

    run        queued -> running -> succeeded | failed | cancelled        (or skipped from the start)
    task run   waiting -> queued -> running -> succeeded | failed | cancelled
               running -> queued (another attempt)      waiting | queued -> skipped | cancelled

The metadata database is the truth: each transition is one transaction of guarded updates, so of two
processes that attempt the same one, only one succeeds. A transition of a run's tasks first locks the run's
row, which serializes the transitions of a run on PostgreSQL (SQLite has a single writer anyway). Task runs
that become ready are rung afterwards; if a ring is lost, the reconciler rings again.
"""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from ...kit import clock
from ...kit.blobs import Blobs
from .statements import CLOSE, LOCK_RUN
from .steps import StoredFile
from .tables import artifacts, runs, task_runs


def lock_run(transaction: sa.Connection, run_id: str) -> None:
    """Blocks other transitions of the run until the transaction ends."""
    transaction.execute(LOCK_RUN, {"run": run_id})


def close_tasks(transaction: sa.Connection, run_id: str, tasks: int) -> str | None:
    """Counts tasks as ended, and returns the run's final state if they were its last ones."""
    left = transaction.execute(CLOSE, {"run": run_id, "ended": tasks}).scalar()
    return end_if_done(transaction, run_id) if left == 0 else None


def end_if_done(transaction: sa.Connection, run_id: str) -> str | None:
    """Ends a run without open tasks, and returns its final state; ``None`` if it isn't done."""
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
    ).all()
    code, message = None, ""
    if run.cancelled_by is not None:
        state = "cancelled"
    elif failed:
        state, code = "failed", failed[0].code
        message = f"{failed[0].task}: {failed[0].message}"
        if len(failed) > 1:
            message += f" Also failed: {', '.join(row.task for row in failed[1:])}."
    else:
        state = "succeeded"
    transaction.execute(
        runs.update()
        .where(runs.c.id == run_id)
        .values(state=state, finished_at=clock.now(), code=code, message=message)
    )
    return state


def keep_files(
    blobs: Blobs, transaction: sa.Connection, task_run_id: str, files: Sequence[StoredFile]
) -> None:
    """Records files as the artifacts of a task run."""
    for file in files:
        blobs.refer(transaction, file.digest)
        transaction.execute(
            artifacts.insert().values(
                task_run_id=task_run_id,
                name=file.name,
                media_type=file.media_type,
                digest=file.digest,
                size=file.size,
            )
        )

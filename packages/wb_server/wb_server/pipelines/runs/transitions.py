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

from collections.abc import Sequence

import sqlalchemy as sa

from ...kit import clock
from ...kit.blobs import Blobs
from .statements import CLOSE, LOCK_RUN
from .steps import StoredFile
from .store import artifacts, runs, task_runs


def lock_run(transaction: sa.Connection, run_id: str) -> None:
    """Keeps other steps of the run away until the transaction ends."""
    transaction.execute(LOCK_RUN, {"run": run_id})


def close_tasks(transaction: sa.Connection, run_id: str, tasks: int) -> str | None:
    """Counts tasks as ended; the state of the run if they were its last ones."""
    left = transaction.execute(CLOSE, {"run": run_id, "ended": tasks}).scalar()
    return end_if_done(transaction, run_id) if left == 0 else None


def end_if_done(transaction: sa.Connection, run_id: str) -> str | None:
    """Ends a run of which nothing is open; its state if it did."""
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


def keep_files(
    blobs: Blobs, transaction: sa.Connection, task_run_id: str, files: Sequence[StoredFile]
) -> None:
    """Notes files as what a task run has made."""
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

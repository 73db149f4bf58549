"""The statements that take a task from ready to done, built once.

SQLAlchemy takes longer to build one than a database takes to run it, and every task needs all of them.
Parameters aren't named like columns: SQLAlchemy reserves those names in an update.
"""

from __future__ import annotations

import sqlalchemy as sa

from .tables import attempt_logs, attempts, runs, table_uses, task_needs, task_runs

_b = sa.bindparam

LOCK_RUN = sa.select(runs.c.id).where(runs.c.id == _b("run")).with_for_update()

CLAIM = (
    task_runs.update()
    .where(
        task_runs.c.id == _b("task_run"),
        task_runs.c.state == "queued",
        task_runs.c.not_before <= _b("now"),
        sa.or_(task_runs.c.held_since.is_(None), _b("retake", type_=sa.Boolean)),
    )
    .values(
        state="running",
        code=None,
        message="",
        attempts=task_runs.c.attempts + 1,
        fence=task_runs.c.fence + 1,
        worker=_b("by"),
        lease_until=_b("until"),
        started_at=sa.func.coalesce(
            task_runs.c.started_at, _b("now", type_=task_runs.c.started_at.type)
        ),
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

EARLIER_KERNELS = sa.select(attempts.c.kernel).where(
    attempts.c.task_run_id == _b("task_run"), attempts.c.kernel.is_not(None)
)

ADD_ATTEMPT = attempts.insert()

RUN = sa.select(runs).where(runs.c.id == _b("run"))

CURRENT = sa.select(task_runs).where(
    task_runs.c.id == _b("task_run"),
    task_runs.c.fence == _b("held"),
    task_runs.c.state == "running",
)

END_ATTEMPT = (
    attempts.update()
    .where(attempts.c.task_run_id == _b("task_run"), attempts.c.fence == _b("held"))
    .values(
        state=_b("ending"),
        finished_at=_b("now"),
        code=_b("why"),
        message=_b("words"),
        details=_b("facts"),
        # Keep the last progress if the end has none, as when the worker was lost.
        progress=sa.func.coalesce(
            _b("how_far", type_=attempts.c.progress.type),
            attempts.c.progress,
            type_=attempts.c.progress.type,
        ),
    )
)

CANCELLED_BY = sa.select(runs.c.cancelled_by).where(runs.c.id == _b("run"))

SUCCEED = (
    task_runs.update()
    .where(task_runs.c.id == _b("task_run"))
    .values(
        state="succeeded",
        code=None,
        message="",
        held_since=None,
        lease_until=None,
        worker=None,
        finished_at=_b("now"),
        outputs=_b("results"),
    )
)

_NEEDING = sa.select(task_needs.c.needing).where(task_needs.c.needed == _b("task_run"))

_now = _b("now", type_=task_runs.c.not_before.type)
_last_one = task_runs.c.waiting_for == 1

# The returned state tells which tasks have become ready.
COUNT_DOWN = (
    task_runs.update()
    .where(task_runs.c.id.in_(_NEEDING), task_runs.c.state == "waiting")
    .values(
        waiting_for=task_runs.c.waiting_for - 1,
        state=sa.case((_last_one, "queued"), else_=task_runs.c.state),
        not_before=sa.case((_last_one, _now), else_=task_runs.c.not_before),
        rung_at=sa.case((_last_one, _now), else_=task_runs.c.rung_at),
    )
    .returning(task_runs.c.id, task_runs.c.position, task_runs.c.state)
)

CLOSE = (
    runs.update()
    .where(runs.c.id == _b("run"))
    .values(open_tasks=runs.c.open_tasks - _b("ended", type_=sa.Integer))
    .returning(runs.c.open_tasks)
)

ADD_LOG = attempt_logs.insert()
ADD_TABLES = table_uses.insert()

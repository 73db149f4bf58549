"""Which kernels of attempts are current: asked with every query that such a kernel sends."""

from __future__ import annotations

import sqlalchemy as sa

from ...connections.bindings import Binding
from ...kit.db import Database
from .store import attempts, runs, task_runs

_CURRENT = (
    sa.select(attempts.c.task_run_id, task_runs.c.run_id)
    .join_from(attempts, task_runs, attempts.c.task_run_id == task_runs.c.id)
    .join(runs, runs.c.id == task_runs.c.run_id)
    .where(
        attempts.c.id == sa.bindparam("attempt"),
        attempts.c.fence == task_runs.c.fence,
        task_runs.c.state == "running",
        runs.c.run_as == sa.bindparam("run_as"),
    )
)


class RunBindings:
    """Knows the attempts by the metadata database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def current(self, attempt_id: str, actor: str) -> Binding | None:
        """The attempt, if it is current and runs as this actor; else ``None``."""
        values = {"attempt": attempt_id, "run_as": f"user:{actor}"}
        with self._database.read() as transaction:
            row = transaction.execute(_CURRENT, values).first()
        return Binding(attempt_id, row.task_run_id, row.run_id) if row is not None else None

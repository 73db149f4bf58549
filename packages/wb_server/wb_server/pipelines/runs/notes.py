"""Records facts about an attempt while it runs: kernel, progress, log, tables, notebook."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from ...gate.lineage import TableUse
from ...kit.blobs import Blobs
from ...kit.db import Database
from ...kit.errors import Conflict
from .statements import ADD_LOG, ADD_TABLES
from .steps import Claim
from .tables import attempts, task_runs


class Notes:
    """Writes facts about attempts. None of them changes a state."""

    def __init__(self, database: Database, blobs: Blobs) -> None:
        self._database = database
        self._blobs = blobs

    def kernel(self, claim: Claim, kernel: Mapping[str, Any]) -> None:
        """Records which kernel an attempt is about to use.

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
                raise Conflict("This attempt is no longer current.", code="stale_attempt")
            transaction.execute(
                attempts.update()
                .where(attempts.c.id == claim.attempt_id)
                .values(kernel=dict(kernel))
            )

    def progress(self, attempt_id: str, progress: Mapping[str, Any]) -> None:
        """Records an attempt's progress."""
        with self._database.write(durable=False) as transaction:
            transaction.execute(
                attempts.update().where(attempts.c.id == attempt_id).values(progress=dict(progress))
            )

    def add(self, log: Sequence[Mapping[str, Any]], tables: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows to an attempt's log and to the tables that it used."""
        with self._database.write(durable=False) as transaction:
            if log:
                transaction.execute(ADD_LOG, log)
            if tables:
                transaction.execute(ADD_TABLES, tables)

    def notebook(self, attempt_id: str, digest: str) -> None:
        """Stores the executed notebook, replacing the previous one."""
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


def table_rows(attempt_id: str, direction: str, uses: Iterable[TableUse]) -> list[dict[str, Any]]:
    """Rows for the tables that an attempt has ``read`` or ``written``, as ``direction`` says."""
    return [
        {
            "attempt_id": attempt_id,
            "direction": direction,
            "connection_id": use.connection_id,
            "schema_name": use.schema,
            "table_name": use.table,
            "columns": list(use.columns),
        }
        for use in uses
    ]

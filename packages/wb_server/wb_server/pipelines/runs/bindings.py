"""Binds queries of kernels to their attempts: whether one is current, and which tables it uses."""

from __future__ import annotations

import contextlib
import threading
from collections import OrderedDict
from dataclasses import replace

import sqlalchemy as sa

from ...gate.lineage import tables_read, tables_written
from ...gate.permits import Permit
from ...governance.people.service import PeopleService
from ...kit import clock
from ...kit.actor import Actor
from ...kit.db import Database
from ...kit.errors import Forbidden
from ...queries.bindings import Binding
from ..definitions import Definitions
from .notes import table_rows
from .statements import ADD_TABLES
from .tables import attempts, runs, task_runs

_CURRENT = (
    sa.select(
        attempts.c.task_run_id,
        attempts.c.started_at,
        task_runs.c.run_id,
        task_runs.c.task,
        runs.c.pipeline_id,
        runs.c.version,
    )
    .join_from(attempts, task_runs, attempts.c.task_run_id == task_runs.c.id)
    .join(runs, runs.c.id == task_runs.c.run_id)
    .where(
        attempts.c.id == sa.bindparam("attempt"),
        attempts.c.fence == task_runs.c.fence,
        task_runs.c.state == "running",
        runs.c.run_as == sa.bindparam("run_as"),
    )
)


# The maximum number of statements remembered as recorded. A loop sends the same statement over and over;
# one that was evicted is recorded again, and readers show the duplicate only once.
_MAX_REMEMBERED = 1000


class RunBindings:
    """Looks up attempts in the metadata database."""

    def __init__(self, database: Database, people: PeopleService, definitions: Definitions) -> None:
        self._database = database
        self._people = people
        self._definitions = definitions
        self._recorded: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._lock = threading.Lock()

    def current(self, attempt_id: str, actor: str) -> Binding | None:
        """The binding of an attempt if it is current and runs as this actor, else ``None``."""
        values = {"attempt": attempt_id, "run_as": f"user:{actor}"}
        with self._database.read() as transaction:
            row = transaction.execute(_CURRENT, values).first()
        if row is None:
            return None
        definition = self._definitions.pipeline(row.pipeline_id, row.version)
        left = row.started_at + definition.timeout_of(row.task) - clock.now()
        deadline = clock.monotonic() + left.total_seconds()
        return Binding(attempt_id, row.task_run_id, row.run_id, deadline)

    def as_now(self, actor: Actor) -> Actor:
        """The actor of a run with their current groups; a team account is returned unchanged."""
        if actor.run_id is None or actor.name.startswith("team:"):
            return actor
        groups = self._people.groups_of(actor.name)
        if groups is None:
            raise Forbidden(f"“{actor.name}” is no longer a user of the Hub.", code="owner_gone")
        return replace(actor, groups=groups)

    def used(self, attempt_id: str, permit: Permit) -> None:
        """Records the tables that a statement of an attempt's kernel has read or written."""
        statement = (attempt_id, permit.connection_id, permit.sql)
        with self._lock:
            if statement in self._recorded:
                return
            self._recorded[statement] = None
            if len(self._recorded) > _MAX_REMEMBERED:
                self._recorded.popitem(last=False)
        rows = [
            *table_rows(attempt_id, "read", tables_read(permit)),
            *table_rows(attempt_id, "written", tables_written(permit)),
        ]
        if not rows:
            return
        # The run may have been deleted in the meantime.
        with (
            contextlib.suppress(sa.exc.IntegrityError),
            self._database.write(durable=False) as transaction,
        ):
            transaction.execute(ADD_TABLES, rows)

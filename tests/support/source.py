"""One source, accessed through its connector, without gate and service."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pyarrow as pa

from wb_server.connectors.base import Answer, Connector, LoadSession, Session, Target
from wb_server.gate.dialects.canonical import canonical
from wb_server.gate.dialects.fields import named
from wb_server.gate.dialects.parsing import parse
from wb_server.gate.dialects.tables import TableRef, tables_of
from wb_server.gate.loads import Batches, LoadMode, Progress, TableName, Written
from wb_server.gate.permits import LoadPermit, Permit, PermitKind
from wb_server.gate.seal import SEAL
from wb_server.gate.statement import RULES, analyse
from wb_server.kit.errors import WorkbenchError


def make_permit(
    sql: str = "", *tables: str, kind: PermitKind = "read", connection_id: str = "c1"
) -> Permit:
    """A permit like the gate's, for tests of what comes after the gate."""
    return Permit(
        str(uuid.uuid4()),
        "ana",
        connection_id,
        kind,
        sql,
        tables=tuple(_table(name) for name in tables),
        seal=SEAL,
    )


def make_load_permit(
    table: str,
    mode: LoadMode = "append",
    key: Sequence[str] = (),
    *,
    create: bool = True,
    once: str | None = None,
    connection_id: str = "c1",
) -> LoadPermit:
    """A load permit like the gate's."""
    schema, _, name = table.rpartition(".")
    return LoadPermit(
        str(uuid.uuid4()),
        "ana",
        connection_id,
        TableName(schema or None, name),
        mode,
        tuple(key),
        create,
        once,
        seal=SEAL,
    )


def as_the_gate(permit: Permit) -> Permit:
    """The permit with the names that the gate finds in its statement, if it can parse it."""
    with suppress(WorkbenchError):
        found = analyse(permit.sql, "postgres")
        return replace(permit, tables=(*permit.tables, *found.tables), named=found.named)
    # Statements that the gate refuses can be run here as well.
    rules = RULES["postgres"]
    with suppress(WorkbenchError):
        tree = canonical(parse(permit.sql, rules), rules)
        tables = {*permit.tables, *tables_of(tree, rules)}
        return replace(permit, tables=tuple(tables), named=named(tree, tables, rules))
    return permit


def _table(name: str) -> TableRef:
    schema, _, table = name.rpartition(".")
    return TableRef(None, schema or None, table)


class Rows:
    """Rows that arrive batch by batch."""

    def __init__(self, schema: pa.Schema, batches: Iterator[pa.RecordBatch]) -> None:
        self.schema = schema
        self._batches = batches

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self._batches


class Source:
    """A connector with one target."""

    def __init__(self, connector: Connector, target: Target) -> None:
        self.connector = connector
        self.target = target

    def open(self, sql: str = "", *tables: str, kind: PermitKind = "read") -> Session:
        """A session for one statement on these tables."""
        permit = make_permit(sql, *tables, kind=kind, connection_id=self.target.connection_id)
        if self.connector.dialect == "postgres" and sql:
            permit = as_the_gate(permit)
        return self.connector.open(permit, self.target)

    def table(
        self,
        sql: str,
        *tables: str,
        kind: PermitKind = "read",
        timeout: float = 30,
        max_write_rows: int = 1000,
    ) -> pa.Table:
        """The whole answer of a statement."""
        with self.open(sql, *tables, kind=kind) as session:
            answer = session.run(timeout=timeout, max_write_rows=max_write_rows)
            batches = list(answer)
            return pa.Table.from_batches(batches, answer.schema)

    def load(
        self,
        table: str,
        batches: Batches | pa.Table,
        mode: LoadMode = "append",
        key: Sequence[str] = (),
        *,
        timeout: float = 30,
        progress: Progress = lambda rows: None,
        **permit: Any,
    ) -> Written:
        """Loads rows into a table."""
        if isinstance(batches, pa.Table):
            batches = batches.to_reader(1000)
        with self.open_load(table, mode, key, **permit) as session:
            return session.load(batches, timeout=timeout, progress=progress).written

    def open_load(
        self, table: str, mode: LoadMode = "append", key: Sequence[str] = (), **permit: Any
    ) -> LoadSession:
        """A session for one load."""
        made = make_load_permit(table, mode, key, connection_id=self.target.connection_id, **permit)
        return self.connector.open_load(made, self.target)

    def write_once(self, sql: str, key: str, *written: str, structural: bool = False) -> Answer:
        """Runs a write that happens only once per key."""
        permit = replace(
            make_permit(sql, *written, kind="write", connection_id=self.target.connection_id),
            written=tuple(_table(name) for name in written),
            structural=structural,
            once=key,
        )
        with self.connector.open(permit, self.target) as session:
            return session.run(timeout=30, max_write_rows=1000)

    def rows(self, sql: str, *tables: str, **options: Any) -> list[dict[str, Any]]:
        """The answer's rows."""
        return self.table(sql, *tables, **options).to_pylist()

    def value(self, sql: str, *tables: str, **options: Any) -> Any:
        """The first row's first value."""
        return self.table(sql, *tables, **options).column(0)[0].as_py()

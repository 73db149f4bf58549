"""One source, through its connector, without gate and service."""

from __future__ import annotations

import uuid
from typing import Any

import pyarrow as pa

from wb_server.connections import gate
from wb_server.connections.connectors.base import Connector, Session, Target
from wb_server.connections.statement import TableRef


def make_permit(
    sql: str = "", *tables: str, kind: gate.PermitKind = "read", connection_id: str = "c1"
) -> gate.Permit:
    """A permit as the gate makes them, for tests of what comes after it."""
    return gate.Permit(
        str(uuid.uuid4()),
        "ana",
        connection_id,
        kind,
        sql,
        tables=tuple(_table(name) for name in tables),
        seal=gate._SEAL,
    )


def _table(name: str) -> TableRef:
    schema, _, table = name.rpartition(".")
    return TableRef(None, schema or None, table)


class Source:
    """A connector with one target."""

    def __init__(self, connector: Connector, target: Target) -> None:
        self.connector = connector
        self.target = target

    def open(self, sql: str = "", *tables: str, kind: gate.PermitKind = "read") -> Session:
        """A session for one statement on these tables."""
        permit = make_permit(sql, *tables, kind=kind, connection_id=self.target.connection_id)
        return self.connector.open(permit, self.target)

    def table(
        self,
        sql: str,
        *tables: str,
        kind: gate.PermitKind = "read",
        timeout: float = 30,
        max_write_rows: int = 1000,
    ) -> pa.Table:
        """The whole answer of a statement."""
        with self.open(sql, *tables, kind=kind) as session:
            answer = session.run(timeout=timeout, max_write_rows=max_write_rows)
            batches = list(answer)
            return pa.Table.from_batches(batches, answer.schema)

    def rows(self, sql: str, *tables: str, **options: Any) -> list[dict[str, Any]]:
        """The answer's rows."""
        return self.table(sql, *tables, **options).to_pylist()

    def value(self, sql: str, *tables: str, **options: Any) -> Any:
        """The first row's first value."""
        return self.table(sql, *tables, **options).column(0)[0].as_py()

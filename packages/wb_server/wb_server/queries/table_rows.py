"""The first rows of a table and their number, by queries that pass the gate."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from ..client.texts import interval_text, plain
from ..client.values import python_values
from ..connections.configurations import Configurations
from ..connections.service import ConnectionService
from ..gate.dialects.spelling import table_path
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin
from ..kit.errors import Unprocessable
from .models import QueryRequest, RowColumn, RowCount, TableRows
from .statements import Statements

MAX_ROWS: Final = 100
_LETTERS: Final = 300


class TableReader:
    """Reads tables for people who look around, as their own queries: audited, and within limits."""

    def __init__(
        self,
        statements: Statements,
        connections: ConnectionService,
        configurations: Configurations,
    ) -> None:
        self._statements = statements
        self._connections = connections
        self._configurations = configurations

    def rows(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        schema: str | None,
        table: str,
        hang_up: HangUp,
    ) -> TableRows:
        """The first rows of a table as texts, each of them cut after 300 characters.

        Raises:
            WorkbenchError: as for a query.
        """
        sql = f"select * from {self._path(actor, connection_id, schema, table)}"  # noqa: S608
        request = QueryRequest(connection=connection_id, sql=sql, row_limit=MAX_ROWS)
        rows: list[list[str | None]] = []
        with self._statements.read(actor, origin, request, hang_up) as reading:
            columns = [RowColumn(name=each.name, type=str(each.type)) for each in reading.schema]
            for batch in reading:
                values = [_texts(it) for it in batch.columns]
                rows += [list(row) for row in zip(*values, strict=True)]
            more = reading.truncated
        return TableRows(columns=columns, rows=rows, more=more)

    def count(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        schema: str | None,
        table: str,
        hang_up: HangUp,
    ) -> RowCount:
        """The number of rows of a table.

        Raises:
            WorkbenchError: as for a query.
        """
        path = self._path(actor, connection_id, schema, table)
        sql = f"select count(*) as n from {path}"  # noqa: S608
        request = QueryRequest(connection=connection_id, sql=sql)
        with self._statements.read(actor, origin, request, hang_up) as reading:
            counts = [value for batch in reading for value in batch.column(0).to_pylist()]
        return RowCount(rows=counts[0])

    def _path(self, actor: Actor, connection_id: str, schema: str | None, table: str) -> str:
        """The table's name in the SQL of its source."""
        connection = self._connections.saved(actor, connection_id)
        connector = self._configurations.connector(connection.connector)
        if connector.dialect is None:
            raise Unprocessable(
                f"A connection to {connector.title} has no tables.", code="not_supported"
            )
        parts = [schema, table] if schema and connector.supports_schemas else [table]
        return table_path(connector.dialect, *parts)


def _texts(column: pa.Array) -> list[str | None]:
    values = python_values(column, interval_text)
    return [None if value is None else plain(value, _LETTERS) for value in values]

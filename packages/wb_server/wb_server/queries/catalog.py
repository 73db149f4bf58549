"""The catalog of a connection: schemas, tables and columns, as its login sees them."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Final, TypeVar

from ..connections.configurations import Configurations
from ..connections.service import ConnectionService
from ..connectors.base import Session
from ..connectors.models import (
    CatalogMatch,
    ColumnInfo,
    SchemaInfo,
    TableDefinition,
    TableInfo,
)
from ..gate.service import Gate
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin
from ..kit.errors import WorkbenchError
from .limits.service import LimitService
from .opening import Opening
from .running import RunningQueries

T = TypeVar("T")

MAX_MATCHES: Final = 500


class Catalog:
    """Reads the catalogs of connections."""

    def __init__(
        self,
        opening: Opening,
        connections: ConnectionService,
        configurations: Configurations,
        gate: Gate,
        queries: RunningQueries,
        limits: LimitService,
    ) -> None:
        self._limits = limits
        self._opening = opening
        self._connections = connections
        self._configurations = configurations
        self._gate = gate
        self._queries = queries

    def schemas(
        self, actor: Actor, origin: Origin, connection_id: str, hang_up: HangUp | None = None
    ) -> list[SchemaInfo]:
        """The schemas of a connection."""
        return self._browse(
            actor, origin, connection_id, "schemas", hang_up, lambda session: session.schemas()
        )

    def tables(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        schema: str | None,
        hang_up: HangUp | None = None,
    ) -> list[TableInfo]:
        """The tables of a schema, or of all schemas."""
        what = "tables" if schema is None else f"tables of {schema}"
        return self._browse(
            actor, origin, connection_id, what, hang_up, lambda session: session.tables(schema)
        )

    def columns(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        schema: str | None,
        table: str,
        hang_up: HangUp | None = None,
    ) -> list[ColumnInfo]:
        """The columns of a table."""
        return self._browse(
            actor,
            origin,
            connection_id,
            f"columns of {table}",
            hang_up,
            lambda session: session.columns(schema, table),
        )

    def search(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        text: str,
        hang_up: HangUp | None = None,
    ) -> list[CatalogMatch]:
        """The schemas, tables and columns whose names contain a text; at most ``MAX_MATCHES``."""
        return self._browse(
            actor,
            origin,
            connection_id,
            f"search {text}",
            hang_up,
            lambda session: session.search(text, MAX_MATCHES),
        )

    def definition(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        schema: str | None,
        table: str,
        hang_up: HangUp | None = None,
    ) -> TableDefinition:
        """A table's keys and its definition as SQL."""
        return self._browse(
            actor,
            origin,
            connection_id,
            f"definition of {table}",
            hang_up,
            lambda session: [session.definition(schema, table)],
        )[0]

    def _browse(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        what: str,
        hang_up: HangUp | None,
        ask: Callable[[Session], list[T]],
    ) -> list[T]:
        self._opening.bound(actor, origin)
        connection = self._connections.saved(actor, connection_id)
        permit = self._gate.browse(actor, connection, query_id=str(uuid.uuid4()))
        with self._queries.turn(
            actor, connection, permit.query_id, permit.kind, what, hang_up
        ) as running:
            if running.slot.waited:
                connection = self._connections.saved(actor, connection_id)
                permit = self._gate.browse(actor, connection, query_id=permit.query_id)
            connector = self._configurations.connector(connection.connector)
            temp_bytes = self._limits.of_query(actor, connection.id).temp_bytes
            with self._opening.session(
                actor, connection, connector, permit, temp_bytes=temp_bytes
            ) as session:
                running.attach(session)
                try:
                    found = ask(session)
                except WorkbenchError as error:
                    self._opening.note_failure(connection, error)
                    raise
            self._opening.note_success(connection)
            return found

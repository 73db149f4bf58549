"""The one gate: nothing reads or writes data without a ``Permit``, and only this file makes one.

A permit says who may run which statement on which connection. ``Connector.open`` takes a permit, so
code that has not passed the gate can't open a connector. Row filters and column masks will be
applied here too, to the parsed statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from ..governance.owned.models import OwnedThing
from ..governance.rights import Rights
from ..kit.actor import Actor
from ..kit.errors import Forbidden, InvalidInput, WorkbenchError
from .analysis import Analyst, Watch
from .calls import CallRequest
from .dialects.fields import Named
from .dialects.tables import in_order
from .loads import LEDGER, LoadRequest, Once, TableName
from .models import DialectName
from .permits import CallPermit, LoadPermit, PasswordPermit, Permit
from .scripts import at_step, pieces
from .seal import SEAL
from .statement import routine_names, table_name


class Gate:
    """Checks a request against the statement's rules and the actor's rights."""

    def __init__(self, rights: Rights, analyst: Analyst) -> None:
        self._rights = rights
        self._analyst = analyst

    def query(
        self,
        actor: Actor,
        connection: OwnedThing,
        dialect: DialectName | None,
        sql: str,
        params: Mapping[str, Any] | None,
        *,
        query_id: str,
        limit: int | None,
        supports_writes: bool,
        supports_once: bool = False,
        once: Once | None = None,
        reads: bool = False,
        routines: Sequence[str] = (),
        watch: Watch | None = None,
    ) -> Permit:
        """Grants a permit for one statement.

        Args:
            limit: the maximum number of rows wanted; added to the statement where that is safe.
            once: makes a write happen once under its key.
            reads: whether the statement must be read-only.
            routines: the database's own functions and procedures that the connection allows.
            watch: sets the time limit for analysing a long statement, and may stop it.

        Raises:
            Conflict, SourceTimeout: the analysis was stopped, or took too long.
            InvalidInput: the statement can't be understood or isn't one that the gate knows.
            Forbidden: the actor lacks the right, or the statement uses what isn't on the lists.
        """
        self._rights.require(actor, "connection.read", connection)
        if dialect is None:
            raise _no_sql(connection)
        names = routine_names(routines, dialect)
        statement = self._analyst.analyse(
            sql, dialect, params, limit=limit, routines=names, watch=watch
        )
        if statement.kind == "write":
            if reads:
                raise _not_a_read()
            if not supports_writes:
                raise _read_only(connection)
            self._rights.require(actor, "connection.write", connection)
            if once is not None and not supports_once:
                raise Forbidden(
                    f"The connection “{connection.name}” has no ledger of writes, so "
                    "exactly-once writes aren't possible.",
                    code="no_ledger",
                )
        return Permit(
            query_id=query_id,
            actor=actor.name,
            connection_id=connection.id,
            kind=statement.kind,
            sql=statement.sql,
            returns_rows=statement.returns_rows,
            tables=statement.tables,
            written=statement.written,
            structural=statement.structural,
            dialect=dialect,
            shows_texts=statement.shows_texts,
            named=statement.named,
            once=once.key if once is not None and statement.kind == "write" else None,
            seal=SEAL,
        )

    def script(
        self,
        actor: Actor,
        connection: OwnedThing,
        dialect: DialectName | None,
        sql: str,
        params: Mapping[str, Any] | None,
        *,
        query_id: str,
        supports_writes: bool,
        supports_once: bool = False,
        once: Once | None = None,
        routines: Sequence[str] = (),
        watch: Watch | None = None,
    ) -> Permit:
        """Grants a permit for the statements of a text; if there are several, in one transaction.

        Each statement is checked by itself. Several take the right to write, whatever they do.

        Raises:
            WorkbenchError: as for ``query``; with the statement and its line if there are several.
            InvalidInput: a statement can't be part of a transaction (``not_in_transaction``).
        """

        def one(sql: str, params: Mapping[str, Any] | None) -> Permit:
            return self.query(
                actor,
                connection,
                dialect,
                sql,
                params,
                query_id=query_id,
                limit=None,
                supports_writes=supports_writes,
                supports_once=supports_once,
                once=once,
                routines=routines,
                watch=watch,
            )

        found = pieces(sql, dialect) if dialect is not None else []
        if dialect is None or len(found) == 1:
            return one(sql, params)
        self._rights.require(actor, "connection.read", connection)
        if not supports_writes:
            raise _read_only(connection)
        self._rights.require(actor, "connection.write", connection)
        known, steps = dict(params or {}), []
        for number, piece in enumerate(found, 1):
            try:
                step = one(piece.sql, piece.parameters(known))
                _require_part(step, dialect)
            except WorkbenchError as error:
                raise at_step(error, number, piece.line) from None
            steps.append(replace(step, once=None, line=piece.line))
        written = dict.fromkeys(table for step in steps for table in step.written)
        return Permit(
            query_id=query_id,
            actor=actor.name,
            connection_id=connection.id,
            kind="write",
            sql=";\n".join(step.sql for step in steps),
            returns_rows=False,
            tables=in_order(table for step in steps for table in step.tables),
            written=tuple(written),
            structural=any(step.structural for step in steps),
            dialect=dialect,
            named=Named(routines=frozenset().union(*(step.named.routines for step in steps))),
            once=once.key if once is not None else None,
            steps=tuple(steps),
            seal=SEAL,
        )

    def load(
        self,
        actor: Actor,
        connection: OwnedThing,
        dialect: DialectName | None,
        request: LoadRequest,
        *,
        query_id: str,
        supports_loads: bool,
        once: Once | None,
    ) -> LoadPermit:
        """Grants a permit to load rows into a table.

        Raises:
            InvalidInput: the table's name can't be parsed, or is the ledger's (``bad_table``).
            Forbidden: the actor lacks the right, or the table is a system table.
        """
        self._rights.require(actor, "connection.read", connection)
        if dialect is None:
            raise _no_sql(connection)
        if not supports_loads:
            raise _read_only(connection)
        self._rights.require(actor, "connection.write", connection)
        table = table_name(request.table, dialect)
        if table.name.casefold() == LEDGER:
            raise InvalidInput(
                f"The table {LEDGER} records which writes were made, so nothing can be loaded "
                "into it.",
                code="bad_table",
            )
        return LoadPermit(
            query_id,
            actor.name,
            connection.id,
            TableName(table.schema, table.name),
            request.mode,
            tuple(request.key),
            request.create,
            once.key if once is not None else None,
            seal=SEAL,
        )

    def upload(self, actor: Actor, connection: OwnedThing, *, query_id: str) -> Permit:
        """Grants a permit to read a file of the actor's own, to load it into a connection."""
        self._rights.require(actor, "connection.write", connection)
        return Permit(query_id, actor.name, "", "browse", seal=SEAL)

    def call(
        self,
        actor: Actor,
        connection: OwnedThing,
        request: CallRequest,
        *,
        query_id: str,
        supports_calls: bool,
    ) -> CallPermit:
        """Grants a permit for one request to an API. Every method but GET takes the right to write.

        Raises:
            InvalidInput: the path leaves the base URL, or the body can't be sent (``bad_path``,
                ``bad_body``), or the connection takes no requests (``no_calls``).
            Forbidden: the actor lacks the right.
        """
        self._rights.require(actor, "connection.read", connection)
        if not supports_calls:
            raise InvalidInput(
                f"“{connection.name}” isn't the connection of an HTTP API. Query it with SQL.",
                code="no_calls",
            )
        kind: Literal["read", "write"] = "read" if request.method == "GET" else "write"
        if kind == "write":
            self._rights.require(actor, "connection.write", connection)
        content, media_type = request.content()
        headers = dict(request.headers)
        if media_type and "content-type" not in {name.lower() for name in headers}:
            headers["Content-Type"] = media_type
        return CallPermit(
            query_id,
            actor.name,
            connection.id,
            kind,
            request.method,
            request.target(),
            headers,
            content,
            seal=SEAL,
        )

    def browse(self, actor: Actor, connection: OwnedThing, *, query_id: str) -> Permit:
        """Grants a permit to list schemas, tables and columns, by the connector's own statements."""
        self._rights.require(actor, "connection.browse", connection)
        return Permit(query_id, actor.name, connection.id, "browse", seal=SEAL)

    def new_password(self, actor: Actor, connection: OwnedThing) -> PasswordPermit:
        """Grants a permit to set a new password for a connection's login."""
        self._rights.require(actor, "connection.update", connection)
        return PasswordPermit(connection.id, seal=SEAL)

    def test(self, actor: Actor, connection: OwnedThing | None, *, query_id: str) -> Permit:
        """Grants a permit to test a connection, saved or not, with ``select 1``."""
        if connection is None:
            self._rights.require(actor, "connection.create")
        else:
            self._rights.require(actor, "connection.test", connection)
        # An empty connection id bypasses the pools: a pooled session would prove little.
        return Permit(query_id, actor.name, "", "test", "SELECT 1", seal=SEAL)


def _require_part(step: Permit, dialect: DialectName) -> None:
    """Refuses a statement that can't be one of several in a transaction."""
    if step.shows_texts:
        raise InvalidInput(
            "EXPLAIN can't be one of several statements. Run it by itself.",
            code="not_in_transaction",
        )
    if dialect == "mysql" and step.structural:
        raise InvalidInput(
            "MySQL and MariaDB commit before and after this statement, so it can't be one of several "
            "in a transaction. Give it a task of its own.",
            code="not_in_transaction",
        )


def _no_sql(connection: OwnedThing) -> InvalidInput:
    return InvalidInput(
        f"“{connection.name}” is the connection of an HTTP API, which takes no SQL. Use an http task of "
        "a pipeline, or wb.http() in a notebook.",
        code="no_sql",
    )


def _read_only(connection: OwnedThing) -> Forbidden:
    return Forbidden(
        f"The connection “{connection.name}” is read-only.", code="read_only_connection"
    )


def _not_a_read() -> Forbidden:
    return Forbidden("This statement changes data, but the request is a read.", code="not_a_read")

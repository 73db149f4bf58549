"""The broker: runs what the gate permits, and streams the rows as Arrow.

It is the only one that opens connectors. Memory stays at about two batches however large the result
is and however slow its reader; ``stream.py`` has the format.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..governance.audit.service import AuditService
from ..governance.rights import Rights
from ..kit import clock
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin, Outcome
from ..kit.errors import LimitReached, NotFound, WorkbenchError
from ..kit.events import Bus
from .connectors.base import Connector, ConnectorConfig, Session, Target
from .connectors.duckdb_file import DuckdbFileConnector
from .connectors.files import FilesConnector
from .connectors.mysql import MySQLConnector
from .connectors.postgres import PostgresConnector
from .connectors.s3 import S3Connector
from .connectors.worker import Workers
from .gate import Gate, Permit
from .hints import add_near_names, place_in
from .limits.models import QueryLimits
from .limits.service import LimitService
from .models import (
    ColumnInfo,
    Connection,
    ConnectionTest,
    QueryRequest,
    RunningQuery,
    SchemaInfo,
    State,
    TableInfo,
    TestResult,
)
from .network import NetworkPolicy
from .running import Running, RunningQueries
from .service import ConnectionService
from .stream import Caps, Finish, QueryStream

log = logging.getLogger(__name__)
T = TypeVar("T")

# What is wrong with the source itself, rather than with one statement: these turn its state.
_STATE_CODES = frozenset(
    {
        "unreachable",
        "unknown_host",
        "unknown_bucket",
        "sign_in_failed",
        "tls_failed",
        "address_not_allowed",
        "file_unreadable",
    }
)
# Seconds that a test of a connection may take.
_TEST_SECONDS = 10.0


def standard_connectors(
    *,
    roots: list[Path],
    allow_private: bool,
    allow_loopback: bool,
    worker_memory: str,
    temporary: Path,
) -> list[Connector]:
    """Every kind of connector that comes with the Workbench.

    Args:
        roots: the folders whose files connections may read.
        worker_memory: of one statement on files, as DuckDB writes it.
        temporary: the folder for temporary files of such statements.
    """
    network = NetworkPolicy(allow_private=allow_private, allow_loopback=allow_loopback)
    workers = Workers(memory_limit=worker_memory, temporary=temporary)
    return [
        PostgresConnector(network),
        MySQLConnector(network),
        FilesConnector(roots, workers),
        DuckdbFileConnector(roots, workers),
        S3Connector(network, workers),
    ]


class Broker:
    """Runs queries, tests and looks into catalogs, each behind the gate and in the audit log."""

    def __init__(
        self,
        connections: ConnectionService,
        gate: Gate,
        rights: Rights,
        audit: AuditService,
        limits: LimitService,
        bus: Bus,
        *,
        write_rows: int,
    ) -> None:
        self._connections = connections
        self._gate = gate
        self._rights = rights
        self._audit = audit
        self._limits = limits
        self._write_rows = write_rows
        self._queries = RunningQueries(limits, bus)

    # --- queries ---------------------------------------------------------------------------

    def query(
        self, actor: Actor, origin: Origin, request: QueryRequest, hang_up: HangUp
    ) -> QueryStream:
        """Runs one statement and returns its answer as a stream.

        It waits for its turn where as many run as may. It returns once the source has answered
        with its first rows, so whatever is wrong with the statement is raised here and not in the
        stream.

        Args:
            hang_up: stops the query, in its source too, when the client goes away.

        Raises:
            NotFound: no connection of this name that the actor may use.
            InvalidInput, Forbidden: the gate or the source refuses the statement.
            LimitReached: too many queries at once, and none ended in time.
            Conflict: the query id is in use, or the query was cancelled.
            SourceFailed, SourceTimeout: the source failed.
        """
        query_id = request.query_id or str(uuid.uuid4())
        use = self._permitted(actor, origin, request, query_id)
        running = self._queries.add(actor, use.connection, query_id, use.permit.kind, request.sql)
        finish = Finish(running, partial(self._ended, running))
        hang_up.then(lambda: running.stop("hung_up"))
        try:
            self._queries.take(running)
            if running.place.waited:
                # What was permitted before the wait may not be any more.
                use = self._permitted(actor, origin, request, query_id)
        except BaseException as error:
            if running.stopped is None:
                self._queries.remove(running)
                if isinstance(error, LimitReached):
                    self._refused(actor, origin, request, query_id, error)
            else:
                try:
                    self._started(actor, origin, use, request)
                finally:
                    finish.failed(error)
            raise
        try:
            self._started(actor, origin, use, request)
            return self._open(actor, use, running, finish, request.sql)
        except BaseException as error:
            finish.failed(error)
            raise

    def _permitted(
        self, actor: Actor, origin: Origin, request: QueryRequest, query_id: str
    ) -> _Use:
        """What a request comes to, once the gate has let it through; else it is audited."""
        try:
            connection = self._connections.find(actor, request.connection)
            connector = self._connections.connector(connection.connector)
            limits = self._limits.of_query(actor, connection.id)
            limit = request.row_limit
            if limit is not None:
                limit = min(limit, limits.rows)
            permit = self._gate.query(
                actor,
                connection,
                connector.dialect,
                request.sql,
                request.params,
                query_id=query_id,
                # One row more than wanted tells whether there were more.
                limit=None if limit is None else limit + 1,
                supports_writes=connector.supports_writes,
            )
        except WorkbenchError as error:
            self._refused(actor, origin, request, query_id, error)
            raise
        return _Use(connection, connector, permit, limits, limit)

    def _started(self, actor: Actor, origin: Origin, use: _Use, request: QueryRequest) -> None:
        self._audit.started(
            actor,
            origin,
            f"query.{use.permit.kind}",
            record=use.permit.query_id,
            connection_id=use.connection.id,
            target=use.connection.name,
            statement=request.sql,
        )

    def _refused(
        self,
        actor: Actor,
        origin: Origin,
        request: QueryRequest,
        query_id: str,
        error: WorkbenchError,
    ) -> None:
        self._audit.refused(
            actor,
            origin,
            "query.run",
            code=error.code,
            record=query_id,
            target=request.connection,
            statement=request.sql,
        )

    def _open(
        self, actor: Actor, use: _Use, running: Running, finish: Finish, written: str
    ) -> QueryStream:
        connection, connector, permit = use.connection, use.connector, use.permit
        temp_bytes = use.limits.temp_bytes
        session = self._session(actor, connection, connector, permit, temp_bytes=temp_bytes)
        try:
            finish.session = session
            running.attach(session)
            answer = session.run(timeout=use.limits.seconds, max_write_rows=self._write_rows)
            provenance: dict[str, Any] = {
                "query_id": permit.query_id,
                "connection": connection.name,
                "connection_id": connection.id,
                "row_limit": use.limit,
                "kind": permit.kind,
                "waited_ms": round(running.place.waited * 1000, 1),
                "policies": [],
                "catalog_version": None,
            }
            caps = Caps(rows=use.limits.rows, bytes=use.limits.bytes)
            stream = QueryStream(answer, provenance, finish, use.limit, caps)
            stream.prime()
        except WorkbenchError as error:
            session.close()
            self._note_failure(connection, error)
            place_in(error, written, permit.sql)
            add_near_names(
                error,
                permit.tables,
                lambda: self._session(
                    actor,
                    connection,
                    connector,
                    self._gate.browse(actor, connection, query_id=permit.query_id),
                ),
            )
            raise
        except BaseException:
            session.close()
            raise
        if connection.state.status == "failed":
            self._connections.set_state(connection, State(status="ok", checked_at=clock.now()))
        return stream

    def queries(self, actor: Actor, *, everybodys: bool = False) -> list[RunningQuery]:
        """What runs and waits of the actor's, or of everybody's, the oldest first.

        Raises:
            Forbidden: only administrators see everybody's.
        """
        if everybodys:
            self._rights.require(actor, "query.list_any")
        return [
            running.view()
            for running in self._queries.all()
            if everybodys or running.actor == actor.name
        ]

    def cancel(self, actor: Actor, query_id: str) -> None:
        """Stops a query that runs, in its source too, or one that waits for its turn.

        Raises:
            NotFound: none runs under this id, or none of theirs.
        """
        running = self._queries.get(query_id)
        if running is None or not (
            running.actor == actor.name or self._rights.may(actor, "query.cancel_any")
        ):
            raise NotFound("No query of yours runs under this id.", code="unknown_id")
        running.stop("cancelled")

    def stop_all(self) -> None:
        """Stops everything that runs; called when the service stops."""
        for running in self._queries.all():
            running.stop("cancelled")

    # --- tests and the catalog -------------------------------------------------------------

    def test(
        self, actor: Actor, origin: Origin, request: ConnectionTest, hang_up: HangUp | None = None
    ) -> TestResult:
        """Tries a connection that isn't saved, by the code of a real query."""
        connector = self._connections.connector(request.connector)
        saved = None
        if request.connection_id is not None:
            saved = self._connections.saved(actor, request.connection_id)
            self._rights.require(actor, "connection.update", saved)
        permit = self._gate.test(actor, None, query_id=str(uuid.uuid4()))
        config = self._connections.complete(
            actor, connector, saved, request.credentials, request.config
        )
        return self._try(actor, connector, permit, Target("", 0, config), saved, hang_up)

    def test_saved(
        self, actor: Actor, origin: Origin, connection_id: str, hang_up: HangUp | None = None
    ) -> TestResult:
        """Tries a saved connection, and notes its state."""
        connection = self._connections.saved(actor, connection_id)
        connector = self._connections.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        target = self._connections.target(connection, actor)
        target = replace(target, connection_id="")
        result = self._try(actor, connector, permit, target, connection, hang_up)
        self._note(connection, result.ok, result.code, result.message)
        return result

    def test_login(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        login: dict[str, Any],
        hang_up: HangUp | None = None,
    ) -> TestResult:
        """Tries a sign-in of the actor's for a personal connection, before it is stored."""
        connection = self._connections.saved(actor, connection_id)
        connector = self._connections.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        config = self._connections.with_login(connection, login)
        return self._try(actor, connector, permit, Target("", 0, config), connection, hang_up)

    # --- logins, for the rotation of a password ----------------------------------------------

    def sign_in(self, actor: Actor, connection: Connection, config: ConnectorConfig) -> TestResult:
        """Tries a sign-in for a saved connection, on a connection of its own."""
        connector = self._connections.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        return self._try(actor, connector, permit, Target("", 0, config), connection, None)

    def tables_of(
        self, actor: Actor, connection: Connection, config: ConnectorConfig
    ) -> frozenset[tuple[str | None, str]]:
        """Schema and name of every table that a sign-in for a saved connection may use."""
        connector = self._connections.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        with connector.open(permit, Target("", 0, config)) as session:
            return frozenset((table.schema_, table.name) for table in session.tables(None))

    def set_password(
        self, actor: Actor, connection: Connection, config: ConnectorConfig, password: str
    ) -> None:
        """Gives the login of a sign-in another password, signed in as that login.

        The caller keeps the password safe before, stores it after, and writes the audit log.

        Raises:
            WorkbenchError: as ``Connector.set_password`` says.
        """
        connector = self._connections.connector(connection.connector)
        permit = self._gate.new_password(actor, connection)
        connector.set_password(permit, Target(connection.id, 0, config), password)

    def _try(
        self,
        actor: Actor,
        connector: Connector,
        permit: Permit,
        target: Target,
        connection: Connection | None,
        hang_up: HangUp | None,
    ) -> TestResult:
        version: str | None = None
        error: WorkbenchError | None = None
        with self._queries.turn(
            actor, connection, permit.query_id, permit.kind, "", hang_up
        ) as running:
            began = time.perf_counter()
            try:
                connector.check(target.config)
                with connector.open(permit, target) as session:
                    running.attach(session)
                    for _batch in session.run(timeout=_TEST_SECONDS, max_write_rows=0):
                        pass
                    version = session.server_version()
            except WorkbenchError as failure:
                error = failure
            elapsed = (time.perf_counter() - began) * 1000
        if error is not None:
            return TestResult(
                ok=False,
                message=error.message,
                code=error.code,
                details=error.details,
                elapsed_ms=elapsed,
            )
        return TestResult(
            ok=True, message="The connection works.", elapsed_ms=elapsed, server_version=version
        )

    def schemas(
        self, actor: Actor, origin: Origin, connection_id: str, hang_up: HangUp | None = None
    ) -> list[SchemaInfo]:
        """The schemas of a connection."""
        return self._browse(
            actor, connection_id, "schemas", hang_up, lambda session: session.schemas()
        )

    def tables(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        schema: str | None,
        hang_up: HangUp | None = None,
    ) -> list[TableInfo]:
        """The tables of a schema, or of all."""
        what = "tables" if schema is None else f"tables of {schema}"
        return self._browse(
            actor, connection_id, what, hang_up, lambda session: session.tables(schema)
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
            connection_id,
            f"columns of {table}",
            hang_up,
            lambda session: session.columns(schema, table),
        )

    def _browse(
        self,
        actor: Actor,
        connection_id: str,
        what: str,
        hang_up: HangUp | None,
        ask: Callable[[Session], list[T]],
    ) -> list[T]:
        connection = self._connections.saved(actor, connection_id)
        permit = self._gate.browse(actor, connection, query_id=str(uuid.uuid4()))
        with self._queries.turn(
            actor, connection, permit.query_id, permit.kind, what, hang_up
        ) as running:
            if running.place.waited:
                connection = self._connections.saved(actor, connection_id)
                permit = self._gate.browse(actor, connection, query_id=permit.query_id)
            connector = self._connections.connector(connection.connector)
            with self._session(actor, connection, connector, permit) as session:
                running.attach(session)
                return ask(session)

    # --- inside ----------------------------------------------------------------------------

    def _session(
        self,
        actor: Actor,
        connection: Connection,
        connector: Connector,
        permit: Permit,
        *,
        temp_bytes: int = 0,
    ) -> Session:
        target = self._connections.target(connection, actor)
        if temp_bytes:
            target = replace(target, temp_bytes=temp_bytes)
        try:
            return connector.open(permit, target)
        except WorkbenchError as error:
            self._note_failure(connection, error)
            raise

    def _note_failure(self, connection: Connection, error: WorkbenchError) -> None:
        if error.code in _STATE_CODES:
            self._note(connection, False, error.code, error.message)

    def _note(self, connection: Connection, ok: bool, code: str | None, message: str) -> None:
        """Notes what a use said of the connection. One user's wrong password says nothing of it."""
        if code == "sign_in_failed" and connection.credentials == "personal":
            return
        status: Literal["ok", "failed"] = "ok" if ok else "failed"
        self._connections.set_state(
            connection, State(status=status, message=message, checked_at=clock.now())
        )

    def _ended(
        self, running: Running, outcome: Outcome, code: str | None, rows: int, size: int
    ) -> None:
        """Frees a query's place and writes the audit's last row."""
        self._queries.remove(running)
        self._audit.finished(running.query_id, outcome, code=code, rows=rows, bytes=size)


@dataclass(frozen=True)
class _Use:
    """What a request comes to."""

    connection: Connection
    connector: Connector
    permit: Permit
    limits: QueryLimits
    limit: int | None

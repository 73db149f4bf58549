"""The broker: runs what the gate permits, and streams the rows as Arrow.

It is the only one that opens connectors. Memory stays at about two batches however large the result
is and however slow its reader; ``stream.py`` has the format.
"""

from __future__ import annotations

import difflib
import logging
import re
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from ..governance.audit.service import AuditService
from ..governance.rights import Rights
from ..kit import clock
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin, Outcome
from ..kit.errors import Conflict, NotFound, WorkbenchError
from .connectors.base import Connector, Session, Target
from .connectors.files import FilesConnector
from .connectors.postgres import PostgresConnector
from .gate import Gate, Permit
from .limits import Slots
from .models import (
    ColumnInfo,
    Connection,
    ConnectionTest,
    QueryRequest,
    SchemaInfo,
    State,
    TableInfo,
    TestResult,
)
from .network import NetworkPolicy
from .service import ConnectionService
from .stream import Caps, Finish, QueryStream, Running

log = logging.getLogger(__name__)
T = TypeVar("T")

# What is wrong with the source itself, rather than with one statement: these turn its state.
_STATE_CODES = frozenset({"unreachable", "unknown_host", "sign_in_failed", "address_not_allowed"})
# So many of a statement's tables are asked for their columns when one is unknown.
_NEAR_TABLES = 5


def standard_connectors(
    *, roots: list[Path], allow_private: bool, allow_loopback: bool, worker_memory: str
) -> list[Connector]:
    """Every kind of connector that comes with the Workbench."""
    network = NetworkPolicy(allow_private=allow_private, allow_loopback=allow_loopback)
    return [PostgresConnector(network), FilesConnector(roots, memory_limit=worker_memory)]


class Broker:
    """Runs queries, tests and looks into catalogs, each behind the gate and in the audit log."""

    def __init__(
        self,
        connections: ConnectionService,
        gate: Gate,
        rights: Rights,
        audit: AuditService,
        slots: Slots,
        caps: Caps,
    ) -> None:
        self._connections = connections
        self._gate = gate
        self._rights = rights
        self._audit = audit
        self._slots = slots
        self._caps = caps
        self._running: dict[str, Running] = {}
        self._lock = threading.Lock()

    # --- queries ---------------------------------------------------------------------------

    def query(
        self, actor: Actor, origin: Origin, request: QueryRequest, hang_up: HangUp
    ) -> QueryStream:
        """Runs one statement and returns its answer as a stream.

        It returns once the source has answered with its first rows, so whatever is wrong with the
        statement is raised here and not in the stream.

        Args:
            hang_up: stops the query, in its source too, when the client goes away.

        Raises:
            NotFound: no connection of this name that the actor may use.
            InvalidInput, Forbidden: the gate or the source refuses the statement.
            LimitReached: too many queries at once.
            Conflict: the query id is in use, or the query was cancelled.
            SourceFailed, SourceTimeout: the source failed.
        """
        query_id = request.query_id or str(uuid.uuid4())
        limit = min(request.row_limit, self._caps.rows) if request.row_limit is not None else None
        try:
            connection = self._connections.find(actor, request.connection)
            connector = self._connections.connector(connection.connector)
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
            self._audit.refused(
                actor,
                origin,
                "query.run",
                code=error.code,
                record=query_id,
                target=request.connection,
                statement=request.sql,
            )
            raise
        self._slots.take(actor.name)
        try:
            running = self._register(query_id, actor)
        except WorkbenchError:
            self._slots.free(actor.name)
            raise
        hang_up.then(lambda: running.stop("hung_up"))
        finish = Finish(running, partial(self._ended, running))
        try:
            self._audit.started(
                actor,
                origin,
                f"query.{permit.kind}",
                record=query_id,
                connection_id=connection.id,
                target=connection.name,
                statement=request.sql,
            )
            return self._open(
                actor, connection, connector, permit, running, finish, limit, request.sql
            )
        except BaseException as error:
            finish.failed(error)
            raise

    def _open(
        self,
        actor: Actor,
        connection: Connection,
        connector: Connector,
        permit: Permit,
        running: Running,
        finish: Finish,
        limit: int | None,
        written: str,
    ) -> QueryStream:
        session = self._session(actor, connection, connector, permit)
        try:
            finish.session = session
            running.attach(session)
            answer = session.run(timeout=self._caps.timeout, max_write_rows=self._caps.write_rows)
            provenance: dict[str, Any] = {
                "query_id": permit.query_id,
                "connection": connection.name,
                "connection_id": connection.id,
                "row_limit": limit,
                "kind": permit.kind,
                "policies": [],
                "catalog_version": None,
            }
            stream = QueryStream(answer, provenance, finish, limit, self._caps)
            stream.prime()
        except WorkbenchError as error:
            session.close()
            _place_in(error, written, permit.sql)
            self._add_near_names(actor, connection, connector, permit, error)
            raise
        except BaseException:
            session.close()
            raise
        if connection.state.status == "failed":
            self._connections.set_state(connection, State(status="ok", checked_at=clock.now()))
        return stream

    def cancel(self, actor: Actor, query_id: str) -> None:
        """Stops a running query, in its source too.

        Raises:
            NotFound: none runs under this id, or none of theirs.
        """
        with self._lock:
            running = self._running.get(query_id)
        if running is None or not (
            running.actor == actor.name or self._rights.may(actor, "query.cancel_any")
        ):
            raise NotFound("No query of yours runs under this id.", code="unknown_id")
        running.stop("cancelled")

    def stop_all(self) -> None:
        """Stops everything that runs; called when the service stops."""
        with self._lock:
            running = list(self._running.values())
        for query in running:
            query.stop("cancelled")

    # --- tests and the catalog -------------------------------------------------------------

    def test(self, actor: Actor, origin: Origin, request: ConnectionTest) -> TestResult:
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
        return self._try(connector, permit, Target("", 0, config))

    def test_saved(self, actor: Actor, origin: Origin, connection_id: str) -> TestResult:
        """Tries a saved connection, and notes its state."""
        connection = self._connections.saved(actor, connection_id)
        connector = self._connections.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        target = self._connections.target(connection, actor)
        result = self._try(connector, permit, replace(target, connection_id=""))
        self._note(connection, result.ok, result.code, result.message)
        return result

    def test_login(
        self, actor: Actor, origin: Origin, connection_id: str, login: dict[str, Any]
    ) -> TestResult:
        """Tries a sign-in of the actor's for a personal connection, before it is stored."""
        connection = self._connections.saved(actor, connection_id)
        connector = self._connections.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        config = self._connections.with_login(connection, login)
        return self._try(connector, permit, Target("", 0, config))

    def _try(self, connector: Connector, permit: Permit, target: Target) -> TestResult:
        began = time.perf_counter()
        version: str | None = None
        error: WorkbenchError | None = None
        try:
            connector.check(target.config)
            with connector.open(permit, target) as session:
                for _batch in session.run(timeout=10, max_write_rows=0):
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

    def schemas(self, actor: Actor, origin: Origin, connection_id: str) -> list[SchemaInfo]:
        """The schemas of a connection."""
        return self._browse(actor, connection_id, lambda session: session.schemas())

    def tables(
        self, actor: Actor, origin: Origin, connection_id: str, schema: str | None
    ) -> list[TableInfo]:
        """The tables of a schema, or of all."""
        return self._browse(actor, connection_id, lambda session: session.tables(schema))

    def columns(
        self, actor: Actor, origin: Origin, connection_id: str, schema: str | None, table: str
    ) -> list[ColumnInfo]:
        """The columns of a table."""
        return self._browse(actor, connection_id, lambda session: session.columns(schema, table))

    def _browse(
        self, actor: Actor, connection_id: str, ask: Callable[[Session], list[T]]
    ) -> list[T]:
        connection = self._connections.saved(actor, connection_id)
        connector = self._connections.connector(connection.connector)
        permit = self._gate.browse(actor, connection, query_id=str(uuid.uuid4()))
        with (
            self._slots.hold(actor.name),
            self._session(actor, connection, connector, permit) as session,
        ):
            return ask(session)

    # --- inside ----------------------------------------------------------------------------

    def _session(
        self, actor: Actor, connection: Connection, connector: Connector, permit: Permit
    ) -> Session:
        target = self._connections.target(connection, actor)
        try:
            return connector.open(permit, target)
        except WorkbenchError as error:
            if error.code in _STATE_CODES:
                self._note(connection, False, error.code, error.message)
            raise

    def _note(self, connection: Connection, ok: bool, code: str | None, message: str) -> None:
        """Notes what a use said of the connection. One user's wrong password says nothing of it."""
        if code == "sign_in_failed" and connection.credentials == "personal":
            return
        status: Literal["ok", "failed"] = "ok" if ok else "failed"
        self._connections.set_state(
            connection, State(status=status, message=message, checked_at=clock.now())
        )

    def _register(self, query_id: str, actor: Actor) -> Running:
        running = Running(query_id, actor.name)
        with self._lock:
            if query_id in self._running:
                raise Conflict("A query with this id is running.", code="query_id_taken")
            self._running[query_id] = running
        return running

    def _ended(
        self, running: Running, outcome: Outcome, code: str | None, rows: int, size: int
    ) -> None:
        """Takes a query that ended from the list, frees its slot, writes the audit's last row."""
        with self._lock:
            self._running.pop(running.query_id, None)
        self._slots.free(running.actor)
        self._audit.finished(running.query_id, outcome, code=code, rows=rows, bytes=size)

    def _add_near_names(
        self,
        actor: Actor,
        connection: Connection,
        connector: Connector,
        permit: Permit,
        error: WorkbenchError,
    ) -> None:
        """Adds near names to an error about an unknown table or column.

        They come from the catalog as the actor may see it, asked only now that something is wrong.
        """
        if error.code not in ("unknown_table", "unknown_column") or "name" not in error.details:
            return
        wanted = str(error.details["name"]).split(".")[-1]
        # Asking the catalog must never hide the error that it explains.
        try:
            leave = self._gate.browse(actor, connection, query_id=permit.query_id)
            with self._session(actor, connection, connector, leave) as session:
                if error.code == "unknown_table":
                    names = [table.name for table in session.tables(None)]
                else:
                    names = [
                        column.name
                        for table in permit.tables[:_NEAR_TABLES]
                        for column in session.columns(table.schema, table.name)
                    ]
        except Exception:
            log.debug("no near names for %s", error.code, exc_info=True)
            return
        near = difflib.get_close_matches(wanted, dict.fromkeys(names), n=3, cutoff=0.5)
        error.details["near"] = near
        if near:
            either = " or ".join(f"“{name}”" for name in near)
            error.message = f"{error.message.rstrip('.')}. Did you mean {either}?"


def _place_in(error: WorkbenchError, written: str, sent: str) -> None:
    """Makes an error's place one in the statement as it was written.

    The source counts in the statement that was sent, which the gate has rendered anew. A name that
    the error is about is looked up in the written one; without that, no place is better than a
    wrong one.
    """
    if "line" not in error.details or written == sent:
        return
    del error.details["line"]
    error.details.pop("column", None)
    name = str(error.details.get("name") or "").split(".")[-1]
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", written, re.IGNORECASE) if name else None
    if found:
        before = written[: found.start()]
        error.details["line"] = before.count("\n") + 1
        error.details["column"] = found.start() - (before.rfind("\n") + 1) + 1

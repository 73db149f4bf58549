"""Tests connections and credentials with the code of a real query."""

from __future__ import annotations

import time
import uuid
from dataclasses import replace
from typing import Any, Final

from ..connections.configurations import Configurations
from ..connections.models import Connection
from ..connections.service import ConnectionService
from ..connectors.base import Connector, ConnectorConfig, Target
from ..gate.permits import Permit
from ..gate.service import Gate
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin
from ..kit.errors import WorkbenchError
from .models import ConnectionTest, TestResult
from .opening import Opening
from .running import RunningQueries
from .unsaved import Unsaved

# The timeout of a connection test.
_TEST_SECONDS: Final = 10.0


class ConnectionTests:
    """Tests connections, saved or not, and the logins that a rotation creates."""

    def __init__(
        self,
        opening: Opening,
        connections: ConnectionService,
        configurations: Configurations,
        gate: Gate,
        unsaved: Unsaved,
        queries: RunningQueries,
    ) -> None:
        self._opening = opening
        self._connections = connections
        self._configurations = configurations
        self._gate = gate
        self._unsaved = unsaved
        self._queries = queries

    def test(
        self, actor: Actor, origin: Origin, request: ConnectionTest, hang_up: HangUp | None = None
    ) -> TestResult:
        """Tests a connection before it is saved."""
        given = self._unsaved.complete(actor, request)
        target = Target("", 0, given.config)
        return self._try(actor, given.connector, given.permit, target, given.saved, hang_up)

    def test_saved(
        self, actor: Actor, origin: Origin, connection_id: str, hang_up: HangUp | None = None
    ) -> TestResult:
        """Tests a saved connection, and records its state."""
        connection = self._connections.saved(actor, connection_id)
        connector = self._configurations.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        target = self._configurations.target(connection, actor)
        target = replace(target, connection_id="")
        result = self._try(actor, connector, permit, target, connection, hang_up)
        self._opening.note(connection, result.ok, result.code, result.message)
        return result

    def test_login(
        self,
        actor: Actor,
        origin: Origin,
        connection_id: str,
        login: dict[str, Any],
        hang_up: HangUp | None = None,
    ) -> TestResult:
        """Tests the actor's credentials for a personal connection, before they are stored."""
        connection = self._connections.saved(actor, connection_id)
        connector = self._configurations.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        config = self._configurations.with_login(connection, login)
        return self._try(actor, connector, permit, Target("", 0, config), connection, hang_up)

    def sign_in(self, actor: Actor, connection: Connection, config: ConnectorConfig) -> TestResult:
        """Tests a login for a saved connection, over a new connection to the source."""
        connector = self._configurations.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        return self._try(actor, connector, permit, Target("", 0, config), connection, None)

    def tables_of(
        self, actor: Actor, connection: Connection, config: ConnectorConfig
    ) -> frozenset[tuple[str | None, str]]:
        """The schema and name of every table that a login for a saved connection may use."""
        connector = self._configurations.connector(connection.connector)
        permit = self._gate.test(actor, connection, query_id=str(uuid.uuid4()))
        with connector.open(permit, Target("", 0, config)) as session:
            return frozenset((table.schema_, table.name) for table in session.tables(None))

    def set_password(
        self, actor: Actor, connection: Connection, config: ConnectorConfig, password: str
    ) -> None:
        """Changes a login's password, signed in as that login.

        The caller secures the new password beforehand, stores it afterwards, and writes the audit log.

        Raises:
            WorkbenchError: as for ``Connector.set_password``.
        """
        connector = self._configurations.connector(connection.connector)
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

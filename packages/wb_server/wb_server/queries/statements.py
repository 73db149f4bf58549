"""Runs statements, with the answer as a stream, as batches, or as the result of a write."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from ..connections.configurations import Configurations
from ..connections.models import Connection
from ..connections.service import ConnectionService
from ..gate.analysis import Stoppable, is_long
from ..gate.loads import Once
from ..gate.permits import Permit
from ..gate.service import Gate
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin
from ..kit.errors import InvalidInput, SourceTimeout, WorkbenchError
from .hints import add_similar_names, translate_position
from .limits.service import LimitService
from .models import QueryRequest
from .opening import Asked, Granted, Opening
from .running import Running
from .stream import Finish, QueryStream, Reading, named

# Errors that depend on parameter values, so a check with null placeholders must ignore them: a list after
# IN, for example, can't be null.
_VALUE_ERRORS = frozenset({"parameter_type", "not_reproducible"})

# The minimum timeout for a statement whose check used up its time, so that the source reports the timeout.
_MIN_SECONDS = 0.1


@dataclass(frozen=True)
class _RunningWatch:
    """Lets stopping a query also stop its analysis."""

    running: Running
    seconds: float

    def attach(self, work: Stoppable) -> None:
        self.running.attach(work)


class Statements:
    """Runs statements.

    Args:
        write_rows: the maximum number of rows that a statement may write and return.
    """

    def __init__(
        self,
        opening: Opening,
        connections: ConnectionService,
        configurations: Configurations,
        gate: Gate,
        limits: LimitService,
        *,
        write_rows: int,
    ) -> None:
        self._opening = opening
        self._connections = connections
        self._configurations = configurations
        self._gate = gate
        self._limits = limits
        self._write_rows = write_rows

    def query(
        self, actor: Actor, origin: Origin, request: QueryRequest, hang_up: HangUp
    ) -> QueryStream:
        """Runs one statement and returns its answer as a stream.

        It waits for a slot if there is none. It returns once the source has delivered the first rows,
        so that errors of the statement are raised here and not in the stream.

        Args:
            hang_up: stops the query, in its source too, when the client disconnects.

        Raises:
            NotFound: no connection of this name that the actor may use.
            InvalidInput, Forbidden: the gate or the source refuses the statement.
            LimitReached: too many queries at once, and none ended in time.
            Conflict: the query id is in use, or the query was cancelled.
            SourceFailed, SourceTimeout: the source failed.
        """
        return QueryStream(self._run(actor, origin, request, hang_up))

    def read(self, actor: Actor, origin: Origin, request: QueryRequest, hang_up: HangUp) -> Reading:
        """Runs one query for another part of the service: like ``query``, but returns batches.

        The result is a context manager: leaving it ends the query.

        Raises:
            Forbidden: the statement changes data (``not_a_read``).
            WorkbenchError: as for ``query``.
        """
        return self._run(actor, origin, request, hang_up, reads=True)

    def run(
        self,
        actor: Actor,
        origin: Origin,
        request: QueryRequest,
        hang_up: HangUp,
        once: Once | None = None,
    ) -> Reading:
        """Runs a statement of either kind, or several; ``permit.kind`` of the result says which.

        Several are a write: all of them in one transaction, or none.

        Args:
            once: executes a write once under its key, however often it is tried;
                ``docs/connections.md`` says where that works. No effect on a query.

        Raises:
            Forbidden: the source can't have a ledger (``no_ledger``).
            WorkbenchError: as for ``query``; with the statement and its line if there are several.
        """
        return self._run(actor, origin, request, hang_up, once=once, several=True)

    def check(
        self,
        actor: Actor,
        connection: str,
        sql: str,
        parameters: Collection[str],
        *,
        reads: bool = False,
    ) -> None:
        """Refuses a statement that ``query`` would refuse, without running it.

        The values of its parameters aren't known yet; errors that depend on them are raised when it runs.

        Args:
            reads: whether it must be read-only.

        Raises:
            NotFound: no connection of this name that the actor may use.
            InvalidInput, Forbidden: the gate refuses the statement.
        """
        found = self._connections.find(actor, connection)
        connector = self._configurations.connector(found.connector)
        check: Callable[..., Permit] = self._gate.script
        if reads:
            check = partial(self._gate.query, limit=None, reads=True)
        try:
            check(
                actor,
                found,
                connector.dialect,
                sql,
                dict.fromkeys(parameters),
                query_id="",
                supports_writes=connector.supports_writes,
                routines=found.routines,
            )
        except InvalidInput as error:
            if error.code not in _VALUE_ERRORS:
                raise

    def _run(
        self,
        actor: Actor,
        origin: Origin,
        request: QueryRequest,
        hang_up: HangUp,
        *,
        reads: bool = False,
        once: Once | None = None,
        several: bool = False,
    ) -> Reading:
        query_id = request.query_id or str(uuid.uuid4())
        asked = Asked(actor, origin, request.connection, request.sql, query_id)
        grant = partial(self._grant, asked, request, reads, once, several)
        long = is_long(request.sql, request.params)
        granted, running, finish = self._opening.begin(asked, grant, hang_up, long=long)
        try:
            return self._open(asked, granted, running, finish)
        except BaseException as error:
            finish.failed(error)
            raise

    def _grant(
        self,
        asked: Asked,
        request: QueryRequest,
        reads: bool,
        once: Once | None,
        several: bool,
        bound: Asked,
        connection: Connection,
        running: Running,
    ) -> Granted[Permit]:
        began = time.monotonic()
        connector = self._configurations.connector(connection.connector)
        limits = self._limits.of_query(bound.actor, connection.id)
        seconds = min(limits.seconds, bound.seconds_left())
        limit = request.row_limit
        if limit is not None:
            limit = min(limit, limits.rows)
        watch = _RunningWatch(running, seconds)
        check: Callable[..., Permit] = self._gate.script
        if not several or limit is not None:
            # One row beyond the limit tells whether the answer was truncated.
            more = None if limit is None else limit + 1
            check = partial(self._gate.query, limit=more, reads=reads)
        permit = check(
            asked.actor,
            connection,
            connector.dialect,
            request.sql,
            request.params,
            query_id=asked.query_id,
            supports_writes=connector.supports_writes,
            supports_once=connector.supports_loads,
            once=once,
            routines=connection.routines,
            watch=watch,
        )
        left = max(_MIN_SECONDS, seconds - (time.monotonic() - began))
        return Granted(connection, connector, permit, limits, limit, left)

    def _open(
        self, asked: Asked, granted: Granted[Permit], running: Running, finish: Finish
    ) -> Reading:
        actor, limits = asked.actor, granted.limits
        connection, connector, permit = granted.connection, granted.connector, granted.permit
        session = self._opening.session(
            actor, connection, connector, permit, temp_bytes=limits.temp_bytes
        )
        try:
            finish.session = session
            running.attach(session)
            answer = session.run(timeout=granted.seconds, max_write_rows=self._write_rows)
            provenance: dict[str, Any] = {
                "query_id": permit.query_id,
                "connection": connection.name,
                "connection_id": connection.id,
                "row_limit": granted.row_limit,
                "kind": permit.kind,
                "waited_ms": round(running.slot.waited * 1000, 1),
                "policies": [],
                "catalog_version": None,
            }
            reading = Reading(answer, permit, provenance, finish, granted.row_limit, limits)
            reading.prime()
        except SourceTimeout as error:
            session.close()
            raise named(error, limits) from None
        except WorkbenchError as error:
            session.close()
            translate_position(error, asked.statement, permit.sql)
            add_similar_names(
                error,
                permit.tables,
                lambda: self._opening.session(
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
        self._opening.note_success(connection)
        return reading

"""Loads rows into a table."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from functools import partial
from typing import Protocol

import pyarrow as pa

from ..connections.configurations import Configurations
from ..connections.models import Connection
from ..connectors.base import LoadSession
from ..gate.loads import Batches, LoadRequest, LoadResult, Once, Progress
from ..gate.permits import LoadPermit
from ..gate.service import Gate
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin
from ..kit.errors import SourceTimeout, WorkbenchError
from .ahead import Ahead
from .limits.service import LimitService
from .opening import Asked, Granted, Opening
from .running import Running
from .stream import Reading, named


class Source(Protocol):
    """What rows are read from, apart from a query.

    Attributes:
        title: what it is, for the audit log.
    """

    title: str

    def cancel(self) -> None:
        """Stops reading. Safe from any thread and at any time."""


class Loads:
    """Loads rows into tables."""

    def __init__(
        self, opening: Opening, configurations: Configurations, gate: Gate, limits: LimitService
    ) -> None:
        self._opening = opening
        self._configurations = configurations
        self._gate = gate
        self._limits = limits

    def load(
        self,
        actor: Actor,
        origin: Origin,
        request: LoadRequest,
        batches: Batches,
        hang_up: HangUp,
        once: Once | None = None,
        progress: Progress | None = None,
        query_id: str | None = None,
        source: Source | None = None,
    ) -> LoadResult:
        """Loads all rows into a table, or none; committed when this returns.

        Rows from ``Statements.read`` share that read's slot: the load doesn't wait for a slot of the
        actor's, only for one on its connection.

        Args:
            batches: the rows, pulled batch by batch; not pulled if an earlier try has loaded them.
            hang_up: stops the load, in the database too.
            once: loads once under its key, however often it is tried.
            progress: called with the number of rows so far, after each batch.
            query_id: the id to cancel it by; a new one if left out.
            source: what the rows are of, if reading it takes long.

        Raises:
            NotFound: no connection of this name that the actor may use.
            Forbidden: the actor or the login may not, or the connection doesn't support loads.
            InvalidInput, Conflict: the rows don't fit the table; nothing was changed.
            LimitReached: too many queries at once, and none ended in time.
            SourceFailed, SourceTimeout: the database failed.
            WorkbenchError: whatever pulling a batch raises.
        """
        statement = f"load into {request.table}: {request.mode}"
        if request.key:
            statement += f" by {', '.join(request.key)}"
        if source:
            statement += f" from {source.title}"
        query_id = query_id or str(uuid.uuid4())
        asked = Asked(actor, origin, request.connection, statement, query_id)
        grant = partial(self._grant_load, asked, request, once)
        parent = batches.running if isinstance(batches, Reading) else None
        granted, running, finish = self._opening.begin(asked, grant, hang_up, parent=parent)
        connection, permit = granted.connection, granted.permit
        ahead = Ahead(batches, lambda: running.stopped is not None)
        try:
            target = self._configurations.target(connection, actor)
            session = granted.connector.open_load(permit, target)
            finish.session = session
            running.attach(session if source is None else _Both(session, source))
            with ahead:
                done = session.load(
                    _Counted(ahead, running),
                    timeout=granted.seconds,
                    progress=progress or (lambda rows: None),
                )
        except BaseException as error:
            if isinstance(error, WorkbenchError) and error is ahead.raised:
                # An error of the rows' source says nothing about the target connection.
                finish("failed", error.code, running.rows, running.bytes)
            else:
                finish.failed(error, running.rows, running.bytes)
            if isinstance(error, SourceTimeout) and error is not ahead.raised:
                raise named(error, granted.limits) from None
            raise
        finish("ok", None, done.written.rows, running.bytes)
        self._opening.note_success(connection)
        return LoadResult(
            done.written.rows,
            done.written.already,
            connection.id,
            done.table.schema,
            done.table.name,
        )

    def _grant_load(
        self,
        asked: Asked,
        request: LoadRequest,
        once: Once | None,
        bound: Asked,
        connection: Connection,
        running: Running,
    ) -> Granted[LoadPermit]:
        connector = self._configurations.connector(connection.connector)
        permit = self._gate.load(
            asked.actor,
            connection,
            connector.dialect,
            request,
            query_id=asked.query_id,
            supports_loads=connector.supports_loads,
            once=once,
        )
        limits = self._limits.of_query(bound.actor, connection.id)
        seconds = min(limits.seconds, bound.seconds_left())
        return Granted(connection, connector, permit, limits, seconds=seconds)


class _Both:
    """Stops a load, and the reading of its rows."""

    def __init__(self, session: LoadSession, source: Source) -> None:
        self._session = session
        self._source = source

    def cancel(self) -> None:
        self._source.cancel()
        self._session.cancel()


class _Counted:
    """The rows of a load, counted for the list of running queries."""

    def __init__(self, rows: Ahead, running: Running) -> None:
        self._rows = rows
        self._running = running

    @property
    def schema(self) -> pa.Schema:
        return self._rows.schema

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        for batch in self._rows:
            yield batch
            self._running.rows += batch.num_rows
            self._running.bytes += batch.nbytes

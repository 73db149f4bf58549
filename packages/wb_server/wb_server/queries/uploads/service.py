"""Loads files that users upload: sent in parts, shown as they will be read, loaded as a whole."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from typing import BinaryIO, Final

from ...connections.configurations import Configurations
from ...connections.models import Connection
from ...connections.service import ConnectionService
from ...connectors.base import Connector, UploadSession
from ...gate.dialects.spelling import table_path
from ...gate.loads import LoadRequest
from ...gate.service import Gate
from ...kit import clock
from ...kit.actor import Actor
from ...kit.endpoint import HangUp, Origin, validate
from ...kit.errors import InvalidInput, Unprocessable, WorkbenchError
from ..limits.service import LimitService
from ..loads import Loads
from ..running import RunningQueries
from .models import (
    Upload,
    UploadColumn,
    UploadLoad,
    UploadLoaded,
    UploadPreview,
    UploadRequest,
    UploadSource,
)
from .rows import UploadRows
from .store import KEPT_SECONDS, PART_BYTES, Stored, UploadStore

_ROWS: Final = 20


class Uploads:
    """Takes files of users, and loads them. Each request needs the right to write to the connection."""

    def __init__(
        self,
        store: UploadStore,
        reader: Connector,
        connections: ConnectionService,
        configurations: Configurations,
        gate: Gate,
        loads: Loads,
        queries: RunningQueries,
        limits: LimitService,
    ) -> None:
        self._store = store
        self._reader = reader
        self._connections = connections
        self._configurations = configurations
        self._gate = gate
        self._loads = loads
        self._queries = queries
        self._limits = limits

    def add(self, actor: Actor, request: UploadRequest) -> Upload:
        """Announces a file; its parts follow.

        Raises:
            NotFound, Forbidden: the actor may not write to the connection.
            Unprocessable: nothing can be loaded into it (``not_supported``).
            WorkbenchError: as ``UploadStore.add``.
        """
        self._target(actor, request.connection)
        name = request.name.rpartition("/")[2] or request.name
        info = self._reader.upload_info(name)
        return self._view(self._store.add(actor.name, name, info.stored_name, request.size))

    def write(self, actor: Actor, upload_id: str, offset: int, part: BinaryIO) -> Upload:
        """Adds a part of a file.

        Raises:
            WorkbenchError: as ``UploadStore.write``.
        """
        return self._view(self._store.write(actor.name, upload_id, offset, part))

    def remove(self, actor: Actor, upload_id: str) -> None:
        """Removes a file of the actor's."""
        self._store.remove(actor.name, upload_id)

    def preview(
        self, actor: Actor, upload_id: str, request: UploadSource, hang_up: HangUp
    ) -> UploadPreview:
        """The first rows, and the columns that a new table would get.

        Raises:
            NotFound, Forbidden: the actor has no such file, or may not write to the connection.
            InvalidInput: an option is wrong.
        """
        with self._store.use(actor.name, upload_id) as stored:
            connection, connector = self._target(actor, request.connection)
            query_id = str(uuid.uuid4())
            with (
                self._queries.turn(
                    actor, connection, query_id, "browse", f"preview of “{stored.name}”", hang_up
                ) as running,
                self._open(actor, connection, stored, request, query_id) as session,
            ):
                running.attach(session)
                return _preview(session, connector, request.sheet)

    def load(
        self, actor: Actor, origin: Origin, upload_id: str, request: UploadLoad, hang_up: HangUp
    ) -> UploadLoaded:
        """Loads all rows, or none.

        Raises:
            WorkbenchError: as ``Loads.load``; a value can't be read, or an option is wrong.
        """
        began = time.monotonic()
        with self._store.use(actor.name, upload_id) as stored:
            connection, connector = self._target(actor, request.connection)
            assert connector.dialect is not None
            query_id = request.query_id or str(uuid.uuid4())
            asked = LoadRequest(
                connection=connection.id,
                table=table_path(
                    connector.dialect, *filter(None, (request.schema_, request.table))
                ),
                mode=request.mode,
                create=request.mode == "create",
            )
            columns = [(each.column, each.name) for each in request.columns]
            rows = UploadRows(
                partial(self._open, actor, connection, stored, request, query_id),
                request.sheet,
                columns,
                f"“{stored.name}”",
            )
            with rows, _advised():
                done = self._loads.load(
                    actor, origin, asked, rows, hang_up, query_id=query_id, source=rows
                )
        return UploadLoaded(
            rows=done.rows,
            schema=done.schema,
            table=done.table,
            elapsed_ms=(time.monotonic() - began) * 1000,
        )

    def _target(self, actor: Actor, name: str) -> tuple[Connection, Connector]:
        """The connection, which the actor may write to."""
        connection = self._connections.find(actor, name)
        connector = self._configurations.connector(connection.connector)
        if not connector.supports_loads:
            raise Unprocessable(
                f"Nothing can be loaded into “{connection.name}”: {connector.title} is read-only here.",
                code="not_supported",
            )
        self._gate.upload(actor, connection, query_id="")
        return connection, connector

    def _open(
        self,
        actor: Actor,
        connection: Connection,
        stored: Stored,
        request: UploadSource,
        query_id: str,
    ) -> UploadSession:
        """Opens a session that reads a file."""
        permit = self._gate.upload(actor, connection, query_id=query_id)
        assert self._reader.UploadOptions is not None
        options = validate(self._reader.UploadOptions, request.options, "options")
        limits = self._limits.of_query(actor, connection.id)
        return self._reader.open_upload(
            permit,
            stored.path,
            options,
            temp_bytes=limits.temp_bytes,
            seconds=limits.seconds,
        )

    def _view(self, stored: Stored) -> Upload:
        info = self._reader.upload_info(stored.name)
        left = stored.used_at + KEPT_SECONDS - clock.monotonic()
        return Upload(
            id=stored.id,
            name=stored.name,
            size=stored.size,
            received=stored.received,
            part_bytes=PART_BYTES,
            expires_at=clock.now() + timedelta(seconds=left),
            table=info.table,
            options_schema=dict(info.options),
        )


@contextmanager
def _advised() -> Iterator[None]:
    """Words the advice of a load for a file, which has no query."""
    try:
        yield
    except InvalidInput as error:
        error.message = error.message.replace(
            "Cast it in the query.", "Choose another type for it, or another column."
        )
        raise


def _preview(session: UploadSession, connector: Connector, sheet: str | None) -> UploadPreview:
    found = UploadPreview()
    try:
        found.sheets = session.sheets()
        found.sheet = sheet if sheet in found.sheets else next(iter(found.sheets), None)
        first = session.preview(found.sheet, _ROWS)
    except WorkbenchError as error:
        found.code, found.message, found.details = error.code, error.message, error.details
        return found
    types = connector.column_types(first.schema)
    found.columns = [
        UploadColumn(name=name, suggested=suggested, type=kind)
        for name, suggested, kind in zip(first.schema.names, first.suggested, types, strict=True)
    ]
    found.rows = first.rows
    return found

"""The first rows of a connection's tables before it is saved, as its settings would read them."""

from __future__ import annotations

from typing import Final

from ..connections.configurations import Configurations
from ..connectors.base import Session, Target
from ..connectors.models import TableInfo
from ..kit.actor import Actor
from ..kit.endpoint import HangUp, Origin
from ..kit.errors import Unprocessable, WorkbenchError
from .limits.service import LimitService
from .models import ConnectionPreview, PreviewResult
from .running import RunningQueries
from .unsaved import Unsaved

_ROWS: Final = 20
_MAX_TABLES: Final = 500


class Previews:
    """Reads the first rows of connections that aren't saved yet, or are being edited."""

    def __init__(
        self,
        configurations: Configurations,
        unsaved: Unsaved,
        queries: RunningQueries,
        limits: LimitService,
    ) -> None:
        self._configurations = configurations
        self._unsaved = unsaved
        self._queries = queries
        self._limits = limits

    def preview(
        self,
        actor: Actor,
        origin: Origin,
        request: ConnectionPreview,
        hang_up: HangUp | None = None,
    ) -> PreviewResult:
        """The tables that the settings make, and the first rows of one of them.

        What can't be read is part of the result.

        Raises:
            Unprocessable: the connector has no preview (``not_supported``).
            WorkbenchError: the settings are wrong, or the actor may not use them.
        """
        connector = self._configurations.connector(request.connector)
        if not connector.supports_preview:
            raise Unprocessable(
                f"A connection to {connector.title} has no preview.", code="not_supported"
            )
        given = self._unsaved.complete(actor, request)
        saved, permit = given.saved, given.permit
        connector.check(given.config)
        room = self._limits.of_query(actor, saved.id if saved else "").temp_bytes
        with (
            self._queries.turn(
                actor, saved, permit.query_id, permit.kind, "preview", hang_up
            ) as running,
            connector.open(permit, Target("", 0, given.config, temp_bytes=room)) as session,
        ):
            running.attach(session)
            return _read(session, request.table)


def _read(session: Session, table: str | None) -> PreviewResult:
    found: list[TableInfo] = []
    chosen = preview = error = None
    try:
        found = session.tables(None)
        usable = [it.name for it in found if it.comment is None]
        chosen = table if table in usable else next(iter(usable), None)
        if chosen is not None:
            preview = session.preview(chosen, _ROWS)
    except WorkbenchError as failure:
        error = failure
    return PreviewResult(
        tables=found[:_MAX_TABLES],
        more_tables=max(0, len(found) - _MAX_TABLES),
        table=chosen,
        preview=preview,
        code=error.code if error else None,
        message=error.message if error else "",
        details=error.details if error else {},
    )

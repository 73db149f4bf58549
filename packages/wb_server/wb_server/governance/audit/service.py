"""The audit log: what happened, written before and after it happens."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from ...kit import clock
from ...kit.actor import Actor
from ...kit.endpoint import Origin, Outcome
from ...kit.paging import decode_cursor, encode_cursor
from .export import ExportStream, span
from .models import AuditPage, AuditQuery, ExportedRow, ExportQuery
from .store import AuditStore, storable

# A statement over this is cut in the log; the gate's own limit is higher.
_STATEMENT_LIMIT = 64 * 1024


@dataclass
class _StartedRow:
    began: float
    row: dict[str, object] = field(default_factory=dict)


class AuditService:
    """Writes the log and answers searches in it.

    ``started`` commits before it returns: without its row nothing is accessed. A start whose
    process ended before its finish is closed as ``unknown`` by ``close_open``.
    """

    def __init__(self, store: AuditStore) -> None:
        self._store = store
        self._open: dict[str, _StartedRow] = {}

    def started(
        self,
        actor: Actor,
        origin: Origin,
        action: str,
        *,
        record: str | None = None,
        connection_id: str | None = None,
        target: str | None = None,
        statement: str | None = None,
    ) -> str:
        """Opens a record and returns its id.

        Args:
            record: the id to use, as a query's own; a new one is made without it.
        """
        record = record or str(uuid.uuid4())
        row: dict[str, object] = {
            "record": record,
            "actor": actor.name,
            "via": actor.via,
            "address": origin.address,
            "request_id": origin.request_id,
            "action": action,
            "connection_id": connection_id,
            "target": _cut(target, 255),
        }
        self._store.add(
            {
                **row,
                "at": clock.now(),
                "event": "started",
                "statement": _cut(statement, _STATEMENT_LIMIT),
            }
        )
        self._open[record] = _StartedRow(time.perf_counter(), row)
        return record

    def finished(
        self,
        record: str,
        outcome: Outcome,
        *,
        code: str | None = None,
        rows: int | None = None,
        bytes: int | None = None,
        target: str | None = None,
    ) -> None:
        """Closes a record. A second call for the same record does nothing."""
        opened = self._open.pop(record, None)
        if opened is None:
            return
        if target is not None:
            opened.row["target"] = _cut(target, 255)
        # It need not outlive a power cut: then the record is closed as `unknown` at the next start.
        self._store.add(
            {
                **opened.row,
                "at": clock.now(),
                "event": "finished",
                "outcome": outcome,
                "code": code,
                "rows": rows,
                "bytes": bytes,
                "duration_ms": (time.perf_counter() - opened.began) * 1000,
            },
            durable=False,
        )

    def refused(
        self,
        actor: Actor | None,
        origin: Origin,
        action: str,
        *,
        code: str,
        record: str | None = None,
        connection_id: str | None = None,
        target: str | None = None,
        statement: str | None = None,
    ) -> None:
        """Writes a refusal: one row, as nothing was accessed."""
        outcome: Outcome = "refused"
        self._store.add(
            {
                "record": record or str(uuid.uuid4()),
                "at": clock.now(),
                "event": "refused",
                "actor": actor.name if actor else None,
                "via": actor.via if actor else "",
                "address": origin.address,
                "request_id": origin.request_id,
                "action": action,
                "connection_id": connection_id,
                "target": _cut(target, 255),
                "statement": _cut(statement, _STATEMENT_LIMIT),
                "outcome": outcome,
                "code": code,
            }
        )

    def search(self, query: AuditQuery) -> AuditPage:
        """A page of rows, newest first."""
        before = decode_cursor(query.cursor) if query.cursor else None
        rows = self._store.search(query, before)
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        return AuditPage(items=rows, next_cursor=encode_cursor(rows[-1].id) if more else None)

    def export(self, actor: Actor, origin: Origin, query: ExportQuery) -> ExportStream:
        """The log as lines of JSON, the oldest row first; itself in the log with how much it was."""
        record = self.started(actor, origin, "audit.export", target=span(query.since, query.until))
        try:
            rows = self.rows(query.since, query.until)
            return ExportStream(rows, partial(self.finished, record))
        except BaseException:
            self.finished(record, "failed", code="internal")
            raise

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[ExportedRow]:
        """The rows of a time, the oldest first, as the store's ``export`` gives them."""
        return self._store.export(since, until)

    def close_open(self, going: Callable[[], Collection[str]] = tuple) -> int:
        """Closes as ``unknown`` what an ended process had started, and returns how many.

        Called once, before the service takes requests.

        Args:
            going: tells the ids of requests that other processes work on. These close their
                records themselves.
        """
        # In this order: what begins or ends meanwhile is left alone.
        now = clock.now()
        others = going()
        rows = [
            row
            for row in self._store.open_records()
            if row["at"] < now and row["request_id"] not in others
        ]
        for row in rows:
            kept = {
                name: row[name]
                for name in (
                    "record",
                    "actor",
                    "via",
                    "address",
                    "request_id",
                    "action",
                    "connection_id",
                    "target",
                )
            }
            self._store.add({**kept, "at": clock.now(), "event": "finished", "outcome": "unknown"})
        return len(rows)


def _cut(text: str | None, limit: int) -> str | None:
    """A text as a row can hold it."""
    if text is None:
        return None
    text = storable(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"

"""The audit log: each access is recorded before and after it happens."""

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
from .models import AuditPage, AuditQuery, AuditRow, ExportedRow, ExportQuery
from .store import AuditStore, storable

# A longer statement is truncated in the log; the gate's own limit is higher.
_STATEMENT_LIMIT = 64 * 1024


@dataclass
class _StartedRow:
    began: float
    row: dict[str, object] = field(default_factory=dict)


class AuditService:
    """Writes and searches the log.

    ``started`` commits before it returns: nothing is accessed without its row. If the process ends
    before ``finished``, ``close_open`` closes the record as ``unknown``.
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
            record: the id to use, such as a query's; by default a new one.
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
        # It need not survive a power cut: the next start would close the record as `unknown`.
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

    def search(self, query: AuditQuery, *, not_before: datetime | None = None) -> AuditPage:
        """A page of rows, newest first.

        Args:
            not_before: leaves out older rows, whatever the query asks for.
        """
        before = decode_cursor(query.cursor) if query.cursor else None
        rows = self._store.search(query, before, not_before)
        more = len(rows) > query.limit
        rows = rows[: query.limit]
        return AuditPage(items=rows, next_cursor=encode_cursor(rows[-1].id) if more else None)

    def of_record(self, actor: Actor, record: str, since: datetime) -> list[AuditRow]:
        """The actor's own rows of one record, since a moment, oldest first."""
        return self._store.of_record(actor.name, record, since)

    def export(self, actor: Actor, origin: Origin, query: ExportQuery) -> ExportStream:
        """The log as lines of JSON, the oldest row first. The export and its size are logged too."""
        record = self.started(actor, origin, "audit.export", target=span(query.since, query.until))
        try:
            rows = self.rows(query.since, query.until)
            return ExportStream(rows, partial(self.finished, record))
        except BaseException:
            self.finished(record, "failed", code="internal")
            raise

    def rows(self, since: datetime | None, until: datetime | None) -> Iterator[ExportedRow]:
        """The rows of a period, the oldest first, from the store's ``export``."""
        return self._store.export(since, until)

    def close_open(self, active: Callable[[], Collection[str]] = tuple) -> int:
        """Closes as ``unknown`` the records that an ended process left open; returns how many.

        Called once, before the service accepts requests.

        Args:
            active: returns the ids of requests that other processes work on. Those close their
                own records.
        """
        # In this order, so that records that open or close meanwhile are left alone.
        now = clock.now()
        others = active()
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
    """A text, made storable and truncated to fit its column."""
    if text is None:
        return None
    text = storable(text)
    return text if len(text) <= limit else text[: limit - 1] + "…"

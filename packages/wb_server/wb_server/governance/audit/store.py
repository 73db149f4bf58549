"""The audit table. Rows are only ever added, each with its mac, and deleted only for their age."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ...kit.db import Database, UtcDateTime, metadata
from ...kit.errors import InvalidInput
from .models import AuditQuery, AuditRow, ExportedRow
from .signing import Signer

audit = sa.Table(
    "audit",
    metadata,
    # SQLite assigns numbers only in a column of type INTEGER.
    sa.Column(
        "id",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("record", sa.String(36), nullable=False, index=True),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Column("event", sa.String(10), nullable=False),
    sa.Column("actor", sa.String(255)),
    sa.Column("address", sa.String(64), nullable=False),
    sa.Column("via", sa.String(255), nullable=False),
    sa.Column("request_id", sa.String(64), nullable=False),
    sa.Column("action", sa.String(64), nullable=False),
    sa.Column("connection_id", sa.String(36)),
    sa.Column("target", sa.String(255)),
    sa.Column("statement", sa.Text),
    sa.Column("rows", sa.BigInteger),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("duration_ms", sa.Float),
    sa.Column("outcome", sa.String(10)),
    sa.Column("code", sa.String(64)),
    # Empty in rows that predate macs, until a seal adopts them.
    sa.Column("mac", sa.String(64)),
    # The seal that covers the row; empty until it is sealed.
    sa.Column("seal", sa.BigInteger),
    sa.Index("ix_audit_actor_id", "actor", "id"),
    sa.Index(
        "ix_audit_unsealed",
        "id",
        sqlite_where=sa.text("seal IS NULL"),
        postgresql_where=sa.text("seal IS NULL"),
    ),
    sqlite_autoincrement=True,
)


# How many rows of an export are held at a time.
_PAGE = 1000

# Built once: with the values in the statement, SQLAlchemy would build and look it up for each row, which
# takes as long as the commit.
_ADD = audit.insert()


class AuditStore:
    """Adds and searches rows.

    Args:
        key: the log's key, for the rows' macs.

    Attributes:
        written: set when a row is added, to wake the sealer.
    """

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._signer = Signer(key)
        self.written = threading.Event()

    def add(self, row: dict[str, Any], *, durable: bool = True) -> None:
        """Adds a row; committed when this returns.

        Args:
            durable: whether it must survive an immediate power cut.
        """
        row = {**row, "mac": self._signer.row(row)}
        with self._database.write(durable=durable) as connection:
            connection.execute(_ADD, row)
        self.written.set()

    def search(
        self, query: AuditQuery, before: int | None, not_before: datetime | None = None
    ) -> list[AuditRow]:
        """The newest matching rows older than the row ``before``, at most ``limit`` + 1 of them."""
        table = audit.c
        found = sa.select(audit).order_by(table.id.desc()).limit(query.limit + 1)
        if before is not None:
            found = found.where(table.id < before)
        for column, value in (
            (table.actor, query.user),
            (table.action, query.action),
            (table.event, query.event),
            (table.outcome, query.outcome),
        ):
            if value is not None:
                found = found.where(column == storable(value))
        found = found.where(*_span(query.since, query.until), *_span(not_before, None))
        if query.search:
            found = found.where(
                sa.or_(
                    *(
                        column.icontains(storable(query.search), autoescape=True)
                        for column in (table.statement, table.target, table.action)
                    )
                )
            )
        with self._database.read() as connection:
            return [AuditRow(**row) for row in connection.execute(found).mappings()]

    def of_record(self, actor: str, record: str, since: datetime) -> list[AuditRow]:
        """A user's rows of one record, oldest first.

        Args:
            since: leaves out older rows.
        """
        found = (
            sa.select(audit)
            .where(audit.c.actor == storable(actor), audit.c.at >= since, audit.c.record == record)
            .order_by(audit.c.id)
        )
        with self._database.read() as connection:
            return [AuditRow(**row) for row in connection.execute(found).mappings()]

    def export(self, since: datetime | None, until: datetime | None) -> Iterator[ExportedRow]:
        """The rows of a period, up to the one that is newest now, the oldest first.

        It holds a thousand rows at a time and no transaction between them, so a slow reader burdens
        nobody.

        Args:
            since: included.
            until: not included.
        """
        with self._database.read() as connection:
            last = connection.scalar(sa.select(sa.func.max(audit.c.id))) or 0
        return self._export(last, _span(since, until))

    def _export(self, last: int, span: list[sa.ColumnElement[bool]]) -> Iterator[ExportedRow]:
        seen = 0
        while True:
            found = (
                sa.select(audit)
                .where(audit.c.id > seen, audit.c.id <= last, *span)
                .order_by(audit.c.id)
                .limit(_PAGE)
            )
            with self._database.read() as connection:
                rows = [ExportedRow(**row) for row in connection.execute(found).mappings()]
            yield from rows
            if len(rows) < _PAGE:
                return
            seen = rows[-1].id

    def open_records(self) -> list[sa.RowMapping]:
        """The ``started`` rows without a ``finished`` row, one for each such record."""
        # Nearly every record has a start and a finish and nothing else, which the index on records
        # alone shows. Only the others are examined row by row.
        odd = sa.select(audit.c.record).group_by(audit.c.record).having(sa.func.count() != 2)
        refused = sa.select(audit.c.record).where(audit.c.event == "refused")
        times = {
            event: sa.func.sum(sa.case((audit.c.event == event, 1), else_=0))
            for event in ("started", "finished")
        }
        last = (
            sa.select(sa.func.max(sa.case((audit.c.event == "started", audit.c.id))))
            .where(audit.c.record.in_(sa.union(odd, refused)))
            .group_by(audit.c.record)
            .having(times["started"] > times["finished"])
        )
        found = sa.select(audit).where(audit.c.id.in_(last)).order_by(audit.c.id)
        with self._database.read() as connection:
            return list(connection.execute(found).mappings())


def storable(text: str) -> str:
    """A text with replacements for what PostgreSQL can't store, so that no request evades the log."""
    if "\0" in text:
        text = text.replace("\0", "\N{SYMBOL FOR NULL}")
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    return text


def _span(since: datetime | None, until: datetime | None) -> list[sa.ColumnElement[bool]]:
    """The conditions on a row's time."""
    conditions: list[sa.ColumnElement[bool]] = []
    if since:
        conditions.append(audit.c.at >= _utc(since, "since"))
    if until:
        conditions.append(audit.c.at < _utc(until, "until"))
    return conditions


def _utc(moment: datetime, field: str) -> datetime:
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise InvalidInput(
            f"{field}: the time is too far away.", code="invalid_field", field=field
        ) from error

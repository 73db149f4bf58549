"""The audit table. Rows are only ever added."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from ...kit.db import Database, UtcDateTime, metadata
from .models import AuditQuery, AuditRow

audit = sa.Table(
    "audit",
    metadata,
    # SQLite numbers its rows by itself only in a column of type INTEGER.
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
    sa.Index("ix_audit_actor_id", "actor", "id"),
    sqlite_autoincrement=True,
)


# Made once: with its values in it SQLAlchemy would build and look it up anew for each row, which takes
# as long as the commit.
_ADD = audit.insert()


class AuditStore:
    """Adds and searches rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, **row: Any) -> None:
        """Adds a row; committed when this returns."""
        with self._database.write() as connection:
            connection.execute(_ADD, row)

    def search(self, query: AuditQuery, before: int | None) -> list[AuditRow]:
        """The newest rows that match, at most ``limit`` + 1 of them, older than the row ``before``."""
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
                found = found.where(column == value)
        if query.since:
            found = found.where(table.at >= _utc(query.since))
        if query.until:
            found = found.where(table.at < _utc(query.until))
        if query.search:
            found = found.where(
                sa.or_(
                    *(
                        column.icontains(query.search, autoescape=True)
                        for column in (table.statement, table.target, table.action)
                    )
                )
            )
        with self._database.read() as connection:
            return [AuditRow(**row) for row in connection.execute(found).mappings()]

    def open_records(self) -> list[sa.RowMapping]:
        """The ``started`` rows whose record has no ``finished`` row."""
        finished = sa.select(audit.c.record).where(audit.c.event == "finished")
        found = sa.select(audit).where(audit.c.event == "started", audit.c.record.not_in(finished))
        with self._database.read() as connection:
            return list(connection.execute(found).mappings())


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

"""The table of limits: one row per subject and kind of work."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from ...connections.store import connections
from ...governance.people.namesakes import names_group, names_user
from ...kit.db import Database, UtcDateTime, metadata
from .models import FIELDS, LimitRow, LimitValues, SubjectKind, Work

limits = sa.Table(
    "limits",
    metadata,
    # What is limited: `interactive` queries, or those of `runs`.
    sa.Column("work", sa.String(11), primary_key=True),
    sa.Column("kind", sa.String(10), primary_key=True),
    # A group's or user's name, a connection's id, or empty for everyone.
    sa.Column(
        "subject",
        sa.String(255),
        primary_key=True,
        info=names_user(kind="kind", gives="limits of their own")
        | names_group(kind="kind", gives="limits"),
    ),
    sa.Column("concurrent", sa.Integer),
    sa.Column("rows", sa.BigInteger),
    sa.Column("bytes", sa.BigInteger),
    sa.Column("seconds", sa.Float),
    sa.Column("temp_bytes", sa.BigInteger),
    sa.Column("updated_by", sa.String(255), nullable=False, info=names_user()),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

_ALL = sa.select(limits).order_by(limits.c.kind, limits.c.subject, limits.c.work)


class LimitStore:
    """Reads and writes limits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self) -> list[LimitRow]:
        """Every row, by kind and subject."""
        with self._database.read() as transaction:
            return [LimitRow.model_construct(**row) for row in transaction.execute(_ALL).mappings()]

    def put(
        self,
        kind: SubjectKind,
        subject: str,
        values: LimitValues,
        by: str,
        at: datetime,
        work: Work = "interactive",
    ) -> None:
        """Replaces the limits of a subject."""
        chosen = {name: getattr(values, name) for name in FIELDS}
        with self._database.write() as transaction:
            transaction.execute(_of(kind, subject, work))
            transaction.execute(
                limits.insert().values(
                    work=work, kind=kind, subject=subject, **chosen, updated_by=by, updated_at=at
                )
            )

    def remove(self, kind: SubjectKind, subject: str, work: Work = "interactive") -> bool:
        """Removes a subject's limits, and returns whether there were any."""
        with self._database.write() as transaction:
            return transaction.execute(_of(kind, subject, work)).rowcount > 0

    def tidy(self) -> int:
        """Removes the limits of purged connections, and returns how many."""
        gone = limits.c.subject.not_in(sa.select(connections.c.id))
        with self._database.write() as transaction:
            return transaction.execute(
                limits.delete().where(limits.c.kind == "connection", gone)
            ).rowcount


def _of(kind: str, subject: str, work: str) -> sa.Delete:
    return limits.delete().where(
        limits.c.work == work, limits.c.kind == kind, limits.c.subject == subject
    )

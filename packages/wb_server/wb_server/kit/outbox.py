"""The outbox of events for other systems: each is written in the transaction of its change.

So there is an event for every committed change, and for no other. Events have the shape of CloudEvents
(1.0, https://github.com/cloudevents/spec). A deliverer reads the pending events and removes each once it
is delivered: at least once, and never without the change.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from . import clock
from .db import UtcDateTime, metadata

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column(
        "number",
        sa.BigInteger().with_variant(sa.Integer, "sqlite"),
        primary_key=True,
        autoincrement=True,
    ),
    sa.Column("id", sa.String(36), nullable=False, unique=True),
    sa.Column("type", sa.String(200), nullable=False),
    sa.Column("source", sa.String(400), nullable=False),
    sa.Column("subject", sa.String(400)),
    sa.Column("time", UtcDateTime, nullable=False),
    sa.Column("data", sa.JSON(none_as_null=True)),
    # Never reuses a number, even after the last rows were removed.
    sqlite_autoincrement=True,
)


@dataclass(frozen=True)
class Event:
    """What happened, with the attributes of CloudEvents.

    Attributes:
        type: what kind of thing happened, such as ``org.workbench.run.failed``.
        source: where, as a URI reference, such as ``/pipelines/4f…``.
        subject: to what within the source.
        data: JSON-ready facts. Never a secret, never rows of data.
        id: unique to this event; a receiver recognizes a repeated delivery by it.
    """

    type: str
    source: str
    subject: str | None = None
    data: Any = None
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: datetime = field(default_factory=clock.now)


def put(connection: sa.Connection, event: Event) -> None:
    """Writes an event, in the caller's own transaction: both are committed, or neither."""
    connection.execute(
        outbox.insert().values(
            id=event.id,
            type=event.type,
            source=event.source,
            subject=event.subject,
            time=event.time,
            data=event.data,
        )
    )


def pending(connection: sa.Connection, limit: int) -> list[Event]:
    """The oldest events not yet delivered, in the order they were written.

    Of concurrent transactions, one that commits later may add events that sort before some already
    read. None is ever skipped.
    """
    rows = connection.execute(sa.select(outbox).order_by(outbox.c.number).limit(limit))
    return [
        Event(row.type, row.source, row.subject, row.data, id=row.id, time=row.time) for row in rows
    ]


def done(connection: sa.Connection, ids: Collection[str]) -> None:
    """Removes events that were delivered; unknown ids are ignored."""
    connection.execute(outbox.delete().where(outbox.c.id.in_(ids)))

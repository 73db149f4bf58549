"""Events on their way out: written in the transaction of the change that they tell of.

So there is an event for each change that was committed, and for no other. An event is CloudEvents in
shape (CloudEvents 1.0, https://github.com/cloudevents/spec). What delivers events reads the pending ones
and removes each once it is delivered: at least once, never without the change.
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
    # A number is never given twice, also where the last rows were removed.
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
        id: of this event alone; a receiver knows a repeated one by it.
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
    """The oldest events that aren't done, in the order of their writing.

    Of transactions that ran at the same time, one that ends later may bring events that belong
    before some that were read already. None is ever passed over.
    """
    rows = connection.execute(sa.select(outbox).order_by(outbox.c.number).limit(limit))
    return [
        Event(row.type, row.source, row.subject, row.data, id=row.id, time=row.time) for row in rows
    ]


def done(connection: sa.Connection, ids: Collection[str]) -> None:
    """Removes events that were delivered, some of those that were pending; an unknown id is nothing."""
    connection.execute(outbox.delete().where(outbox.c.id.in_(ids)))

"""The outbox: events are stored with their change or not at all, and kept in order until done."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from wb_server.kit import outbox
from wb_server.kit.db import Database
from wb_server.kit.outbox import Event


def test_events_are_pending_unchanged_and_in_order_until_they_are_done(database: Database) -> None:
    moment = datetime(2026, 3, 29, 1, 30, 0, 123456, tzinfo=UTC)
    data = {"rows": 3, "names": ["é", None], "in": {"a": True}}
    events = [
        Event("org.workbench.run.failed", "/pipelines/1", "run/7", data, time=moment),
        *(Event("t", f"/{number}") for number in range(4)),
    ]
    with database.write() as connection:
        for event in events[:3]:
            outbox.put(connection, event)
    with database.write() as connection:
        for event in events[3:]:
            outbox.put(connection, event)
    with database.read() as connection:
        assert outbox.pending(connection, 100) == events
        assert outbox.pending(connection, 2) == events[:2]
    assert len({event.id for event in events}) == len(events)

    with database.write() as connection:
        outbox.done(connection, [events[4].id, events[0].id, "unknown"])
        outbox.done(connection, [])
    with database.read() as connection:
        assert outbox.pending(connection, 100) == events[1:4]

    # An event added after the last one was removed is numbered after all that ever existed.
    with database.write() as connection:
        outbox.put(connection, late := Event("t", "/late"))
    with database.read() as connection:
        assert outbox.pending(connection, 100) == [*events[1:4], late]
        numbers = connection.scalars(sa.select(outbox.outbox.c.number)).all()
    assert max(numbers) == len(events) + 1


def test_an_event_is_stored_with_its_change_or_not_at_all(database: Database) -> None:
    with pytest.raises(RuntimeError), database.write() as connection:
        outbox.put(connection, Event("t", "/undone"))
        raise RuntimeError
    with database.read() as connection:
        assert outbox.pending(connection, 10) == []

    with database.write() as connection:
        outbox.put(connection, event := Event("t", "/kept"))
    with pytest.raises(sa.exc.IntegrityError), database.write() as connection:
        outbox.put(connection, event)
    with pytest.raises(RuntimeError), database.write() as connection:
        outbox.done(connection, [event.id])
        raise RuntimeError  # delivered but not recorded: it is delivered again
    with database.read() as connection:
        assert outbox.pending(connection, 10) == [event]

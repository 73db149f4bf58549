"""Events on their way out: with their change or not at all, in order, until they are done."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from wb_server.kit import outbox
from wb_server.kit.db import Database
from wb_server.kit.outbox import Event


def test_events_come_back_as_they_were_in_order_until_they_are_done(database: Database) -> None:
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

    # What comes after the last one was removed comes after all that were ever there.
    with database.write() as connection:
        outbox.put(connection, late := Event("t", "/late"))
    with database.read() as connection:
        assert outbox.pending(connection, 100) == [*events[1:4], late]
        numbers = connection.scalars(sa.select(outbox.outbox.c.number)).all()
    assert max(numbers) == len(events) + 1


def test_an_event_is_there_with_its_change_or_not_at_all(database: Database) -> None:
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
        raise RuntimeError  # delivered, and not noted: it is delivered again
    with database.read() as connection:
        assert outbox.pending(connection, 10) == [event]

"""Schedules fire once for each of their times, whichever scheduler ticks and however often."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from wb_server.kit import clock
from wb_server.kit.blobs import Blobs
from wb_server.pipelines.definitions import Definitions
from wb_server.pipelines.models import PipelinePatch, PipelineSave
from wb_server.pipelines.runs.models import RunQuery
from wb_server.pipelines.scheduler import Scheduler
from wb_server.pipelines.schedules import service
from wb_server.pipelines.store import versions

START = datetime(2026, 3, 1, 11, 59, 30, tzinfo=UTC)


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock."""

    def move(moment: datetime) -> None:
        monkeypatch.setattr(clock, "now", lambda: moment)

    return move


TEXT = """name: {name}
schedule: {{cron: "0 * * * *", catch_up: {catch_up}}}
concurrency: {concurrency}
tasks:
  one: {{type: sql, connection: warehouse, statement: 'select 1 as n'}}
"""


def fired(house, name: str) -> list[datetime]:  # type: ignore[no-untyped-def]
    root = house["root"]
    page = house.runs.list(root, house.pipelines.names(root), RunQuery(pipeline=name, limit=200))
    return sorted(run.logical_at for run in page.items if run.trigger == "schedule")


@pytest.mark.parametrize(
    ("catch_up", "expected"),
    [("skip", [17]), ("latest", [12, 17]), ("all", [12, 13, 14, 15, 16, 17])],
)
def test_missed_times_are_caught_up_by_the_rule(
    house, at, catch_up: str, expected: list[int]
) -> None:  # type: ignore[no-untyped-def]
    house.workbench.services.get(Scheduler).close()
    at(START)
    house.create("ana", TEXT.format(name="hourly", catch_up=catch_up, concurrency="queue"))
    assert house.schedules.tick() == 0
    at(START + timedelta(seconds=31))  # 12:00:01
    house.schedules.tick()
    if catch_up == "skip":
        expected = [12, *expected]
    at(START + timedelta(hours=5, seconds=35))  # 17:00:05, after five hours without a tick
    house.schedules.tick()
    assert [moment.hour for moment in fired(house, "hourly")] == expected
    for _ in range(3):
        assert house.schedules.tick() == 0
    assert len(fired(house, "hourly")) == len(expected)


def test_concurrent_ticks_fire_once(house, at) -> None:  # type: ignore[no-untyped-def]
    house.workbench.services.get(Scheduler).close()
    at(START)
    for number in range(5):
        house.create("ana", TEXT.format(name=f"p{number}", catch_up="all", concurrency="queue"))
    at(START + timedelta(hours=3))
    gate = threading.Barrier(6)

    def tick(_: int) -> None:
        gate.wait()
        house.schedules.tick()

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(tick, range(6)))
    house.schedules.tick()
    for number in range(5):
        assert [moment.hour for moment in fired(house, f"p{number}")] == [12, 13, 14]


def test_a_resumed_schedule_catches_up_by_its_rule(house, at) -> None:  # type: ignore[no-untyped-def]
    house.workbench.services.get(Scheduler).close()
    at(START)
    made = house.create("ana", TEXT.format(name="paused", catch_up="latest", concurrency="queue"))
    house.pipelines.patch(house["ana"], made.id, PipelinePatch(paused=True))
    at(START + timedelta(hours=4))
    assert house.schedules.tick() == 0
    house.pipelines.patch(house["ana"], made.id, PipelinePatch(paused=False))
    house.schedules.tick()
    assert [moment.hour for moment in fired(house, "paused")] == [15]


def test_a_new_schedule_counts_from_now(house, at) -> None:  # type: ignore[no-untyped-def]
    house.workbench.services.get(Scheduler).close()
    at(START)
    text = TEXT.format(name="changed", catch_up="all", concurrency="queue")
    made = house.create("ana", text)
    at(START + timedelta(hours=4))
    house.pipelines.save(
        house["ana"], made.id, PipelineSave(text=text.replace("0 * * * *", "30 * * * *"))
    )
    assert house.schedules.tick() == 0
    assert house.pipelines.get(house["ana"], made.id).next_fire_at == datetime(
        2026, 3, 1, 16, 30, tzinfo=UTC
    )


def test_a_fire_that_was_not_recorded_leads_to_the_same_run(house, at, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    """A scheduler is killed after the run's row was written, before the fire was recorded."""
    house.workbench.services.get(Scheduler).close()
    at(START)
    house.create("ana", TEXT.format(name="cut", catch_up="all", concurrency="queue"))
    at(START + timedelta(minutes=1))
    store = house.schedules._store
    real = store.fired
    monkeypatch.setattr(store, "fired", lambda *_: False)
    house.schedules.tick()
    assert len(fired(house, "cut")) == 1
    monkeypatch.setattr(store, "fired", real)
    house.schedules.tick()
    assert len(fired(house, "cut")) == 1
    assert house.pipelines.get(house["ana"], "cut").next_fire_at == datetime(
        2026, 3, 1, 13, tzinfo=UTC
    )


def test_a_fire_that_cannot_start_shows_as_a_failed_run(house, at) -> None:  # type: ignore[no-untyped-def]
    house.workbench.services.get(Scheduler).close()
    at(START)
    text = TEXT.format(name="wrong", catch_up="all", concurrency="queue")
    house.create(
        "ana",
        text
        + 'parameters: {n: {type: number, default: "{{ 10 / (8 - (run.trigger | length)) }}"}}\n',
    )
    at(START + timedelta(minutes=1))
    assert house.schedules.tick() == 1
    assert house.schedules.tick() == 0
    root = house["root"]
    (run,) = house.runs.list(root, house.pipelines.names(root), RunQuery(pipeline="wrong")).items
    assert (run.state, run.code) == ("failed", "bad_parameters")
    assert "n:" in run.message


def test_an_unreadable_version_keeps_no_other_pipeline_waiting(
    house, at, monkeypatch, caplog
) -> None:  # type: ignore[no-untyped-def]
    """As after going back to an older release. It is put off, says so once, and catches up later."""
    house.workbench.services.get(Scheduler).close()
    monkeypatch.setattr(service, "_MAX_PER_TICK", 2)
    at(START)
    made = [
        house.create("ana", TEXT.format(name=name, catch_up="all", concurrency="queue"))
        for name in ("bad0", "bad1", "good")
    ]
    database = house.get(Blobs)._database
    bad = [each.id for each in made[:2]]
    with database.write() as transaction:
        versions_of = versions.c.pipeline_id.in_(bad)
        texts = dict(
            transaction.execute(
                sa.select(versions.c.pipeline_id, versions.c.text).where(versions_of)
            ).all()
        )
        transaction.execute(versions.update().where(versions_of).values(text="name: [nonsense"))
    definitions = house.workbench.services.get(Definitions)
    definitions._cached.clear()
    at(START + timedelta(seconds=31))
    for _ in range(3):
        house.schedules.tick()
    assert [moment.hour for moment in fired(house, "good")] == [12]
    assert caplog.text.count("the schedule of “bad0” waits") == 1
    for name in ("bad0", "bad1"):
        root = house["root"]
        runs = house.runs.list(root, house.pipelines.names(root), RunQuery(pipeline=name)).items
        assert [(run.state, run.code) for run in runs] == [("failed", "unreadable_version")]
    at(START + timedelta(hours=3))  # found unreadable again: nothing more is said
    for _ in range(2):
        house.schedules.tick()
    assert len(fired(house, "bad0")) == 1
    with database.write() as transaction:
        for pipeline, text in texts.items():
            transaction.execute(
                versions.update().where(versions.c.pipeline_id == pipeline).values(text=text)
            )
    at(START + timedelta(hours=4, minutes=1))
    for _ in range(2):
        house.schedules.tick()
    assert [moment.hour for moment in fired(house, "bad0")] == [12, *range(12, 17)]

"""The limits of runs: a task's own timeout governs, and rows of their own in the table of limits."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from support.house import House, house_at
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.kit import clock
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import InvalidInput, SourceTimeout, TooLarge
from wb_server.pipelines.runs.models import ENDED, Run, RunRequest
from wb_server.pipelines.runs.tables import task_runs
from wb_server.queries.broker import Broker
from wb_server.queries.limits.models import LimitRequest
from wb_server.queries.limits.service import LimitService
from wb_server.queries.models import QueryRequest

ROOT = Actor("root", frozenset({"admin"}))
Clock = Callable[[timedelta], None]


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[House]:
    """A Workbench that runs tasks in its own process; ana owns the connection ``warehouse``."""
    with house_at(tmp_path_factory.mktemp("house"), postgres) as it:
        yield it


@pytest.fixture
def limits(house: House) -> Iterator[LimitService]:
    service: LimitService = house.get(LimitService)
    yield service
    for row in service.list(ROOT).items:
        service.remove(ROOT, row.kind, row.subject, row.work)


@pytest.fixture
def move(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Moves both clocks on."""
    now, monotonic = clock.now, clock.monotonic
    ahead = timedelta()

    def moved(by: timedelta) -> None:
        nonlocal ahead
        ahead += by

    def wall() -> datetime:
        return now() + ahead

    monkeypatch.setattr(clock, "now", wall)
    monkeypatch.setattr(clock, "monotonic", lambda: monotonic() + ahead.total_seconds())
    return moved


@pytest.fixture(scope="module")
def slow(postgres: Cluster) -> str:
    """A view whose query takes longer than any test."""
    name = f"slow_{os.urandom(4).hex()}"
    with postgres.connect() as connection:
        connection.execute(f"create view {name} as select 1 as one from pg_sleep(600)")
        connection.execute(
            "create or replace view time_limit as "
            "select extract(epoch from current_setting('statement_timeout')::interval)::float "
            "as seconds"
        )
    return name


def sql(name: str, statement: str, more: str = "") -> str:
    return (
        f"name: {name}\ntasks:\n  t: {{type: sql, connection: warehouse, {more}"
        f'statement: "{statement}"}}\n'
    )


def test_a_task_of_two_hours(house: House, slow: str, move: Clock, postgres: Cluster) -> None:
    house.create("ana", sql("two_hours", f"select one from {slow}", "timeout: 2h, "))
    pipeline = house.pipelines.saved(house["ana"], "two_hours")
    run = house.runs.trigger(house["ana"], pipeline, RunRequest())
    wait_for(lambda: postgres.active(slow))

    def lease() -> datetime:
        with house.workbench.services.get(Database).read() as transaction:
            query = sa.select(task_runs.c.lease_until).where(task_runs.c.run_id == run.id)
            return transaction.execute(query).scalar() or clock.now()

    def state(after: timedelta) -> str:
        """The state once the worker has renewed its lease, after this much of the task's time."""
        move(after)
        moved = clock.now()
        wait_for(lambda: lease() > moved)
        return house.runs.get(house["ana"], run.id).state

    # Longer than a user's query may take, then a minute before the end.
    assert state(timedelta(seconds=301)) == "running"
    assert state(timedelta(hours=1, minutes=53, seconds=55)) == "running"
    assert postgres.active(slow)
    move(timedelta(minutes=1, seconds=1))
    wait_for(lambda: house.runs.get(house["ana"], run.id).state in ENDED)
    task = house.runs.get(house["ana"], run.id).tasks[0]
    assert (task.state, task.code) == ("failed", "timeout")
    assert "its timeout of 2h" in task.message and "edit the pipeline" in task.message
    wait_for(lambda: not postgres.active(slow))


def test_the_source_gets_the_tasks_time(house: House, slow: str) -> None:
    house.create("ana", sql("asks", "select seconds from time_limit", "timeout: 2h, "))
    done = house.run("ana", "asks")
    assert done.state == "succeeded", done.message
    # Some seconds more, so that the task ends the statement and says why.
    assert 7190 < done.tasks[0].outputs["seconds"] <= 7210


def test_rows_and_seconds_of_runs_are_limits_of_their_own(
    house: House, limits: LimitService, slow: str
) -> None:
    limits.put(ROOT, LimitRequest(kind="user", subject="ana", rows=5, seconds=0.5))
    many = "select g from generate_series(1, 50) g"
    request = QueryRequest(connection="warehouse", sql=many)
    broker: Broker = house.get(Broker)
    with (
        pytest.raises(TooLarge, match="5 rows, the limit for queries set for ana; an admin"),
        broker.statements.read(house["ana"], Origin("", ""), request, HangUp()) as reading,
    ):
        list(reading)
    house.create("ana", sql("many", many))
    assert house.run("ana", "many").state == "succeeded"

    limits.put(ROOT, LimitRequest(work="runs", kind="everyone", rows=20, seconds=0.5))
    done = house.run("ana", "many")
    assert (done.state, done.code) == ("failed", "over_limit")
    assert "20 rows, the limit for queries of pipeline runs set for everyone" in done.message
    house.create("ana", sql("naps", f"select one from {slow}"))
    done = house.run("ana", "naps")
    assert (done.state, done.code) == ("failed", "timeout")
    assert "longer than 0.5 s, the limit for queries of pipeline runs" in done.message
    assert "administrator" in done.message
    own = limits.mine(house["ana"])
    assert (own.rows.value, own.runs.rows.value) == (5, 20)
    assert own.runs.rows.source.kind == "everyone"

    # A connection's limits for users don't end runs either.
    limits.remove(ROOT, "everyone", "", "runs")
    limits.put(ROOT, LimitRequest(kind="connection", subject="warehouse", rows=3, concurrent=1))
    assert house.run("ana", "many").state == "succeeded"
    limits.put(ROOT, LimitRequest(work="runs", kind="connection", subject="warehouse", rows=3))
    done = house.run("ana", "many")
    assert (done.code, "set for this connection" in done.message) == ("over_limit", True)


@pytest.mark.parametrize(
    ("rows", "field", "value"),
    [
        ([], "seconds", 7 * 24 * 3600),
        ([("interactive", "concurrent", 3)], "concurrent", 3),
        ([("interactive", "concurrent", 3), ("runs", "concurrent", 2)], "concurrent", 2),
        ([("interactive", "temp_bytes", 0)], "temp_bytes", 0),
        ([("interactive", "bytes", 2048)], "bytes", 2**50),
        ([("runs", "bytes", 4096)], "bytes", 4096),
    ],
)
def test_which_limit_holds_for_runs(
    house: House, limits: LimitService, rows: list[Any], field: str, value: float
) -> None:
    for work, name, limit in rows:
        limits.put(
            ROOT,
            LimitRequest.model_validate(
                {"work": work, "kind": "user", "subject": "ana", name: limit}
            ),
        )
    run = Actor("ana", house.staff.groups_of["ana"], via="run:1")
    assert getattr(limits.of_query(run, ""), field) == value
    assert getattr(limits.mine(house["ana"]).runs, field).value == value


def test_a_task_that_gets_no_turn_is_held_up(
    house: House, limits: LimitService, slow: str, postgres: Cluster
) -> None:
    limits.put(ROOT, LimitRequest(work="runs", kind="user", subject="ana", concurrent=1))

    def started(name: str, text: str) -> Run:
        house.create("ana", text)
        pipeline = house.pipelines.saved(house["ana"], name)
        return house.runs.trigger(house["ana"], pipeline, RunRequest())

    holds = started("holds", sql("holds", f"select one from {slow}"))
    wait_for(lambda: postgres.active(slow))
    waits = started("waits", sql("waits", "select 1", "timeout: 1s, "))
    try:
        wait_for(lambda: house.runs.get(house["ana"], waits.id).tasks[0].waiting)
        (task,) = house.runs.get(house["ana"], waits.id).tasks
        assert (task.state, task.code) == ("queued", "too_many_queries")
        assert [each.state for each in task.attempts] == ["held"]
    finally:
        for run in (holds, waits):
            house.runs.cancel(house["ana"], run.id)
    wait_for(lambda: not postgres.active(slow))


def test_saving_names_a_timeout_that_a_limit_would_cut(house: House, limits: LimitService) -> None:
    house.create("ana", sql("fits", "select 1", "timeout: 1h, "))
    limits.put(ROOT, LimitRequest(work="runs", kind="group", subject="engineer", seconds=600))
    with pytest.raises(InvalidInput) as refused:
        house.create("ana", sql("cut", "select 1", "timeout: 1h, "))
    (problem,) = refused.value.details["problems"]
    assert (problem["code"], problem["path"]) == ("limit", ["tasks", "t", "timeout"])
    assert "at most 600 s" in problem["message"]
    assert "set for the group “engineer”; an administrator" in problem["message"]
    text = "defaults: {timeout: 2h}\n" + sql("cut", "select 1")
    with pytest.raises(InvalidInput, match="at most 600 s") as refused:
        house.create("ana", text)
    assert refused.value.details["problems"][0]["path"] == ["defaults", "timeout"]
    # The default timeout is longer, too, but nobody asked for it.
    house.create("ana", sql("silent", "select 1"))
    house.create("ana", sql("short", "select 1", "timeout: 10m, "))
    # What was saved before runs on, and a run that hits the limit names it.
    assert house.run("ana", "fits").state == "succeeded"


def test_a_query_of_a_notebook_has_its_tasks_time(
    house: House, slow: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel's requests name their attempt, by which the service finds the task's timeout."""
    house.create("ana", sql("holder", f"select one from {slow}", "timeout: 2h, "))
    pipeline = house.pipelines.saved(house["ana"], "holder")
    run = house.runs.trigger(house["ana"], pipeline, RunRequest())
    wait_for(lambda: house.runs.get(house["ana"], run.id).tasks[0].attempts)
    attempt = house.runs.get(house["ana"], run.id).tasks[0].attempts[0].id
    broker: Broker = house.get(Broker)
    request = QueryRequest(connection="warehouse", sql="select seconds from time_limit")

    def seconds(origin: Origin) -> float:
        with broker.statements.read(house["ana"], origin, request, HangUp()) as reading:
            return float(next(iter(reading)).column(0)[0].as_py())

    assert seconds(Origin("", "")) <= 300
    assert 7150 < seconds(Origin("", "", attempt)) <= 7210
    house.runs.cancel(house["ana"], run.id)
    wait_for(lambda: house.runs.get(house["ana"], run.id).state in ENDED)


def test_a_slow_query_by_hand_names_its_limit(
    house: House, limits: LimitService, slow: str
) -> None:
    limits.put(ROOT, LimitRequest(kind="everyone", seconds=0.5))
    broker: Broker = house.get(Broker)
    request = QueryRequest(connection="warehouse", sql=f"select one from {slow}")
    with pytest.raises(SourceTimeout, match="0.5 s, the limit for queries set for everyone"):
        broker.statements.read(house["ana"], Origin("", ""), request, HangUp())

"""The broker's reads for the service itself, its loads, and its writes that run once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.mariadb import MariaDB
from support.postgres import Cluster
from support.source import Rows
from support.wait import wait_for
from support.wired import ENGINEER, Wired, schemas, wire

from wb_server.gate.loads import Once
from wb_server.kit.actor import Actor
from wb_server.kit.endpoint import HangUp
from wb_server.kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    LimitReached,
    TooLarge,
    WorkbenchError,
)
from wb_server.queries.limits.models import LimitRequest
from wb_server.queries.limits.service import LimitService

# In MariaDB the schema `l` belongs to the whole server, not to one test process.
pytestmark = pytest.mark.xdist_group("schema l")
LONG = "select a.i from generate_series(1, 1000000) a(i), generate_series(1, 1000000) b(mark)"


@pytest.fixture
def wired(tmp_path: Path, postgres: Cluster, mariadb: MariaDB) -> Iterator[Any]:
    """Builds the service with some settings."""
    with schemas(postgres, mariadb):
        yield lambda **changes: wire(tmp_path, postgres, mariadb, **changes)


def numbers(count: int) -> pa.Table:
    return pa.table({"id": pa.array(range(1, count + 1), pa.int64())})


def count(wired: Wired, table: str = "l.t", connection: str = "shop") -> int:
    with wired.read(f"select count(*) as n from {table}", connection) as reading:
        return int(pa.Table.from_batches(reading)["n"][0].as_py())


# --- reads -----------------------------------------------------------------------------------


def test_a_read_is_audited_and_ends(wired: Any) -> None:
    with wired() as it:
        with it.read("select i from generate_series(1, 300000) i") as reading:
            assert reading.schema.names == ["i"]
            assert sum(batch.num_rows for batch in reading) == 300_000
        with it.read("select id from people", "files") as reading:
            assert [(t.schema, t.name) for t in reading.permit.tables] == [(None, "people")]
        with pytest.raises(InvalidInput), it.read("select nope from generate_series(1, 2) i"):
            pass
        ended = [(row.action, row.outcome, row.rows) for row in it.log("finished")]
        assert ended == [
            ("query.read", "ok", 300_000),
            ("query.read", "hung_up", 0),
            ("query.read", "failed", 0),
        ]
        assert it.broker.active.list(ENGINEER) == []


def test_a_read_changes_nothing(wired: Any, postgres: Cluster) -> None:
    with wired() as it:
        with pytest.raises(Forbidden) as refused:
            it.read("delete from l.t")
        assert refused.value.code == "not_a_read"
        assert [row.code for row in it.log("refused")] == ["not_a_read"]


def test_a_read_has_the_limits_of_a_query(wired: Any) -> None:
    with wired(max_rows=1000) as it:
        with pytest.raises(TooLarge), it.read("select generate_series(1, 5000) i") as reading:
            list(reading)
        assert [row.code for row in it.log("finished")] == ["over_limit"]


def test_a_read_ends_when_its_caller_is_cancelled(wired: Any, postgres: Cluster) -> None:
    with wired() as it:
        hang_up = HangUp()
        with pytest.raises(Conflict), it.read(LONG, hang_up=hang_up) as reading:
            for _ in reading:
                hang_up.now()
        wait_for(lambda: postgres.active("mark") == 0)
        assert [row.outcome for row in it.log("finished")] == ["hung_up"]


# --- loads -----------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["shop", "mart"])
def test_a_copy_runs_where_only_one_query_may_run_at_a_time(wired: Any, target: str) -> None:
    """Its load runs in its read's slot."""
    with wired(max_queries_per_user=1, max_queries=1, queue_wait=1) as it:
        seen: list[int] = []
        with it.read("select i as id from generate_series(1, 20000) i") as reading:
            done = it.load("l.t", reading, target, progress=seen.append, once=Once(key="c1"))
            assert len(it.broker.active.list(ENGINEER)) == 0
        assert (done.rows, done.already, done.schema, done.table) == (20_000, False, "l", "t")
        assert seen[-1] == 20_000
        with it.read("select 1 as id") as reading:
            assert it.load("l.t", reading, target, once=Once(key="c1")).already
        assert count(it, "l.t", target) == 20_000
        loads = [row for row in it.log("started") if row.action == "query.write"]
        assert [row.statement for row in loads] == ["load into l.t: append"] * 2
        assert [row.rows for row in it.log("finished") if row.action == "query.write"] == [
            20_000,
            20_000,
        ]


def test_a_copy_within_a_connection_limited_to_one_query(wired: Any) -> None:
    """Its two halves count as one there, while a copy from elsewhere waits for its turn."""
    with wired(queue_wait=0) as it:
        limits = it.workbench.api.services.get(LimitService)
        limits.put(
            Actor("root", frozenset({"admin"})),
            LimitRequest(kind="connection", subject="shop", concurrent=1),
        )
        with it.read("select 1 as id") as reading:
            assert it.load("l.t", reading).rows == 1
        with (
            it.read("select 1 as id"),
            it.read("select 2 as id", "mart") as other,
            pytest.raises(LimitReached),
        ):
            it.load("l.t", other)
        assert count(it) == 1


def test_a_load_needs_the_right_to_write(wired: Any) -> None:
    with wired() as it:
        for actor, connection, code in (
            (Actor("engineer", frozenset({"viewer"})), "shop", "role_missing"),
            (Actor("engineer", frozenset({"engineer"}), frozenset({"read"})), "shop", None),
            (ENGINEER, "files", "read_only_connection"),
        ):
            with pytest.raises(Forbidden) as refused:
                it.load("l.t", numbers(1).to_reader(), connection, actor=actor)
            assert code in (None, refused.value.code)
        with pytest.raises(WorkbenchError) as unknown:
            it.load("l.t", numbers(1).to_reader(), actor=Actor("eve", frozenset({"engineer"})))
        assert unknown.value.status == 404
        assert [row.event for row in it.log("refused")] == ["refused"] * 4


@pytest.mark.parametrize(
    ("table", "code"),
    [
        ("pg_catalog.pg_class", "system_table_not_allowed"),
        ("pg_class", "system_table_not_allowed"),
        ("information_schema.tables", "system_table_not_allowed"),
        ("other.l.t", "system_table_not_allowed"),
        ("l.workbench_ledger", "bad_table"),
        ("l.t; drop table l.t", "bad_table"),
        ("l.t where true", "bad_table"),
        ("l.t -- x", "bad_table"),
        ("(select 1)", "bad_table"),
        ("x" * 64, "name_too_long"),
    ],
)
def test_only_the_name_of_an_ordinary_table_is_a_target(wired: Any, table: str, code: str) -> None:
    with wired() as it:
        with pytest.raises(WorkbenchError) as refused:
            it.load(table, numbers(1).to_reader())
        assert refused.value.code == code


@pytest.mark.parametrize("target", ["shop", "mart"])
def test_a_disconnected_client_ends_its_load(wired: Any, target: str, postgres: Cluster) -> None:
    """Its read too; both are in the log, and nothing is in the table."""
    with wired() as it:
        it.load("l.t", numbers(1).to_reader(), target)
        hang_up = HangUp()

        def stop(rows: int) -> None:
            if rows > 50_000:
                assert len(it.broker.active.list(ENGINEER)) == 2
                hang_up.now()

        with (
            pytest.raises(Conflict) as caught,
            it.read(LONG.replace("a.i", "a.i::bigint as id"), hang_up=hang_up) as reading,
        ):
            it.load("l.t", reading, target, hang_up=hang_up, progress=stop)
        assert caught.value.code == "cancelled"
        wait_for(lambda: postgres.active("mark") == 0)
        assert [row.outcome for row in it.log("finished")][1:] == ["hung_up", "hung_up"]
        assert count(it, "l.t", target) == 1


@pytest.mark.parametrize("target", ["shop", "mart"])
def test_a_load_can_be_cancelled_by_its_id(wired: Any, target: str) -> None:
    with wired() as it:
        it.load("l.t", numbers(1).to_reader(), target)
        go = threading.Event()

        def give() -> Iterator[pa.RecordBatch]:
            while True:
                yield from numbers(1000).to_batches()
                go.set()

        failures: list[WorkbenchError] = []

        def run() -> None:
            try:
                it.load("l.t", Rows(numbers(1).schema, give()), target)
            except WorkbenchError as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        assert go.wait(20)
        (running,) = it.broker.active.list(ENGINEER)
        assert (running.kind, running.statement) == ("write", "load into l.t: append")
        it.broker.active.cancel(ENGINEER, running.id)
        thread.join(20)
        assert [error.code for error in failures] == ["cancelled"]
        assert [row.outcome for row in it.log("finished")] == ["ok", "cancelled"]
        assert count(it, "l.t", target) == 1


@pytest.mark.parametrize("target", ["shop", "mart"])
def test_a_load_that_waits_for_its_rows_can_be_cancelled(wired: Any, target: str) -> None:
    """It doesn't wait for the source, which is silent for long."""
    with wired() as it:
        it.load("l.t", numbers(1).to_reader(), target)
        waiting, never = threading.Event(), threading.Event()

        def give() -> Iterator[pa.RecordBatch]:
            yield from numbers(1000).to_batches()
            waiting.set()
            never.wait(60)

        failures: list[WorkbenchError] = []

        def run() -> None:
            try:
                it.load("l.t", Rows(numbers(1).schema, give()), target)
            except WorkbenchError as error:
                failures.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        assert waiting.wait(20)
        (running,) = it.broker.active.list(ENGINEER)
        it.broker.active.cancel(ENGINEER, running.id)
        thread.join(20)
        never.set()
        assert [error.code for error in failures] == ["cancelled"]
        assert count(it, "l.t", target) == 1


def test_a_failing_source_does_not_affect_the_target(wired: Any) -> None:
    """A source that fails mid-load leaves the target and its state as they were."""
    with wired() as it:
        broken = "select 1 / (400000 - i) as id from generate_series(1, 400001) i"
        with pytest.raises(InvalidInput, match="Division by zero"), it.read(broken) as reading:
            it.load("l.t", reading, "mart")
        with pytest.raises(InvalidInput):
            count(it, "l.nowhere", "mart")
        assert [row.outcome for row in it.log("finished")][:2] == ["failed", "failed"]


# --- writes that run once --------------------------------------------------------------------


@pytest.mark.parametrize("target", ["shop", "mart"])
def test_a_write_runs_once(wired: Any, target: str) -> None:
    with wired() as it:
        it.load("l.t", numbers(3).to_reader(), target)
        for already in (False, True):
            done = it.write("insert into l.t (id) select id from l.t where id < 3", target, "w1")
            assert (done.rows, done.already) == (2, already)
        assert count(it, "l.t", target) == 5
        returned = it.write("delete from l.t where id = 3 returning id", target, "w2")
        assert returned.rows == 1
        assert it.write("delete from l.t where id = 3 returning id", target, "w2").already
        assert it.write("delete from l.t where id = 1", target).rows == 2


@pytest.mark.parametrize("target", ["shop", "mart"])
def test_a_schema_change_runs_once(wired: Any, target: str) -> None:
    with wired() as it:
        for already in (False, True):
            assert it.write("create table l.made (id int)", target, "d1").already == already
        for already in (False, True):
            assert it.write("drop table l.made", target, "d2").already == already

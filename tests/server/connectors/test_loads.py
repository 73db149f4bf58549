"""Loads on real servers: exact values, all or nothing, exactly once, whatever breaks in between."""

from __future__ import annotations

import datetime as dt
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from support.mariadb import MariaDB
from support.postgres import Cluster
from support.source import Rows, Source
from support.wait import wait_for

from wb_server.connectors.base import Target
from wb_server.connectors.mysql.connector import MySQLConfig, MySQLConnector
from wb_server.connectors.postgres.connector import PostgresConfig, PostgresConnector
from wb_server.gate.loads import Written
from wb_server.kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    SourceTimeout,
    Unprocessable,
    WorkbenchError,
)
from wb_server.kit.network import NetworkPolicy

UTC = dt.UTC


# In MariaDB the schema `l` belongs to the whole server, not to one test process.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("schema l")]


@dataclass
class TargetServer:
    """A server with a schema ``l`` to load into.

    Attributes:
        run: runs statements without the connector, in autocommit; returns the last one's rows.
        busy: how many sessions of the connector are in a transaction.
        cut: kills those sessions in the server.
        config: the connector's configuration, for another process.
    """

    kind: str
    source: Source
    run: Callable[..., Sequence[tuple[Any, ...]]]
    busy: Callable[[], int]
    cut: Callable[[], None]
    config: dict[str, object]

    def ids(self, table: str = "l.t") -> list[int]:
        return [row[0] for row in self.run(f"select id from {table} order by id")]


def in_postgres(cluster: Cluster) -> Iterator[TargetServer]:
    mine = "usename = current_user and pid <> pg_backend_pid() and xact_start is not null"
    connector = PostgresConnector(NetworkPolicy(allow_loopback=True))
    config = cluster.config()

    def run(*statements: str) -> Sequence[tuple[Any, ...]]:
        with cluster.connect() as connection:
            for statement in statements:
                cursor = connection.execute(statement)
            return cursor.fetchall() if cursor.description else []

    run("drop schema if exists l cascade", "create schema l")
    yield TargetServer(
        "postgres",
        Source(connector, Target("c1", 1, PostgresConfig.model_validate(config))),
        run,
        lambda: len(run(f"select pid from pg_stat_activity where {mine}")),
        lambda: run(f"select pg_terminate_backend(pid) from pg_stat_activity where {mine}"),
        config,
    )
    connector.close()
    run("drop schema l cascade")


def in_mariadb(server: MariaDB) -> Iterator[TargetServer]:
    connector = MySQLConnector(NetworkPolicy(allow_loopback=True))
    config = server.config(database="l")

    def busy() -> list[int]:
        # InnoDB refreshes this table only if nobody has read it for a tenth of a second.
        time.sleep(0.12)
        rows = server.execute(
            "select trx_mysql_thread_id from information_schema.innodb_trx join "
            "information_schema.processlist on id = trx_mysql_thread_id "
            f"where user = '{server.user}' and id <> connection_id()"
        )
        return [int(str(number)) for (number,) in rows]

    def cut() -> None:
        for number in busy():
            server.execute(f"kill {number}")

    server.execute("drop database if exists l", "create database l")
    yield TargetServer(
        "mysql",
        Source(connector, Target("c1", 1, MySQLConfig.model_validate(config))),
        server.execute,
        lambda: len(busy()),
        cut,
        config,
    )
    connector.close()
    server.execute("drop database l")


@pytest.fixture(params=["postgres", "mysql"])
def target(request: pytest.FixtureRequest) -> Iterator[TargetServer]:
    server = request.getfixturevalue("postgres" if request.param == "postgres" else "mariadb")
    yield from (in_postgres if request.param == "postgres" else in_mariadb)(server)


def numbers(*ids: int, **more: Any) -> pa.Table:
    return pa.table({"id": pa.array(ids, pa.int64()), **more})


def batches(rows: int, size: int = 1000, then: Callable[[int], None] = lambda done: None) -> Rows:
    """Rows from 1 on, in batches; before each, ``then`` is called with the number of rows so far."""

    def give() -> Iterator[pa.RecordBatch]:
        for start in range(0, rows, size):
            then(start)
            ids = pa.array(range(start + 1, start + size + 1), pa.int64())
            texts = pa.array([f"row {number}" for number in range(size)])
            yield pa.record_batch({"id": ids, "name": texts})

    return Rows(pa.schema([("id", pa.int64()), ("name", pa.string())]), give())


class InThread:
    """Runs work in a thread; ``end`` returns its result or raises its error."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._answer: Any = None
        self._error: BaseException | None = None

        def run() -> None:
            try:
                self._answer = work()
            except BaseException as error:
                self._error = error

        self.thread = threading.Thread(target=run)
        self.thread.start()

    def end(self, seconds: float = 20) -> Any:
        self.thread.join(seconds)
        assert not self.thread.is_alive()
        if self._error is not None:
            raise self._error
        return self._answer


# --- values ----------------------------------------------------------------------------------

ALL = pa.table(
    {
        "id": pa.array([1, 2, 3], pa.int32()),
        "n": pa.array(
            [Decimal("1.50"), None, Decimal("-99999999999999999999999999999999999.99")],
            pa.decimal128(37, 2),
        ),
        "tiny": pa.array([Decimal("0.0000000001"), Decimal("-0.0000000020"), None]),
        "s": pa.array(['it\'s \\ "q"\n,%s ünï \U0001f600', "", None]),
        "d": pa.array([dt.date(2024, 2, 29), dt.date(1, 1, 1), dt.date(9999, 12, 31)]),
        "ts": pa.array(
            [dt.datetime(2024, 1, 1, 12, 0, 0, 123456), None, dt.datetime(1900, 1, 1)],
            pa.timestamp("us"),
        ),
        "tz": pa.array(
            [
                dt.datetime(2024, 7, 1, 12, 0, 0, 1, tzinfo=UTC),
                None,
                dt.datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
            ],
            pa.timestamp("us", "UTC"),
        ),
        "tm": pa.array([dt.time(1, 2, 3, 4), None, dt.time(23, 59, 59)], pa.time64("us")),
        "b": pa.array([b"\x00\xff\\'", b"", None]),
        "f": pa.array([0.1, None, -1.7976931348623157e308]),
        "f4": pa.array([0.1, None, 3.4028235e38], pa.float32()),
        "yes": pa.array([True, False, None]),
        "big": pa.array([2**63 - 1, -(2**63), None], pa.int64()),
        "u": pa.array([2**64 - 1, 0, None], pa.uint64()),
        "none": pa.nulls(3),
    }
)


def test_every_value_comes_back(target: TargetServer) -> None:
    """A table that the load creates holds the rows to the last digit."""
    assert target.source.load("l.t", ALL).rows == 3
    found = target.source.rows("select * from l.t order by id", "l.t")
    for row, wanted in zip(found, ALL.to_pylist(), strict=True):
        if target.kind == "mysql":
            # MySQL has no time of day, no zones and no booleans.
            wanted["tz"] = wanted["tz"] and wanted["tz"].replace(tzinfo=None)
            clock = wanted["tm"]
            wanted["tm"] = clock and (
                dt.datetime.combine(dt.date.min, clock)
                - dt.datetime.combine(dt.date.min, dt.time())
            )
        assert row == wanted


def test_rows_that_were_read_can_be_loaded_again(target: TargetServer) -> None:
    """Rows read from a table that a load created can be loaded into it again."""
    target.source.load("l.t", ALL)
    target.source.load("l.t", target.source.table("select * from l.t", "l.t"))
    twice = target.run("select count(*), count(distinct id) from l.t")
    assert tuple(twice[0]) == (6, 3)


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_postgres_types_are_loaded_from_text(target: TargetServer) -> None:
    """uuid, JSON, arrays, intervals, enums, domains, addresses: sent as text, checked by the type."""
    target.run(
        "create type l.mood as enum ('glad', 'sad'); create domain l.price as numeric(8, 2)",
        """create table l.t (id int, u uuid, j json, jb jsonb, a int[], t text[], i interval,
           m l.mood, p l.price, ip inet, c char(3), tz timestamptz, ts timestamp(0), r int4range)""",
        """insert into l.t values (1, '6e3e5d26-ffb0-4d30-9ff5-9f2fbf0f3b1c', '{"a": [1, "x"]}',
           '{"k": "v\\\\n"}', '{1,null,3}', '{"a,b","c\\"d","NULL",null,"","{"}',
           '-1 year 2 days 03:04:05.6', 'sad', 12.50, '10.1.2.3/8', 'x',
           '2024-01-01 00:00+02', '2024-01-01 10:00', '[1,5)')""",
    )
    columns = "id, u, j, jb, a, t, i, m, p, ip, c, tz, ts, r"
    read = f"select {columns.replace('m,', 'm::text as m,')[:-1]}r::text as r from l.t"
    target.source.load("l.t", target.source.table(read, "l.t"))
    rows = target.run(f"select distinct {columns.replace('j,', 'j::text,', 1)} from l.t")
    assert len(rows) == 1
    assert target.run("select count(*) from l.t")[0] == (2,)
    for column, value, field in (("u", "no uuid", "u"), ("jb", "{", "jb"), ("m", "angry", "m")):
        with pytest.raises(InvalidInput) as refused:
            target.source.load("l.t", numbers(2, **{column: [value]}))
        assert refused.value.code == "bad_value"
        assert refused.value.details["column"] == field


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_far_dates_are_loaded_into_postgres(target: TargetServer) -> None:
    """Years before 1 and past 9999, which neither Python nor Arrow writes as PostgreSQL reads them."""
    texts = ["4714-11-24 BC", "0001-01-01", "9999-12-31", "12024-06-30", "290000-12-31"]
    target.run(
        "create table l.t (id int, d date, t timestamp, tz timestamptz)",
        *(
            f"insert into l.t values ({i}, '{day}', '{day}'::timestamp + '1 second 1 microsecond', "
            f"'{day}'::timestamp + '23:59:59.999999')"
            for i, day in enumerate(texts)
        ),
        "insert into l.t (id) values (9)",
    )
    before = target.run("select id, d::text, t::text, tz::text from l.t order by id")
    target.source.load("l.t", target.source.table("select * from l.t", "l.t"))
    after = target.run("select distinct id, d::text, t::text, tz::text from l.t order by id")
    assert after == before
    assert target.run("select count(*) from l.t") == [(12,)]
    early = pa.table({"id": [1], "d": pa.array([-2_440_589], pa.int32()).cast(pa.date32())})
    with pytest.raises(InvalidInput, match="“d” contains a date before 4714 BC"):
        target.source.load("l.t", early)


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_long_intervals_keep_their_last_digit(target: TargetServer) -> None:
    micros = [-8_600_255_180_816_937, 9_223_372_036_854_775, -1, 59_999_999, 3_600_000_000]
    parts = pa.array([(14, -3, each * 1000) for each in micros], pa.month_day_nano_interval())
    target.run("create table l.t (id int, v interval, a interval[])")
    table = pa.table({"id": range(5), "v": parts, "a": [[each] for each in parts]})
    target.source.load("l.t", table)
    wanted = [(f"1 year 2 mons -3 days {each} microseconds",) for each in micros]
    for column in ("v", "a[1]"):
        assert target.run(
            f"select count(*) from l.t where extract(epoch from {column}) = extract(epoch from "
            f"('{{{','.join(each for (each,) in wanted)}}}'::interval[])[id + 1])"
        ) == [(5,)]


@pytest.mark.parametrize(
    ("declared", "values", "code"),
    [
        ("numeric(6,2)", pa.array([Decimal("1.234")]), "bad_value"),
        ("numeric(6,2)", pa.array([Decimal("12345.00")]), "overflow"),
        ("numeric(6,2)", pa.array([0.5]), "type_mismatch"),
        ("int", pa.array([2**40]), "overflow"),
        ("int", pa.array([Decimal("1.5")]), "bad_value"),
        ("int", pa.array(["1"]), "type_mismatch"),
        ("date", pa.array([dt.datetime(2024, 1, 1, 5)]), "type_mismatch"),
        ("double precision", pa.array([2**53 + 1]), "bad_value"),
        ("varchar(3)", pa.array(["four"]), "bad_value"),
        ("varchar(3)", pa.array([4]), "type_mismatch"),
        ("date", pa.array([-2_500_000], pa.int32()).view(pa.date32()), "bad_value"),
    ],
)
def test_a_value_that_does_not_fit_is_refused(
    target: TargetServer, declared: str, values: pa.Array, code: str
) -> None:
    """Nothing is rounded or truncated silently; the error names the column, and nothing is changed."""
    target.run(f"create table l.t (id bigint, x {declared})", "insert into l.t values (1, null)")
    for mode in ("append", "replace"):
        with pytest.raises(InvalidInput) as refused:
            target.source.load("l.t", numbers(2, x=values), mode)
        assert refused.value.code in (
            ("bad_value", "numeric_overflow") if code == "overflow" else (code,)
        )
        assert refused.value.details["column"] == "x"
        assert "x" in refused.value.message
    assert target.ids() == [1]


def test_seconds_are_not_rounded(target: TargetServer) -> None:
    target.run("create table l.t (id bigint, x timestamp(3) null)")
    fits, more = (
        pa.array([dt.datetime(2024, 1, 1, 0, 0, 0, micros)], pa.timestamp("us"))
        for micros in (123_000, 123_456)
    )
    target.source.load("l.t", numbers(1, x=fits))
    with pytest.raises(InvalidInput) as refused:
        target.source.load("l.t", numbers(2, x=more))
    assert (refused.value.code, refused.value.details["column"]) == ("bad_value", "x")
    assert target.ids() == [1]


# --- columns ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "code", "names"),
    [
        (pa.table({"id": [1], "wrong": [1], "must": [1]}), "unknown_column", ["wrong"]),
        (pa.table({"id": [1]}), "missing_column", ["must"]),
        (pa.table({"id": [1], "must": [1], "twice": [2]}), "generated_column", ["twice"]),
        (
            pa.Table.from_arrays([pa.array([1])] * 3, names=["id", "must", "id"]),
            "duplicate_column",
            ["id"],
        ),
    ],
)
def test_mismatched_columns_are_refused(
    target: TargetServer, table: pa.Table, code: str, names: list[str]
) -> None:
    target.run(
        "create table l.t (id int not null default 7, must int not null, free int, "
        "twice int generated always as (must * 2) stored)"
    )
    for mode in ("append", "replace"):
        with pytest.raises(InvalidInput) as refused:
            target.source.load("l.t", table, mode)
        assert (refused.value.code, refused.value.details["columns"]) == (code, names)
        assert all(f"“{name}”" in refused.value.message for name in names)
    target.source.load("l.t", pa.table({"must": [1]}))
    assert [tuple(row) for row in target.run("select id, must, free, twice from l.t")] == [
        (7, 1, None, 2)
    ]


def test_a_missing_table_is_created_only_if_allowed(target: TargetServer) -> None:
    with pytest.raises(InvalidInput) as refused:
        target.source.load("l.t", numbers(1), create=False)
    assert refused.value.code == "unknown_table"
    with pytest.raises(InvalidInput) as lost:
        target.source.load("l.t", numbers(1), "upsert", ["nope"])
    assert (lost.value.code, lost.value.details["columns"]) == ("unknown_key", ["nope"])
    with pytest.raises(InvalidInput) as missing:
        target.source.rows("select * from l.t", "l.t")
    assert missing.value.code == "unknown_table"
    # The key becomes the primary key, so that the load can be repeated.
    target.source.load("l.t", numbers(1, name=["a"]), "upsert", ["name", "id"])
    target.source.load("l.t", numbers(1, 2, name=["a", "b"]), "upsert", ["id", "name"])
    assert target.ids() == [1, 2]


def test_a_table_of_a_failed_load_is_gone(target: TargetServer) -> None:
    wrong = numbers(1, 2, x=pa.array([0, 1], pa.timestamp("ns")))  # more decimals than are stored
    for mode in ("create", "replace"):
        with pytest.raises(InvalidInput) as refused:
            target.source.load("l.new", wrong, mode)
        assert refused.value.code == "bad_value"
    target.source.load("l.new", numbers(1), "create")
    # One that was there stays, and so does one that somebody has filled meanwhile.
    with pytest.raises(InvalidInput):
        target.source.load("l.new", numbers(1, y=[1]), "append")
    assert target.source.value("select count(*) as n from l.new", "l.new") == 1


def test_names_are_quoted(target: TargetServer) -> None:
    odd = 'we`ird" ; drop table t --'
    target.source.load("l.t", numbers(1))
    rows = pa.table({odd: [1], "select": ["x"], "Upper %s": [2.5]})
    for _ in range(2):
        target.source.load(f"l.{odd}", rows, "upsert", [odd])
    target.source.load(f"l.{odd}", rows, "replace")
    assert target.ids() == [1]
    quoted = "`" + odd.replace("`", "``") + "`"
    if target.kind == "postgres":
        quoted = '"' + odd.replace('"', '""') + '"'
    assert len(target.run(f"select * from l.{quoted}")) == 1


@pytest.mark.parametrize("target", ["mysql"], indirect=True)
def test_table_names_follow_the_servers_case_sensitivity(target: TargetServer) -> None:
    target.run("create table l.T (id bigint)")
    target.source.load("l.t", numbers(1))
    ((folded,),) = target.run("select @@lower_case_table_names")
    assert len(target.ids("l.T")) == (0 if folded == 0 else 1)
    assert target.ids("l.t") == [1]


def test_a_load_into_a_view_is_refused(target: TargetServer) -> None:
    target.run("create table l.base (id bigint)", "create view l.v as select id from l.base")
    with pytest.raises(InvalidInput) as refused:
        target.source.load("l.v", numbers(1))
    assert refused.value.code == "not_a_table"


@pytest.mark.parametrize("target", ["mysql"], indirect=True)
def test_an_engine_without_transactions_is_refused(target: TargetServer) -> None:
    target.run("create table l.t (id bigint) engine=MyISAM")
    with pytest.raises(Unprocessable) as refused:
        target.source.load("l.t", numbers(1))
    assert refused.value.code == "no_transactions"


# --- replace ---------------------------------------------------------------------------------


def test_replace_keeps_views_indexes_and_grants(target: TargetServer) -> None:
    """Views, indexes and grants stay; readers see the old rows until the new ones are there."""
    target.run(
        "create table l.t (id bigint primary key, name varchar(20))",
        "create view l.v as select id from l.t",
        "insert into l.t values (1, 'old'), (2, 'old')",
    )
    seen: list[list[int]] = []

    def look(done: int) -> None:
        seen.append(target.ids("l.v"))

    target.source.load("l.t", batches(3000, then=look), "replace")
    assert seen == [[1, 2]] * 3
    assert len(target.ids("l.v")) == 3000
    with pytest.raises(Conflict) as refused:
        target.source.load("l.t", numbers(5, 5), "replace")
    assert refused.value.code == "constraint"
    assert len(target.ids("l.v")) == 3000


def test_concurrent_replaces_leave_the_rows_of_one(target: TargetServer) -> None:
    target.run("create table l.t (id bigint)", "insert into l.t values (0)")
    ready = threading.Barrier(2, timeout=20)

    def replace(first: int) -> Callable[[], str]:
        def work() -> str:
            try:
                ready.wait()
                target.source.load("l.t", numbers(first, first + 1), "replace")
            except Conflict as error:
                # A deadlock ends one of them, which would be retried.
                return error.code
            return "done"

        return work

    ends = [InThread(replace(first)) for first in (10, 20)]
    outcomes = sorted(end.end() for end in ends)
    assert outcomes in (["done", "done"], ["conflicting_change", "done"])
    assert target.ids() in ([10, 11], [20, 21])


def test_replace_of_a_referenced_table_is_refused(target: TargetServer) -> None:
    target.run(
        "create table l.t (id bigint primary key)",
        "create table l.child (t bigint, foreign key (t) references l.t (id) on delete cascade)",
        "insert into l.t values (1)",
        "insert into l.child values (1)",
    )
    with pytest.raises(Unprocessable) as refused:
        target.source.load("l.t", numbers(2), "replace")
    assert refused.value.code == "referenced_table"
    assert refused.value.details["tables"] == ["l.child"]
    target.source.load("l.t", numbers(1, 2), "upsert", ["id"])
    assert (target.ids(), target.ids("(select t as id from l.child) x")) == ([1, 2], [1])


@pytest.mark.parametrize("target", ["postgres"], indirect=True)
def test_row_level_security_holds(target: TargetServer, postgres: Cluster) -> None:
    """Where a policy is in force, rows are inserted through it, which COPY can't do."""
    target.run(
        "drop role if exists guarded",
        "create role guarded login password 'p'",
        "create table l.t (id bigint)",
        "alter table l.t enable row level security",
        "create policy low on l.t using (id < 10) with check (id < 10)",
        "grant usage on schema l to guarded; grant select, insert on l.t to guarded",
    )
    try:
        config = PostgresConfig.model_validate(postgres.config(user="guarded", password="p"))
        guarded = Source(target.source.connector, Target("g", 1, config))
        guarded.load("l.t", numbers(1, 2))
        with pytest.raises(Forbidden) as refused:
            guarded.load("l.t", numbers(3, 11))
        assert refused.value.code == "source_refused"
        assert target.ids() == [1, 2]
        with pytest.raises(Forbidden) as ledger:
            guarded.load("l.t", numbers(3), once="k")
        assert ledger.value.code == "no_ledger"
    finally:
        target.run("drop owned by guarded", "drop role guarded")


# --- upsert ----------------------------------------------------------------------------------


def test_upsert_updates_and_inserts(target: TargetServer) -> None:
    target.run(
        "create table l.t (id bigint, part int, name varchar(20), kept int default 9, "
        "unique (part, id))",
        "insert into l.t values (1, 1, 'old', 5), (2, 1, 'old', 5)",
    )
    rows = pa.table({"part": [1, 1], "name": ["new", "added"], "id": [2, 3]})
    assert target.source.load("l.t", rows, "upsert", ["id", "part"]).rows == 2
    found = target.run("select id, name, kept from l.t order by id")
    assert [tuple(row) for row in found] == [(1, "old", 5), (2, "new", 5), (3, "added", 9)]
    only_key = rows.select(["part", "id"])
    target.source.load("l.t", only_key, "upsert", ["part", "id"])
    assert target.ids() == [1, 2, 3]


def test_upsert_refuses_bad_keys(target: TargetServer) -> None:
    target.run(
        "create table l.t (id bigint primary key, other int unique, x int)",
        "insert into l.t values (1, 10, 0)",
    )
    cases: list[tuple[pa.Table, list[str], str]] = [
        (pa.table({"id": [2], "x": [1]}), ["x"], "no_unique_index"),
        (pa.table({"id": [2], "x": [1]}), ["id", "x"], "no_unique_index"),
        (pa.table({"x": [1]}), ["id"], "missing_column"),
        (pa.table({"id": [2, 2], "x": [1, 2]}), ["id"], "duplicate_key"),
        (pa.table({"other": [2, None], "id": [3, 4]}), ["other"], "null_key"),
    ]
    for rows, key, code in cases:
        with pytest.raises(InvalidInput) as refused:
            target.source.load("l.t", rows, "upsert", key)
        assert refused.value.code == code
    # Another unique index is not the key: the row that it matches isn't updated.
    with pytest.raises(Conflict) as taken:
        target.source.load("l.t", pa.table({"id": [2], "other": [10]}), "upsert", ["id"])
    assert taken.value.code == "constraint"
    assert [tuple(row) for row in target.run("select * from l.t")] == [(1, 10, 0)]


# --- once ------------------------------------------------------------------------------------


def test_concurrent_attempts_load_once(target: TargetServer) -> None:
    """The second waits for the first on the ledger's row, then reports the load as done."""
    target.run("create table l.t (id bigint, name varchar(20))")
    inside, go = threading.Event(), threading.Event()

    def held(done: int) -> None:
        if done == 1000:
            inside.set()
            assert go.wait(20)

    first = InThread(lambda: target.source.load("l.t", batches(3000, then=held), once="run-1"))
    assert inside.wait(20)
    second = InThread(lambda: target.source.load("l.t", batches(3000), once="run-1"))
    wait_for(lambda: target.busy() == 2)
    assert target.ids() == [] and second.thread.is_alive()
    go.set()
    assert first.end() == Written(3000)
    assert second.end() == Written(3000, already=True)
    assert target.ids() == list(range(1, 3001))
    assert [tuple(row) for row in _ledger(target)] == [("run-1", 3000)]


def test_if_the_first_attempt_fails_the_second_loads(target: TargetServer) -> None:
    target.run("create table l.t (id bigint, name varchar(20))")
    inside, go = threading.Event(), threading.Event()

    def fail(done: int) -> None:
        if done == 1000:
            inside.set()
            assert go.wait(20)
            raise InvalidInput("broken", code="broken")

    first = InThread(lambda: target.source.load("l.t", batches(3000, then=fail), once="run-1"))
    assert inside.wait(20)
    second = InThread(lambda: target.source.load("l.t", batches(3000), once="run-1"))
    wait_for(lambda: target.busy() == 2)
    go.set()
    with pytest.raises(InvalidInput):
        first.end()
    assert second.end() == Written(3000)
    assert target.ids() == list(range(1, 3001))


def test_eight_racing_attempts_load_once(target: TargetServer) -> None:
    """In no particular order: one loads, the others report that or have to be retried."""
    target.run("create table l.t (id bigint, name varchar(20))")
    ready = threading.Barrier(8, timeout=20)

    def work() -> Written | str:
        ready.wait()
        try:
            return target.source.load("l.t", batches(2000), once="race")
        except Conflict as error:
            return error.code

    ends = [InThread(work) for _ in range(8)]
    outcomes = [end.end(60) for end in ends]
    assert outcomes.count(Written(2000)) == 1
    assert set(outcomes) <= {Written(2000), Written(2000, already=True), "conflicting_change"}
    assert target.ids() == list(range(1, 2001))


def test_a_load_on_a_killed_connection_leaves_nothing(target: TargetServer) -> None:
    """The server kills the session mid-load; the next attempt loads each row once."""
    for mode in ("append", "replace", "upsert"):
        target.run(
            "drop table if exists l.t",
            "create table l.t (id bigint primary key, name varchar(20))",
            "insert into l.t values (-1, 'old')",
        )
        key = ["id"] if mode == "upsert" else []

        def cut(done: int) -> None:
            if done == 20_000:
                assert target.busy() == 1
                target.cut()
                wait_for(lambda: target.busy() == 0)

        with pytest.raises(WorkbenchError) as broken:
            target.source.load("l.t", batches(60_000, then=cut), mode, key, once=f"cut-{mode}")
        assert (broken.value.status, broken.value.code) == (502, "unreachable")
        assert target.ids() == [-1]
        done = target.source.load("l.t", batches(3000), mode, key, once=f"cut-{mode}")
        assert done == Written(3000)
        old = [] if mode == "replace" else [-1]
        assert target.ids() == [*old, *range(1, 3001)]


BEGIN = """
import json, sys, threading
from support.memory import peak
import pyarrow as pa
from support.source import Rows, Source
from wb_server.connectors.mysql import connector as mysql, load as mysql_load
from wb_server.connectors.postgres import connector as postgres, load as postgres_load
from wb_server.connectors.base import Target
from wb_server.kit.network import NetworkPolicy

kind, config = json.load(sys.stdin)
policy = NetworkPolicy(allow_loopback=True)
if kind == "postgres":
    connector = postgres.PostgresConnector(policy)
    config, use = postgres.PostgresConfig.model_validate(config), postgres_load.PostgresLoad
else:
    connector = mysql.MySQLConnector(policy)
    config, use = mysql.MySQLConfig.model_validate(config), mysql_load.MySQLLoad
source = Source(connector, Target("c1", 1, config))
"""


@contextmanager
def another_process(target: TargetServer, script: str) -> Iterator[subprocess.Popen[str]]:
    """A process that runs ``BEGIN`` and then a script; its output is piped."""
    paths = os.pathsep.join(path for path in sys.path if path)
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN + script],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps([target.kind, target.config]))
        process.stdin.close()
        yield process


STAYS = """
def stay(self):
    print("all rows are there", flush=True)
    threading.Event().wait()

use._commit = stay
rows = pa.table({"id": pa.array(range(1, 3001), pa.int64())})
source.load("l.t", rows, once="killed")
"""


def test_a_process_killed_before_the_commit_leaves_nothing(target: TargetServer) -> None:
    target.run("create table l.t (id bigint)")
    with another_process(target, STAYS) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "all rows are there\n"
        assert target.busy() == 1
        # A concurrent attempt has to wait until it ends.
        rows = numbers(*range(1, 3001))
        retry = InThread(lambda: target.source.load("l.t", rows, once="killed"))
        wait_for(lambda: target.busy() == 2)
        process.kill()
        assert retry.end() == Written(3000)
    assert target.ids() == list(range(1, 3001))
    assert target.source.load("l.t", numbers(1), once="killed") == Written(3000, already=True)


def test_a_write_runs_once(target: TargetServer) -> None:
    target.run("create table l.t (id bigint)", "insert into l.t values (1), (2)")
    ready = threading.Barrier(4, timeout=20)

    def add() -> Any:
        ready.wait()
        try:
            answer = target.source.write_once("insert into l.t select id from l.t", "w1", "l.t")
        except Conflict as error:
            return error.code
        return next(iter(answer)).to_pylist()[0]["rows_affected"], answer.already

    outcomes = [end.end(60) for end in [InThread(add) for _ in range(4)]]
    assert outcomes.count((2, False)) == 1
    assert set(outcomes) <= {(2, False), (2, True), "conflicting_change"}
    assert target.ids() == [1, 1, 2, 2]
    # A failed write isn't recorded.
    with pytest.raises(WorkbenchError):
        target.source.write_once("insert into l.nowhere values (1)", "w2", "l.nowhere")
    assert [tuple(row) for row in _ledger(target)] == [("w1", 2)]


def test_a_schema_change_runs_once(target: TargetServer) -> None:
    """In MySQL DDL commits implicitly: one attempt after the other, recorded afterwards."""
    sql = "create table l.made (id bigint)"
    ready = threading.Barrier(3, timeout=20)

    def make() -> bool:
        ready.wait()
        return target.source.write_once(sql, "ddl", "l.made", structural=True).already

    assert sorted(end.end() for end in [InThread(make) for _ in range(3)]) == [False, True, True]
    assert target.ids("l.made") == []


def _ledger(target: TargetServer) -> Sequence[tuple[Any, ...]]:
    quote = "`" if target.kind == "mysql" else '"'
    return target.run(f"select task_run, {quote}rows{quote} from l.workbench_ledger")


# --- stopping --------------------------------------------------------------------------------


def test_a_load_cancelled_midway_leaves_nothing(target: TargetServer) -> None:
    """It ends at the next batch, and leaves nothing behind."""
    target.run("create table l.t (id bigint, name varchar(20))")
    session = target.source.open_load("l.t")

    def stop(done: int) -> None:
        if done == 5000:
            session.cancel()

    with session, pytest.raises(Conflict) as caught:
        session.load(batches(10**9, then=stop), timeout=60, progress=lambda rows: None)
    assert caught.value.code == "cancelled"
    wait_for(lambda: target.busy() == 0, 5)
    assert target.ids() == []


def test_a_load_that_waits_for_another_attempt_can_be_cancelled(target: TargetServer) -> None:
    target.run("create table l.t (id bigint, name varchar(20))")
    inside, go = threading.Event(), threading.Event()

    def held(done: int) -> None:
        inside.set()
        assert go.wait(20)

    first = InThread(lambda: target.source.load("l.t", batches(1000, then=held), once="run-1"))
    assert inside.wait(20)
    session = target.source.open_load("l.t", once="run-1")
    with session:
        second = InThread(
            lambda: session.load(batches(1000), timeout=60, progress=lambda rows: None)
        )
        wait_for(lambda: target.busy() == 2)
        session.cancel()
        with pytest.raises(Conflict):
            second.end(10)
    go.set()
    assert first.end() == Written(1000)


def test_a_load_has_a_timeout(target: TargetServer) -> None:
    target.run("create table l.t (id bigint, name varchar(20))")
    with pytest.raises(SourceTimeout):
        target.source.load("l.t", batches(10**9), timeout=0.7)
    wait_for(lambda: target.busy() == 0, 5)
    assert target.ids() == []


# --- memory ----------------------------------------------------------------------------------


SENDS = """
schema = pa.schema([("id", pa.int64()), ("name", pa.string())])

def give(count):
    for start in range(0, count, 500):
        ids = pa.array(range(start, start + 500), pa.int64())
        yield pa.record_batch({"id": ids, "name": pa.array(["x" * 1000] * 500)})

for count in (5000, 50000):
    done = source.load("l.t", Rows(schema, give(count)), timeout=120)
    print(done.rows, peak(), flush=True)
"""


def test_a_loads_memory_is_bounded(target: TargetServer) -> None:
    """50,000 rows of 1 KB: memory doesn't grow with the rows sent."""
    target.run("create table l.t (id bigint, name text)")
    with another_process(target, SENDS) as process:
        assert process.stdout is not None
        few, many = (tuple(map(int, line.split())) for line in process.stdout)
    assert (few[0], many[0]) == (5000, 50_000)
    assert many[1] - few[1] < 20

"""The PostgreSQL connector on a real server: exact values, nothing left behind, nothing unbounded."""

from __future__ import annotations

import datetime as dt
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from pydantic import SecretStr, ValidationError
from support.postgres import Cluster
from support.slow_reader import read_slowly
from support.source import Source, make_permit
from support.wait import wait_for as until

from wb_server.connectors.base import Target
from wb_server.connectors.postgres.connection import PostgresConnection
from wb_server.connectors.postgres.connector import PostgresConfig, PostgresConnector
from wb_server.kit.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    SourceFailed,
    SourceTimeout,
    TooLarge,
    Unprocessable,
    WorkbenchError,
)
from wb_server.kit.network import NetworkPolicy


def statements_running(direct: psycopg.Connection, text: str) -> int:
    row = direct.execute(
        "select count(*) from pg_stat_activity where state = 'active' "
        "and query like %s and pid <> pg_backend_pid()",
        [f"%{text}%"],
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def tables(direct: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A schema ``t``, dropped afterwards."""
    direct.execute("create schema t; set search_path = t")
    yield direct
    direct.execute("drop schema t cascade")


# --- numeric ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "value", "kind"),
    [
        ("numeric(12,2)", "12345.60", pa.decimal128(12, 2)),
        ("numeric(38,10)", "1234567890123456789012345678.0123456789", pa.decimal128(38, 10)),
        ("numeric(3,5)", "0.00123", pa.decimal128(5, 5)),
        ("numeric(4,-2)", "123400", pa.decimal128(6, 0)),
        ("numeric(5)", "-12345", pa.decimal128(5, 0)),
    ],
)
def test_declared_numeric_keeps_its_precision_and_scale(
    source: Source, declared: str, value: str, kind: pa.DataType
) -> None:
    table = source.table(f"select '{value}'::{declared} as x, null::{declared} as y")
    assert table.schema.field("x").type == kind
    assert table.to_pylist() == [{"x": Decimal(value), "y": None}]


def test_undeclared_numeric_takes_the_largest_scale(source: Source) -> None:
    table = source.table("select x from (values (1.5), (2.125), (-3), (null)) v(x)")
    assert table.schema.field("x").type == pa.decimal128(38, 3)
    assert table.column("x").to_pylist() == [
        Decimal("1.5"), Decimal("2.125"), Decimal(-3), None,
    ]  # fmt: skip


def test_a_domain_keeps_its_scale(source: Source, tables: psycopg.Connection) -> None:
    tables.execute("create domain t.price as numeric(10,4)")
    assert source.table("select 1::t.price as x").schema.field("x").type == pa.decimal128(10, 4)


def test_sums_are_exact(source: Source) -> None:
    """0.1 a million times is 100,000: in binary floating point it isn't."""
    assert source.value("select sum(0.1::numeric) from generate_series(1, 1000000)") == 100_000


def test_mixed_scales_fit_over_batches(source: Source) -> None:
    """The first batch has no decimal places, later ones do: they fit, and nothing is rounded."""
    table = source.table(
        "select case when i > 250000 then i + 0.123456789 else i end::numeric as x "
        "from generate_series(1, 300000) i"
    )
    assert table.column("x").num_chunks > 1
    assert table.schema.field("x").type == pa.decimal128(38, 18)
    assert table.column("x")[0].as_py() == 1
    assert table.column("x")[299_999].as_py() == Decimal("300000.123456789")


def test_a_later_value_that_does_not_fit_is_an_error(source: Source) -> None:
    with pytest.raises(InvalidInput, match=r"x::numeric\(76, 30\)") as caught:
        source.table(
            "select case when i > 250000 then 0.1234567890123456789 else i end::numeric as x "
            "from generate_series(1, 300000) i"
        )
    assert caught.value.code == "numeric_overflow"


def test_large_integers_are_decimal256(source: Source) -> None:
    table = source.table("select i + 1e30::numeric as x from generate_series(1, 200000) i")
    assert table.schema.field("x").type == pa.decimal256(76, 18)
    assert table.column("x")[0].as_py() == Decimal("1" + "0" * 29 + "1")


def test_trailing_zeros_do_not_count(source: Source) -> None:
    value = "12345678901234567890." + "5" + "0" * 60
    assert source.value(f"select {value}::numeric") == Decimal("12345678901234567890.5")


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        ("NaN", "numeric"),
        ("Infinity", "numeric"),
        ("-Infinity", "numeric"),
        ("NaN", "numeric(10,2)"),
    ],
)
def test_nan_and_infinity_are_refused(source: Source, value: str, declared: str) -> None:
    with pytest.raises(InvalidInput, match="double precision") as caught:
        source.table(f"select '{value}'::{declared} as x")
    assert caught.value.code == "bad_value"


def test_an_empty_result_has_a_schema(source: Source) -> None:
    table = source.table("select 1.5::numeric as x, 2::numeric(8,3) as y where false")
    assert table.schema.types == [pa.decimal128(38, 0), pa.decimal128(8, 3)]
    assert table.num_rows == 0


# --- other types -----------------------------------------------------------------------------


def test_each_type_is_read_into_arrow(source: Source, tables: psycopg.Connection) -> None:
    tables.execute("create type t.mood as enum ('glad', 'sad')")
    tables.execute("create type t.pair as (x int, y numeric)")
    table = source.table(
        """select true as b, 1::int2 as i2, 2::int4 as i4, 3::int8 as i8, 1.5::float4 as f4,
           2.5::float8 as f8, 'ä' as s, 'ab'::char(3) as c, 'x'::"char" as q, 'n'::name as n,
           'glad'::t.mood as e, '{"a": 1}'::jsonb as j, '<a/>'::xml as x,
           '00112233-4455-6677-8899-aabbccddeeff'::uuid as u, '\\x00ff'::bytea as y,
           date '2020-02-29' as d, timestamp '2020-01-02 03:04:05.678901' as ts,
           timestamptz '2020-01-02 03:04:05+02' as tz, time '23:59:59.5' as t,
           time with time zone '10:00:00.5+05:30' as tt, interval '1 mon 2 days 3 s' as iv,
           '-12.34'::money as m, 4000000000::oid as o, 'pg_class'::regclass as r,
           inet '10.0.0.1/8' as ip, inet '::1' as ip6, cidr '10.0.0.0/8' as net,
           macaddr '08:00:2b:01:02:03' as mac, bit '101' as bits, '16/B374D848'::pg_lsn as lsn,
           array[1, null, 3] as ai, array['a'] as at, '{}'::int[] as ae, null::int[] as an,
           array['00112233-4455-6677-8899-aabbccddeeff'::uuid, null] as au, array[1.5, 2.25] as nn,
           row(1, 2.5)::t.pair as p, null as nothing"""
    )
    assert table.to_pylist() == [
        {
            "b": True, "i2": 1, "i4": 2, "i8": 3, "f4": 1.5, "f8": 2.5, "s": "ä", "c": "ab ",
            "q": "x", "n": "n", "e": "glad", "j": '{"a": 1}', "x": "<a/>",
            "u": "00112233-4455-6677-8899-aabbccddeeff", "y": b"\x00\xff",
            "d": dt.date(2020, 2, 29), "ts": dt.datetime(2020, 1, 2, 3, 4, 5, 678901),
            "tz": dt.datetime(2020, 1, 2, 1, 4, 5, tzinfo=dt.UTC),
            "t": dt.time(23, 59, 59, 500000), "tt": "10:00:00.5+05:30",
            "iv": pa.MonthDayNano([1, 2, 3_000_000_000]), "m": Decimal("-12.34"),
            "o": 4_000_000_000, "r": "pg_class", "ip": "10.0.0.1/8", "ip6": "::1",
            "net": "10.0.0.0/8", "mac": "08:00:2b:01:02:03", "bits": "101",
            "lsn": "16/B374D848", "ai": [1, None, 3], "at": ["a"], "ae": [], "an": None,
            "au": ["00112233-4455-6677-8899-aabbccddeeff", None],
            "nn": [Decimal("1.5"), Decimal("2.25")],
            "p": {"x": 1, "y": Decimal("2.5")}, "nothing": None,
        }
    ]  # fmt: skip
    assert not any(isinstance(kind, pa.BaseExtensionType) for kind in table.schema.types)
    assert table.schema.field("m").metadata == {b"source_type": b"money"}
    table.drop_columns(["iv"]).to_pandas()
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    assert pa.ipc.open_stream(sink.getvalue()).read_all() == table


def test_other_types_come_as_postgresql_prints_them(source: Source) -> None:
    table = source.table("select int4range(1, 5) as r, point(1, 2) as p, to_tsvector('cat') as v")
    assert table.to_pylist() == [{"r": "[1,5)", "p": "(1,2)", "v": "'cat':1"}]
    assert table.schema.field("r").metadata == {b"source_type": b"int4range"}


def test_a_type_created_later_is_read(source: Source, tables: psycopg.Connection) -> None:
    """The driver lists the types when it connects; a later one is looked up when it appears."""
    source.value("select 1")
    tables.execute("create type t.late as enum ('now')")
    assert source.value("select 'now'::t.late") == "now"


@pytest.mark.parametrize(
    "value",
    [
        "timestamptz 'infinity'",
        "timestamp '-infinity'",
        "date 'infinity'",
        "date '-infinity'",
        "timestamp '294276-01-01'",
        "array[timestamp 'infinity']",
        "time '24:00'",
    ],
)
def test_a_value_that_arrow_cannot_hold_is_refused(source: Source, value: str) -> None:
    with pytest.raises(InvalidInput, match="Cast it in the query") as caught:
        source.table(f"select {value} as x")
    assert caught.value.code == "bad_value"


def test_the_earliest_dates_are_read(source: Source) -> None:
    table = source.table("select date '4713-01-01 BC' as a, timestamp '4713-01-01 BC' as b")
    assert table.column("b").cast(pa.int64())[0].as_py() == -210_863_520_000_000_000


def test_a_column_of_nulls_is_read(source: Source) -> None:
    assert source.table("select null::text as x from generate_series(1, 5000)").num_rows == 5000


def test_anonymous_records_are_text(source: Source) -> None:
    assert source.value("select row(1, 'a b', null) as x") == '(1,"a b",)'
    assert source.value("select relacl from pg_class where relacl is not null limit 1")


# --- reads only read, and leave nothing behind -----------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "create table t.x (i int)",
        "insert into t.one values (2)",
        "with x as (delete from t.one returning i) select * from x",
        "select nextval('t.s')",
        "select set_config('transaction_read_only', 'off', false)",
    ],
)
def test_reads_are_read_only(source: Source, tables: psycopg.Connection, sql: str) -> None:
    tables.execute("create table t.one (i int); insert into t.one values (1); create sequence t.s")
    with pytest.raises(WorkbenchError) as caught:
        source.table(sql)
    assert caught.value.code in ("not_a_read", "bad_statement", "source_failed", "syntax_error")
    assert tables.execute("select i from t.one").fetchall() == [(1,)]


def test_read_only_holds_after_set_config(source: Source, tables: psycopg.Connection) -> None:
    """A read may change a setting of its session; the next session doesn't see it."""
    tables.execute("create table t.one (i int)")
    source.value("select set_config('default_transaction_read_only', 'off', false)")
    with pytest.raises(Forbidden) as caught:
        source.table("with x as (insert into t.one values (1) returning i) select * from x")
    assert caught.value.code == "not_a_read"
    assert tables.execute("select count(*) from t.one").fetchone() == (0,)


def test_a_pooled_session_is_reset(source: Source) -> None:
    first = source.value("select pg_backend_pid()")
    source.value("select set_config('search_path', 'pg_temp', false)")
    source.value("select set_config('app.user', 'ana', false)")
    source.value("select pg_advisory_lock(42)::text")
    source.table("create temp table left_over (i int)", kind="write")
    source.table("prepare p as select 1", kind="write")
    rows = source.rows(
        """select pg_backend_pid() as pid, current_setting('search_path') as path,
           coalesce(current_setting('app.user', true), '') as app,
           (select count(*) from pg_locks where locktype = 'advisory'
             and database = (select oid from pg_database where datname = current_database())) as locks,
           (select count(*) from pg_prepared_statements where name = 'p') as prepared,
           to_regclass('left_over')::oid as temp"""
    )
    assert rows == [
        {
            "pid": first, "path": '"$user", public', "app": "", "locks": 0, "prepared": 0,
            "temp": None,
        }
    ]  # fmt: skip


def test_a_dead_pooled_connection_is_replaced(source: Source, direct: psycopg.Connection) -> None:
    pid = source.value("select pg_backend_pid()")
    direct.execute("select pg_terminate_backend(%s)", [pid])
    until(
        lambda: (
            not direct.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone()
        )
    )
    assert source.value("select pg_backend_pid()") != pid


def test_a_session_that_the_server_ends_says_so(source: Source, direct: psycopg.Connection) -> None:
    def end() -> None:
        until(
            lambda: direct.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'workbench' and query like '%pg_sleep(31)%'"
            ).fetchone()
        )

    with ThreadPoolExecutor(1) as beside:
        ended = beside.submit(end)
        with pytest.raises(SourceFailed) as caught:
            source.table("select pg_sleep(31)")
        ended.result()
    # The code of what turns the connection's state to failed.
    assert caught.value.code == "unreachable"


def test_a_new_version_drops_the_pool(source: Source) -> None:
    first = source.value("select pg_backend_pid()")
    source.target = Target("c1", 2, source.target.config)
    assert source.value("select pg_backend_pid()") != first


def test_an_unsaved_connection_is_not_pooled(source: Source, direct: psycopg.Connection) -> None:
    source.target = Target("", 0, source.target.config)
    pid = source.value("select pg_backend_pid()", kind="test")
    until(
        lambda: (
            not direct.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone()
        )
    )


def test_forget_closes_idle_connections(source: Source, direct: psycopg.Connection) -> None:
    pid = source.value("select pg_backend_pid()")
    source.connector.forget("c1")
    until(
        lambda: (
            not direct.execute("select 1 from pg_stat_activity where pid = %s", [pid]).fetchone()
        )
    )


def test_a_permit_of_another_connection_is_refused(source: Source) -> None:
    with pytest.raises(Forbidden) as caught:
        source.connector.open(make_permit("select 1", connection_id="c2"), source.target)
    assert caught.value.code == "wrong_permit"


def test_a_permit_of_another_kind_is_refused(source: Source) -> None:
    with source.open(kind="browse") as session, pytest.raises(Forbidden):
        session.run(timeout=1, max_write_rows=0)
    with source.open("select 1") as session, pytest.raises(Forbidden):
        session.schemas()


# --- writes ----------------------------------------------------------------------------------


def test_writes_return_a_count_or_rows(source: Source, tables: psycopg.Connection) -> None:
    tables.execute("create table t.w (id int primary key, amount numeric(10,2))")
    insert = "insert into t.w select i, i * 1.5 from generate_series(1, 3) i"
    assert source.rows(insert, kind="write") == [{"rows_affected": 3}]
    assert source.table("select 1", kind="write").num_rows == 1
    returned = source.table("update t.w set id = id + 10 returning id, amount", kind="write")
    assert returned.schema.field("amount").type == pa.decimal128(10, 2)
    assert returned.column("id").to_pylist() == [11, 12, 13]
    assert tables.execute("select min(id) from t.w").fetchone() == (11,)


def test_a_write_is_committed_when_run_returns(source: Source, tables: psycopg.Connection) -> None:
    tables.execute("create table t.w (id int)")
    with source.open("insert into t.w values (1) returning id", kind="write") as session:
        session.run(timeout=5, max_write_rows=10)
        assert tables.execute("select count(*) from t.w").fetchone() == (1,)


def test_too_many_returned_rows_roll_back(source: Source, tables: psycopg.Connection) -> None:
    tables.execute("create table t.w (id int)")
    with pytest.raises(TooLarge):
        source.table(
            "insert into t.w select generate_series(1, 200000) returning id",
            kind="write",
            max_write_rows=10,
        )
    assert tables.execute("select count(*) from t.w").fetchone() == (0,)


def test_a_returned_value_that_does_not_fit_rolls_the_write_back(
    source: Source, tables: psycopg.Connection
) -> None:
    tables.execute("create table t.w (n numeric)")
    with pytest.raises(InvalidInput):
        source.table("insert into t.w values ('NaN') returning n", kind="write")
    assert tables.execute("select count(*) from t.w").fetchone() == (0,)


def test_a_violated_constraint_is_named(source: Source, tables: psycopg.Connection) -> None:
    tables.execute("create table t.w (id int primary key deferrable initially deferred)")
    tables.execute("insert into t.w values (1)")
    with pytest.raises(Conflict) as caught:
        source.table("insert into t.w values (1)", kind="write")
    assert caught.value.code == "constraint"
    assert caught.value.details["constraint"] == "w_pkey"


def test_two_statements_are_refused(source: Source, tables: psycopg.Connection) -> None:
    tables.execute("create table t.w (id int)")
    for kind in ("read", "write"):
        with pytest.raises(InvalidInput):
            source.table("insert into t.w values (1); delete from t.w", kind=kind)
    assert tables.execute("select count(*) from t.w").fetchone() == (0,)


def test_a_lost_commit_reports_an_unknown_outcome(
    source: Source, tables: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection is lost between the statement and the reply to COMMIT."""
    tables.execute("create table t.w (id int)")
    command = PostgresConnection.command

    def cut(connection: PostgresConnection, sql: str) -> int:
        if sql == "COMMIT":
            tables.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity "
                "where application_name = 'workbench' and datname = current_database()"
            )
        return command(connection, sql)

    monkeypatch.setattr(PostgresConnection, "command", cut)
    with pytest.raises(SourceFailed) as caught:
        source.table("insert into t.w values (1)", kind="write")
    assert caught.value.code == "outcome_unknown"


# --- stopping --------------------------------------------------------------------------------


def test_a_statement_has_a_timeout(source: Source) -> None:
    with pytest.raises(SourceTimeout) as caught:
        source.table("select pg_sleep(30)", timeout=0.1)
    assert caught.value.code == "timeout"
    assert source.value("select 1") == 1


def test_a_cancel_stops_the_statement_in_the_database(
    source: Source, direct: psycopg.Connection
) -> None:
    session = source.open("select pg_sleep(60) as cancel_me")
    failed: list[WorkbenchError] = []

    def run() -> None:
        try:
            list(session.run(timeout=60, max_write_rows=0))
        except WorkbenchError as error:
            failed.append(error)

    runner = threading.Thread(target=run)
    runner.start()
    until(lambda: statements_running(direct, "cancel_me"))
    session.cancel()
    runner.join(10)
    assert [error.code for error in failed] == ["cancelled"]
    until(lambda: not statements_running(direct, "cancel_me"))
    session.close()


def test_a_statement_cancelled_before_it_runs_does_not_run(source: Source) -> None:
    with source.open("select 1") as session:
        session.cancel()
        with pytest.raises(Conflict) as caught:
            session.run(timeout=5, max_write_rows=0)
    assert caught.value.code == "cancelled"


def test_a_cancel_between_batches_ends_the_statement(
    source: Source, direct: psycopg.Connection
) -> None:
    sql = "select i, repeat('x', 100) as between_batches from generate_series(1, 5000000) i"
    with source.open(sql) as session:
        batches = iter(session.run(timeout=60, max_write_rows=0))
        next(batches)
        session.cancel()
        with pytest.raises(Conflict):
            for _ in batches:
                pass
    until(lambda: not statements_running(direct, "between_batches"))


def test_closing_mid_stream_ends_the_statement(source: Source, direct: psycopg.Connection) -> None:
    sql = "select i, repeat('x', 100) as left_early from generate_series(1, 5000000) i"
    with source.open(sql) as session:
        next(iter(session.run(timeout=60, max_write_rows=0)))
    until(lambda: not statements_running(direct, "left_early"))
    assert source.value("select 1") == 1


def test_closing_from_another_thread_ends_the_statement(
    source: Source, direct: psycopg.Connection
) -> None:
    session = source.open("select pg_sleep(60) as closed_early")

    def run() -> None:
        with pytest.raises(Conflict):
            list(session.run(timeout=60, max_write_rows=0))

    runner = threading.Thread(target=run)
    runner.start()
    until(lambda: statements_running(direct, "closed_early"))
    session.close()
    runner.join(10)
    assert not runner.is_alive()
    until(lambda: not statements_running(direct, "closed_early"))


def test_reading_after_close_is_an_error(source: Source) -> None:
    with source.open("select i from generate_series(1, 1000000) i") as session:
        batches = iter(session.run(timeout=30, max_write_rows=0))
        next(batches)
    with pytest.raises(Conflict) as caught:
        next(batches)
    assert caught.value.code == "session_closed"


def test_a_cancelled_write_is_rolled_back(source: Source, tables: psycopg.Connection) -> None:
    tables.execute("create table t.w (id int)")
    session = source.open(
        "insert into t.w select 1 from pg_sleep(60) returning id as roll_me", kind="write"
    )

    def run() -> None:
        with pytest.raises(Conflict):
            session.run(timeout=60, max_write_rows=5)

    runner = threading.Thread(target=run)
    runner.start()
    until(lambda: statements_running(tables, "roll_me"))
    session.cancel()
    runner.join(10)
    session.close()
    assert tables.execute("select count(*) from t.w").fetchone() == (0,)


def test_an_error_mid_stream_is_raised(source: Source) -> None:
    with source.open("select 1 / (400000 - i) as x from generate_series(1, 400001) i") as session:
        batches = iter(session.run(timeout=30, max_write_rows=0))
        next(batches)
        with pytest.raises(InvalidInput, match="Division by zero"):
            for _ in batches:
                pass
    assert source.value("select 1") == 1


def test_memory_is_bounded_for_a_slow_reader(postgres: Cluster) -> None:
    """3 million rows, 300 MB: a slow reader holds no more than a few batches."""
    sql = (
        "select i, repeat('x', 80) as s, (i / 7.0)::numeric(12, 4) as n "
        "from generate_series(1, %d) i"
    )
    connector = "wb_server.connectors.postgres.connector:PostgresConnector"
    small, large = read_slowly(connector, postgres.config(), [sql % 1000, sql % 3000000])
    assert large[0] == 3_001_000
    assert large[1] - small[1] < 60


# --- errors ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sql", "code", "details"),
    [
        ("select * from nowhere", "unknown_table", {"name": "nowhere", "line": 1, "column": 15}),
        ("select nope from pg_class", "unknown_column", {"name": "nope"}),
        ("select\n  1 +", "syntax_error", {"line": 2}),
        ("select no_such(1)", "unknown_function", {}),
        ("select 'x'::int", "bad_value", {}),
        ("select 1 / 0", "bad_value", {}),
        ("select x from (values (1)) a(x), (values (1)) b(x)", "bad_statement", {}),
    ],
)
def test_statement_errors_have_codes_and_details(
    source: Source, sql: str, code: str, details: dict[str, object]
) -> None:
    with pytest.raises(InvalidInput) as caught:
        source.table(sql)
    assert caught.value.code == code
    assert details.items() <= caught.value.details.items()
    assert "\n" not in caught.value.message


def test_missing_rights_in_the_database_are_reported(
    source: Source, postgres: Cluster, tables: psycopg.Connection
) -> None:
    tables.execute("create table t.secret (i int); create role plain login password 'p'")
    try:
        config = PostgresConfig.model_validate(postgres.config(user="plain", password="p"))
        plain = Source(source.connector, Target("plain", 1, config))
        tables.execute("grant usage on schema t to plain")
        with pytest.raises(Forbidden) as caught:
            plain.table("select * from t.secret")
        assert caught.value.code == "source_refused"
    finally:
        source.connector.forget("plain")
        tables.execute("drop owned by plain; drop role plain")


ODD_PASSWORDS = [
    "it's", "a b", "100%", "p@ss:w/rd?#", "back\\slash", "\\'", "'", "ünïcödé 密码", "tab\tline\nend",
    "host=evil.example.org", "' hostaddr='10.0.0.1", "%27%00",
]  # fmt: skip


def test_odd_passwords_work(source: Source, postgres: Cluster, direct: psycopg.Connection) -> None:
    direct.execute("create role odd login")
    try:
        for number, password in enumerate(ODD_PASSWORDS):
            statement = psycopg.sql.SQL("alter role odd password {}").format(password)
            direct.execute(statement)
            config = PostgresConfig.model_validate(postgres.config(user="odd", password=password))
            odd = Source(source.connector, Target(f"odd{number}", 1, config))
            assert odd.value("select current_user::text") == "odd"
            source.connector.forget(f"odd{number}")
    finally:
        until(
            lambda: (
                not direct.execute(
                    "select 1 from pg_stat_activity where usename = 'odd'"
                ).fetchone()
            )
        )
        direct.execute("drop role odd")


def test_a_failed_sign_in_has_a_constant_message(source: Source, postgres: Cluster) -> None:
    messages = set()
    for changes in (
        {"password": "s3cret-wrong"},
        {"password": None},
        {"user": "nobody_here"},
    ):
        config = PostgresConfig.model_validate(postgres.config(**changes))
        source.target = Target("", 0, config)
        with pytest.raises(SourceFailed) as caught:
            source.open("select 1")
        assert caught.value.code == "sign_in_failed"
        messages.add(caught.value.message)
    assert messages == {"The database refused the user name or the password."}


def test_an_unreachable_database_is_named_with_host_and_port(
    source: Source, postgres: Cluster
) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = PostgresConfig.model_validate(postgres.config(port=port, password="s3cret"))
    source.target = Target("", 0, config)
    with pytest.raises(SourceFailed) as caught:
        source.open("select 1")
    assert caught.value.code == "unreachable"
    assert caught.value.message == f"The database at 127.0.0.1:{port} can't be reached."


def test_unknown_databases_and_failed_tls_are_reported(source: Source, postgres: Cluster) -> None:
    for changes, code in (
        ({"database": "nope"}, "unknown_database"),
        ({"sslmode": "require"}, "tls_failed"),
        ({"sslmode": "verify-full"}, "tls_failed"),
    ):
        config = PostgresConfig.model_validate(postgres.config(**changes))
        source.target = Target("", 0, config)
        with pytest.raises(SourceFailed) as caught:
            source.open("select 1")
        assert caught.value.code == code


# --- where it connects to --------------------------------------------------------------------


def test_the_checked_address_is_dialled(postgres: Cluster) -> None:
    """Only the policy can resolve the name, so the checked address must have been dialled."""
    policy = NetworkPolicy(allow_loopback=True, resolver=lambda name, port: ["127.0.0.1"])
    connector = PostgresConnector(policy)
    config = PostgresConfig.model_validate(postgres.config(host="db.pinned.invalid"))
    try:
        source = Source(connector, Target("c1", 1, config))
        assert source.value("select host(inet_server_addr())") == "127.0.0.1"
    finally:
        connector.close()


def test_forbidden_addresses_are_refused(source: Source, postgres: Cluster) -> None:
    for host in ("169.254.169.254", "/var/run/postgresql", "a,b", "0x7f.1"):
        config = PostgresConfig.model_validate(postgres.config(host=host))
        with pytest.raises(Unprocessable) as caught:
            source.connector.check(config)
        assert caught.value.code == "address_not_allowed"
        source.target = Target("", 0, config)
        with pytest.raises(Unprocessable):
            source.open("select 1")


def test_the_environment_has_no_influence(
    postgres: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """Neither environment variables nor files in the home folder change where or how it connects."""
    (tmp_path / ".pgpass").write_text(f"*:*:*:*:{postgres.password}\n")
    (tmp_path / ".pgpass").chmod(0o600)
    (tmp_path / ".pg_service.conf").write_text("[other]\nhost=192.0.2.1\n")
    (tmp_path / ".postgresql").mkdir()
    (tmp_path / ".postgresql" / "root.crt").write_text("not a certificate")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PGSERVICE", "other")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGPASSWORD", postgres.password)
    monkeypatch.setenv("PGOPTIONS", "-c statement_timeout=1")
    monkeypatch.setenv("PGREQUIREAUTH", "none")
    connector = PostgresConnector(NetworkPolicy(allow_loopback=True))
    try:
        config = PostgresConfig.model_validate(postgres.config())
        assert Source(connector, Target("c1", 1, config)).value("select 1") == 1
        config = PostgresConfig.model_validate(postgres.config(password=None))
        with pytest.raises(SourceFailed) as caught:
            Source(connector, Target("c2", 1, config)).value("select 1")
        assert caught.value.code == "sign_in_failed"
    finally:
        connector.close()


def test_the_configuration_has_a_schema_and_is_validated() -> None:
    schema = PostgresConfig.model_json_schema()
    assert PostgresConfig.secret_fields() == ["password"]
    password = schema["properties"]["password"]["anyOf"][0]
    assert password["writeOnly"] is True
    assert password["format"] == "password"
    assert all("title" in field for field in schema["properties"].values() if "$ref" not in field)
    base = {"host": "h", "database": "d", "user": "u"}
    assert PostgresConfig.model_validate(base).password is None
    for bad in (
        {"port": 0},
        {"password": SecretStr("a\0b")},
        {"sslmode": "allow"},
        {"driver_options": {"options": "-c x=y"}},
        {"driver_options": {"passfile": "/etc/passwd"}},
        {"servicefile": "x"},
        {"database": ""},
    ):
        with pytest.raises(ValidationError):
            PostgresConfig.model_validate(base | bad)


# --- browsing --------------------------------------------------------------------------------


def test_browsing_lists_schemas_tables_and_columns(
    source: Source, tables: psycopg.Connection
) -> None:
    tables.execute(
        """create table t.orders (id int primary key, amount numeric(12,2));
           comment on table t.orders is 'What was sold';
           comment on column t.orders.amount is 'in euro';
           create view t.v as select 1 as x;
           create materialized view t.m as select 1 as x;
           create table t.parted (i int) partition by range (i);
           create table t.part_1 partition of t.parted for values from (0) to (10);
           create table t."Odd ""name'" (i int)"""
    )
    with source.open(kind="browse") as session:
        schemas = {schema.name: schema.tables for schema in session.schemas()}
        assert schemas["t"] == 5
        assert not any(name.startswith(("pg_", "information")) for name in schemas)
        found = {table.name: (table.kind, table.comment) for table in session.tables("t")}
        assert found == {
            "orders": ("table", "What was sold"),
            "v": ("view", None),
            "m": ("materialized view", None),
            "parted": ("table", None),
            "Odd \"name'": ("table", None),
        }
        assert {table.schema_ for table in session.tables(None)} >= {"t"}
        columns = session.columns("t", "orders")
        assert [column.model_dump() for column in columns] == [
            {"name": "id", "type": "integer", "nullable": False, "comment": None},
            {"name": "amount", "type": "numeric(12,2)", "nullable": True, "comment": "in euro"},
        ]
        assert [column.name for column in session.columns("t", "Odd \"name'")] == ["i"]
        for schema, table in (("t", "nope"), (None, "orders"), ("t' or true --", "orders")):
            with pytest.raises(NotFound):
                session.columns(schema, table)
        version = tables.info.parameter_status("server_version") or ""
        assert session.server_version() == f"PostgreSQL {version.split()[0]}"


def test_browsing_shows_what_the_login_may_use(
    source: Source, postgres: Cluster, tables: psycopg.Connection
) -> None:
    tables.execute(
        """create table t.open (a int, b int); create table t.shut (a int);
           create schema hidden; create table hidden.x (a int);
           create role peek login password 'p';
           grant usage on schema t to peek; grant select (a) on t.open to peek"""
    )
    try:
        config = PostgresConfig.model_validate(postgres.config(user="peek", password="p"))
        peek = Source(source.connector, Target("peek", 1, config))
        with peek.open(kind="browse") as session:
            assert "hidden" not in {schema.name for schema in session.schemas()}
            assert [table.name for table in session.tables("t")] == ["open"]
            assert [column.name for column in session.columns("t", "open")] == ["a"]
            with pytest.raises(NotFound):
                session.columns("t", "shut")
    finally:
        source.connector.forget("peek")
        tables.execute("drop schema hidden cascade; drop owned by peek; drop role peek")


def test_thousands_of_tables_are_listed(source: Source, direct: psycopg.Connection) -> None:
    direct.execute("create schema many")
    for start in range(0, 5000, 1000):
        direct.execute(
            f"do $$ begin for i in {start}..{start + 999} loop "
            "execute format('create table many.t%s (a int, b text)', i); end loop; end $$"
        )
    try:
        with source.open(kind="browse") as session:
            assert len(session.tables("many")) == 5000
            assert {s.name: s.tables for s in session.schemas()}["many"] == 5000
            assert len(session.columns("many", "t4999")) == 2
    finally:
        for start in range(0, 5000, 1000):
            direct.execute(
                f"do $$ begin for i in {start}..{start + 999} loop "
                "execute format('drop table many.t%s', i); end loop; end $$"
            )
        direct.execute("drop schema many")

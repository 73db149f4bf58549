"""Databases and logins whose own defaults change how text is read, and what comes back as text."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import psycopg
import pyarrow as pa
import pytest
from support.postgres import Cluster
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.postgres import session as postgres_session
from wb_server.connectors.postgres.connector import PostgresConfig, PostgresConnector
from wb_server.gate.statement import analyse
from wb_server.kit.errors import Forbidden, WorkbenchError
from wb_server.kit.network import NetworkPolicy

HOSTILE = {
    "standard_conforming_strings": "off",
    "backslash_quote": "on",
    "client_encoding": "latin1",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "xmloption": "document",
    "xmlbinary": "hex",
    "timezone": "Asia/Tokyo",
    "datestyle": "German, YMD",
    "intervalstyle": "sql_standard",
    "bytea_output": "escape",
    "extra_float_digits": "-15",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "session_replication_role": "replica",
    "idle_in_transaction_session_timeout": "2s",
}
ATTACK = r"select '\', ' , 1::numeric, rolpassword::text from pg_authid -- '"
BACKSLASHES = [
    "\\",
    "\\'",
    "'\\",
    "a\\b",
    "\\\\",
    "C:\\new\\table",
    "\\' or 1=1 --",
    "\\x41",
    "é\\",
]


@pytest.fixture(scope="module", params=["database", "role"])
def hostile(request: pytest.FixtureRequest, postgres: Cluster) -> Iterator[Source]:
    """A database with all defaults changed, by the database or by the login."""
    place = "hostile_place"
    with postgres.connect() as owner:
        owner.execute(f"create database {place}")
        owner.execute(f"create role {place} superuser login password 'x'")
        for name, value in HOSTILE.items():
            owner.execute(f"alter {request.param} {place} set {name} = {value!r}")
        # Its own types and operators come before PostgreSQL's.
        owner.execute(f"alter {request.param} {place} set search_path = public, pg_catalog")
    config = postgres.config(database=place, user=place, password="x")
    with psycopg.connect(postgres.url, dbname=place, autocommit=True) as there:
        there.execute("set standard_conforming_strings = on")
        there.execute(
            r"""
            set search_path = pg_catalog;
            create domain public.date as pg_catalog.date check (false);
            create function public.never(a int, b int) returns boolean immutable language sql as
                'select false';
            create operator public.= (leftarg = int, rightarg = int, function = public.never);
            create table public.notes (id int, note pg_catalog.text);
            insert into public.notes values (1, 'a\b');
            """
        )
    connector = PostgresConnector(NetworkPolicy(allow_loopback=True))
    yield Source(connector, Target("h1", 1, PostgresConfig.model_validate(config)))
    connector.close()
    with postgres.connect() as owner:
        owner.execute(f"drop database {place} with (force)")
        owner.execute(f"drop role {place}")


def rows(source: Source, sql: str, **params: Any) -> list[dict[str, Any]]:
    return source.rows(analyse(sql, "postgres", params).sql)


def plain(source: Source) -> psycopg.Connection:
    """The same login, as any other program uses it."""
    config = source.target.config
    assert isinstance(config, PostgresConfig) and config.password is not None
    return psycopg.connect(
        host=config.host, port=config.port, dbname=config.database, user=config.user,
        password=config.password.get_secret_value(), autocommit=True,
    )  # fmt: skip


def test_a_backslash_never_ends_a_string(hostile: Source) -> None:
    text = analyse(ATTACK, "postgres").sql
    with plain(hostile) as there:
        result = there.pgconn.exec_(text.encode())
        values = [result.get_value(row, 2) or b"" for row in range(result.ntuples)]
        assert any(value.startswith(b"SCRAM") for value in values), "the attack doesn't work anyway"
    answer = hostile.table(text)
    assert answer.num_columns == 2
    assert answer.column(0)[0].as_py() == "\\"
    assert answer.column(1)[0].as_py() == " , 1::numeric, rolpassword::text from pg_authid -- "


def test_values_with_backslashes_round_trip(hostile: Source) -> None:
    for value in BACKSLASHES:
        assert rows(hostile, "select :x as x", x=value) == [{"x": value}]
        assert rows(hostile, "select note from notes where note = :x or id = 1", x=value)
    both = rows(hostile, "select :a as a, :b as b", a="\\", b=", 1 as c --")
    assert both == [{"a": "\\", "b": ", 1 as c --"}]
    assert rows(hostile, "select id from notes where note = :x", x="a\\b") == [{"id": 1}]


def test_writes_and_loads_keep_backslashes(hostile: Source) -> None:
    for number, value in enumerate(BACKSLASHES):
        sql = analyse(
            "insert into notes values (:n, :x)", "postgres", {"n": number + 10, "x": value}
        )
        hostile.rows(sql.sql, kind="write")
        once = sql.sql.replace(str(number + 10), str(number + 40))
        hostile.write_once(once, f"task-{number}", "notes")
    numbers = [number + 70 for number in range(len(BACKSLASHES))]
    hostile.load("notes", pa.table({"id": pa.array(numbers, pa.int32()), "note": BACKSLASHES}))
    hostile.load(
        "public.loaded",
        pa.table({"at": [dt.datetime(2024, 1, 2, tzinfo=dt.UTC)], "b": [b"\\\x00"]}),
    )
    for first in (10, 40, 70):
        found = rows(hostile, f"select note from notes where id between {first} and {first + 29}")
        assert [row["note"] for row in found] == BACKSLASHES
    assert rows(hostile, "select b, at::text as at from loaded") == [
        {"b": b"\\\x00", "at": "2024-01-02 00:00:00+00"}
    ]
    hostile.rows("drop table loaded", kind="write")


def test_values_cast_to_text_do_not_depend_on_the_defaults(hostile: Source) -> None:
    (row,) = rows(
        hostile,
        "select '2024-03-01'::date::text as d, '2024-03-01 12:00+00'::timestamptz::text as t, "
        "'1 day -02:03:04'::interval::text as i, '\\x0041'::bytea::text as b, "
        "0.1::float8 + 0.2 as f, (0.1::float8 + 0.2)::text as ft, '{a,NULL}'::text[] as a, "
        "(null = null) is null as n, extract(epoch from '2024-03-01'::timestamptz) as e",
    )
    assert row == {
        "d": "2024-03-01", "t": "2024-03-01 12:00:00+00", "i": "1 day -02:03:04", "b": "\\x0041",
        "f": 0.1 + 0.2, "ft": "0.30000000000000004", "a": ["a", None], "n": True,
        "e": 1709251200,
    }  # fmt: skip


def test_the_servers_timeout_of_idle_transactions_is_lifted(hostile: Source) -> None:
    """The Workbench has its own limit, and a transaction waits for other sources and for readers."""
    name = "idle_in_transaction_session_timeout"
    with plain(hostile) as there:
        assert there.execute(f"show {name}").fetchone() == ("2s",), "the default isn't in force"
    assert hostile.rows(f"select current_setting('{name}') as x") == [{"x": "0"}]


def test_a_write_by_a_read_only_login_names_the_setting(hostile: Source, postgres: Cluster) -> None:
    with postgres.connect() as owner:
        owner.execute("alter role hostile_place set default_transaction_read_only = on")
        connector = PostgresConnector(NetworkPolicy(allow_loopback=True))  # with new sessions
        with pytest.raises(Forbidden, match="default_transaction_read_only"):
            Source(connector, hostile.target).rows("insert into notes values (9)", kind="write")
        connector.close()
        owner.execute("alter role hostile_place reset default_transaction_read_only")


def test_browsing_does_not_depend_on_the_defaults(hostile: Source) -> None:
    with hostile.open(kind="browse") as session:
        assert [each.name for each in session.tables("public")].count("notes") == 1
        columns = session.columns("public", "notes")
        assert [(each.name, each.type) for each in columns] == [("id", "integer"), ("note", "text")]
    with hostile.open(kind="browse") as session:
        assert session.columns(None, "notes") == columns


def test_a_pooled_session_gets_the_settings_again(hostile: Source) -> None:
    for _ in range(3):
        assert rows(hostile, "select :x as x", x="\\") == [{"x": "\\"}]


def test_without_the_settings_the_defaults_change_results(
    hostile: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("IN_TRANSACTION", "VALUES"):
        monkeypatch.setattr(postgres_session, name, "SELECT 1")
    text = analyse("select :a as a, :b as b", "postgres", {"a": "\\", "b": ", 1 as b --"}).sql
    try:
        changed = hostile.rows(text) != [{"a": "\\", "b": ", 1 as b --"}]
    except WorkbenchError:
        changed = True
    assert changed

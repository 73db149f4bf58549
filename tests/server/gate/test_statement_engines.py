"""The good queries on real databases: the rendered text returns the same rows as the original."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg2
import pytest

from wb_server.gate.models import DialectName
from wb_server.gate.statement import RULES, analyse
from wb_server.kit.errors import Forbidden, InvalidInput

HERE = Path(__file__).parent
Rows = tuple[list[str], list[tuple[str, ...]]]
Run = Callable[[str], Rows]


def queries(dialect: str) -> list[str]:
    names = ("statement_good_both.sql", f"statement_good_{dialect}.sql")
    return [
        sql.strip() for name in names for sql in re.split(r"(?m)^---$", (HERE / name).read_text())
    ]


def writes() -> list[str]:
    lines = (HERE / "statement_writes.txt").read_text().splitlines()[1:]
    return [line.split(" | ")[0] for line in lines]


def cell(value: Any) -> str:
    return repr(bytes(value) if isinstance(value, memoryview) else value)


def rows(cursor: Any) -> Rows:
    names = [column[0] for column in cursor.description]
    return names, [tuple(cell(value) for value in row) for row in cursor.fetchall()]


def schema(dialect: str) -> str:
    names = ("statement_schema.sql", f"statement_schema_{dialect}.sql")
    return "".join((HERE / name).read_text() for name in names)


@pytest.fixture(scope="module")
def on_postgres(postgres_url: str) -> Iterator[Run]:
    connection = psycopg2.connect(postgres_url)
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS statement_engines CASCADE")
        cursor.execute("CREATE SCHEMA statement_engines")
        cursor.execute("SET search_path = statement_engines; SET TimeZone = 'UTC'")
        cursor.execute(schema("postgres"))
    connection.commit()

    def run(sql: str) -> Rows:
        try:
            with connection.cursor() as cursor:
                cursor.execute(sql)
                return rows(cursor) if cursor.description else ([], [])
        finally:
            connection.rollback()

    yield run
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA statement_engines CASCADE")
    connection.commit()
    connection.close()


@pytest.fixture(scope="module")
def on_duckdb() -> Iterator[Run]:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute(schema("duckdb"))
    yield lambda sql: rows(connection.execute(sql))
    connection.close()


@pytest.mark.parametrize("sql", queries("postgres"))
def test_postgres_returns_the_same_rows(on_postgres: Run, sql: str) -> None:
    sql = sql.replace("public.customers", "statement_engines.customers")
    assert on_postgres(analyse(sql, "postgres").sql) == on_postgres(sql)


@pytest.mark.parametrize("sql", queries("duckdb"))
def test_duckdb_returns_the_same_rows(on_duckdb: Run, sql: str) -> None:
    # DuckDB names a column without alias after the text of its expression, which may differ.
    assert on_duckdb(analyse(sql, "duckdb").sql)[1] == on_duckdb(sql)[1]


VALUES: list[Any] = [
    None,
    True,
    0,
    -(2**31),
    2**31,
    -(2**63),
    2**63 - 1,
    10**30,
    0.1,
    -1.5e-300,
    1.7976931348623157e308,
    Decimal("12.30"),
    Decimal("-0.001"),
    "it's",
    "back\\slash \\' \\n",
    "-- /* $$ ; :x %s \n ☃ 日本 \u0301 \U0001f600",
    "E'x'",
    "",
    dt.date(2026, 2, 28),
    dt.datetime(2026, 1, 2, 3, 4, 5, 678901),
    dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC),
    dt.time(1, 2, 3),
    b"\x00\xff'",
]


@pytest.mark.parametrize("dialect", ["postgres", "duckdb"])
@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_parameters_arrive_unchanged(
    dialect: DialectName, value: Any, request: pytest.FixtureRequest
) -> None:
    run: Run = request.getfixturevalue(f"on_{dialect}")
    aware = isinstance(value, dt.datetime) and value.tzinfo is not None
    sql = "SELECT CAST(:v AS varchar) AS v" if aware else "SELECT :v AS v"
    _, [(got,)] = run(analyse(sql, dialect, {"v": value}).sql)
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > 2**63:
        value = Decimal(value)
    assert got == ("'2026-01-02 03:04:05+00'" if aware else repr(value))


@pytest.mark.parametrize("write", writes())
def test_postgres_parses_the_rendered_writes(on_postgres: Run, write: str) -> None:
    """Only the grammar counts here: the tables don't exist."""
    try:
        on_postgres(analyse(write, "postgres").sql)
    except psycopg2.errors.SyntaxError:
        pytest.fail("the rendered text has a syntax error")
    except psycopg2.Error:
        pass


def test_every_function_on_duckdbs_list_is_built_in(on_duckdb: Run) -> None:
    """A name that DuckDB doesn't have could be a macro of a database file."""
    # Those of its schema main, which is searched before a file's; pg_catalog is searched after it.
    _, found = on_duckdb(
        "SELECT DISTINCT lower(function_name) FROM duckdb_functions() "
        "WHERE database_name = 'system' AND schema_name = 'main'"
    )
    own = {name.strip("'") for (name,) in found}
    rules = RULES["duckdb"]
    # DuckDB's grammar turns date(…) into a cast.
    grammar = rules.syntax_functions | rules.ordered_set_functions | {"date"}
    assert rules.functions | rules.table_functions <= own | grammar


def test_unlisted_views_of_duckdb_are_refused(on_duckdb: Run) -> None:
    """Including those of a new version, by each name that leads to them."""
    _, found = on_duckdb(
        "SELECT schema_name, view_name FROM duckdb_views() WHERE internal UNION "
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE internal"
    )
    views = {(schema.strip("'"), name.strip("'")) for schema, name in found}
    assert {("main", "duckdb_views"), ("main", "sqlite_master"), ("pg_catalog", "pg_class")} < views
    listed = RULES["duckdb"].system_tables
    for schema, name in views:
        names = [f"{schema}.{name}", f'"{schema.upper()}"."{name.upper()}"', f"system.{name}"]
        names += [name] if schema != "information_schema" else []
        if name in listed.get(schema, frozenset()):
            names = names[2:]
        for each in names:
            with pytest.raises(Forbidden) as caught:
                analyse(f"SELECT * FROM {each}", "duckdb")
            assert caught.value.code == "system_table_not_allowed", each


def test_unlisted_table_functions_of_duckdb_are_refused(on_duckdb: Run) -> None:
    _, found = on_duckdb(
        "SELECT DISTINCT function_name FROM duckdb_functions() "
        "WHERE function_type IN ('table', 'table_macro', 'pragma')"
    )
    rules = RULES["duckdb"]
    names = {name.strip("'") for (name,) in found} - rules.table_functions
    assert {"read_csv", "query", "query_table", "duckdb_settings", "glob"} < names
    for name in names:
        for sql in (f"FROM {name}('x')", f"FROM main.{name}()", f'SELECT "{name}"(1) FROM t'):
            if sql.startswith("SELECT") and name in rules.functions:
                continue  # also a scalar function of the same name
            with pytest.raises((Forbidden, InvalidInput)):
                analyse(sql, "duckdb")


# Added after version 15 of PostgreSQL.
NEWER = {
    "any_value",
    "array_reverse",
    "array_sample",
    "array_shuffle",
    "array_sort",
    "casefold",
    "crc32",
    "crc32c",
    "date_add",
    "date_subtract",
    "erf",
    "erfc",
    "json_agg_strict",
    "json_object_agg_strict",
    "json_object_agg_unique",
    "jsonb_agg_strict",
    "jsonb_object_agg_strict",
    "jsonb_object_agg_unique",
    "random_normal",
    "to_bin",
    "to_oct",
    "uuid_extract_timestamp",
    "uuid_extract_version",
    "uuidv4",
    "uuidv7",
    "xmltext",
}


def test_every_function_on_postgresqls_list_is_in_its_schema(on_postgres: Run) -> None:
    _, found = on_postgres(
        "SELECT proname FROM pg_proc WHERE pronamespace = 11 "
        "UNION SELECT typname FROM pg_type WHERE typnamespace = 11"  # a cast, written as a call
    )
    own = {name.strip("'") for (name,) in found}
    rules = RULES["postgres"]
    outside = rules.syntax_functions | rules.extension_functions
    listed = rules.functions | rules.table_functions | rules.write_functions
    assert listed - outside <= own | NEWER

"""MySQL behaves as MariaDB does: statements, settings, types, and attempts to get past the gate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pymysql
import pytest
from support.honest.corpus import corpus, judge
from support.honest.engines import on_mysql, schema_of
from support.mariadb import MariaDB
from support.smuggling.attempt import Attempt, attempts, harmed, interpolated
from support.smuggling.mysql import MysqlEngine, MysqlPlace
from support.source import Source, make_permit

from wb_server.connectors.base import Connector, Target
from wb_server.connectors.mysql.connector import MySQLConfig, MySQLConnector
from wb_server.gate.statement import analyse
from wb_server.kit.errors import Forbidden, WorkbenchError
from wb_server.kit.network import NetworkPolicy

# The maximum of statements that only MariaDB understands.
MARIADB_ONLY = 20
OTHER_TITLES = {"operators: NULL and truth"}  # MySQL names the columns of true and false as written


@pytest.fixture(scope="module")
def source(mysql: MariaDB) -> Iterator[Source]:
    connector = MySQLConnector(NetworkPolicy(allow_loopback=True))
    yield Source(connector, Target("m9", 1, MySQLConfig.model_validate(mysql.config())))
    connector.close()


def test_it_is_mysql(source: Source) -> None:
    with source.open(kind="browse") as session:
        version = session.server_version() or ""
    assert version.startswith("MySQL ")
    assert int(version.split()[1].split(".")[0]) >= 8


def test_honest_statements_answer_as_written(mysql: MariaDB) -> None:
    with on_mysql(mysql, schema_of("mysql"), mariadb=False) as engine:
        tally = judge(corpus("mysql"), "mysql", engine)
    print(f"rate: honest, MySQL: {tally.line()}; {len(tally.broken)} are MariaDB's alone")
    assert not tally.refused[False] + tally.refused[True]
    assert len(tally.broken) < MARIADB_ONLY, "\n".join(tally.broken)
    different = [it for it in tally.different if it.partition(": columns")[0] not in OTHER_TITLES]
    assert not different, "\n".join(different)


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("values row(1, 'a'), row(2, 'b')", [{"column_0": 1, "column_1": "a"},
                                             {"column_0": 2, "column_1": "b"}]),
        ("select any_value(a) as a, grouping(a) as g from (select 1 as a) t group by a with rollup",
         [{"a": 1, "g": 0}, {"a": None, "g": 1}]),
        ("select 3 member of ('[1, 3]') as m, json_overlaps('[1]', '[1, 2]') as o",
         [{"m": 1, "o": 1}]),
        ("select t.n, l.m from (select 2 as n) t, lateral (select t.n * 2 as m) l",
         [{"n": 2, "m": 4}]),
        ("select regexp_like('abc', 'B') as r, bin_to_uuid(uuid_to_bin("
         "'6ccd780c-baba-1026-9564-5b8c656024db')) as u",
         [{"r": 1, "u": "6ccd780c-baba-1026-9564-5b8c656024db"}]),
        ("select doc->'$.a' as a, doc->>'$.b' as b, upper(doc->>'$.b') as c from "
         "(select cast('{\"a\": [1], \"b\": \"x\"}' as json) as doc) t",
         [{"a": "[1]", "b": "x", "c": "X"}]),
    ],
)  # fmt: skip
def test_syntax_that_only_mysql_has(
    source: Source, sql: str, rows: list[dict[str, object]]
) -> None:
    assert source.rows(analyse(sql, "mysql").sql) == rows


def test_the_server_parses_strings_as_the_gate_does(source: Source, mysql: MariaDB) -> None:
    mysql.execute("set global sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES,PIPES_AS_CONCAT'")
    try:
        for value in ("\\", "\\'", "'\\", '"', "é\\", "縗'", "\\' or 1=1 -- "):
            text = analyse("select :x as x", "mysql", {"x": value}).sql
            assert source.rows(text) == [{"x": value}]
        many = "with recursive c as (select 1 as n union all select n + 1 from c where n < 3000) "
        assert len(source.rows(analyse(f"{many} select n from c", "mysql").sql)) == 3000
    finally:
        mysql.execute("set global sql_mode = default")


def test_a_stored_function_can_not_replace_a_built_in_one(source: Source, mysql: MariaDB) -> None:
    mysql.execute(
        "set global log_bin_trust_function_creators = 1",
        "create function md5(t text) returns varchar(20) deterministic return 'not a digest'",
    )
    try:
        statement = analyse("select md5('x') as d", "mysql")
        assert mysql.execute("select md5('x')") == (("not a digest",),), "it does no harm"
        permit = make_permit(statement.sql, connection_id=source.target.connection_id)
        session = source.connector.open(replace(permit, named=statement.named), source.target)
        with session, pytest.raises(Forbidden) as caught:
            session.run(timeout=10, max_write_rows=1)
        assert caught.value.code == "function_not_allowed"
    finally:
        mysql.execute("drop function md5")


def test_reads_write_nothing(source: Source, mysql: MariaDB) -> None:
    mysql.execute("create table if not exists kept (id int primary key)")
    for sql in ("insert into kept values (1)", "drop table kept", "select * from kept for update"):
        with pytest.raises(WorkbenchError):
            source.rows(sql)
    assert mysql.execute("select count(*) from kept") == ((0,),)


def test_loads_and_types(source: Source) -> None:
    table = pa.table({"id": pa.array([1, 2], pa.int32()), "note": ["a\\b", None]})
    source.load("loaded", table, "replace")
    assert source.rows("SELECT * FROM `loaded` ORDER BY `id`") == table.to_pylist()


def test_no_attempt_gets_through(source: Source, mysql: MariaDB, tmp_path: Path) -> None:
    """Each of MySQL's attempts is refused or harmless; most do harm without the gate."""
    mysql.execute("set global log_bin_trust_function_creators = 1")
    engine = MysqlEngine(mysql, tmp_path / "places", mariadb=False)
    wrong, harmful = [], 0
    tried = attempts("mysql")
    try:
        for attempt in tried:
            with engine.place() as place:
                wrong += _tried(source.connector, place, attempt.with_words(place.words))
                harmful += _harms(place, attempt.with_words(place.words))
    finally:
        engine.close()
    print(f"rate: attacks, MySQL: {len(tried)} tried, {harmful} harmful, {len(wrong)} get through")
    assert not wrong
    assert harmful > 0.7 * len(tried)


def _tried(connector: Connector, place: MysqlPlace, attempt: Attempt) -> list[str]:
    with suppress(pymysql.MySQLError):
        if attempt.before:
            place.prepare(attempt.before)
    before = place.state()
    answer = ""
    try:
        statement = analyse(attempt.sql, "mysql", attempt.params or None)
        if statement.kind == "write" and attempt.level == "use":
            return []
        permit = make_permit(statement.sql, kind=statement.kind, connection_id="")
        permit = replace(permit, named=statement.named, written=statement.written)
        target = Target("", 1, MySQLConfig.model_validate(place.config))
        with connector.open(permit, target) as session:
            batches = list(session.run(timeout=10, max_write_rows=10))
            answer = str([batch.to_pylist() for batch in batches])
    except WorkbenchError as error:
        answer = f"{error.message} {error.details}"
    if place.state() != before or any(secret in answer for secret in place.secrets):
        return [f"{attempt.technique}: {answer}"]
    return []


def _harms(place: MysqlPlace, attempt: Attempt) -> bool:
    before = place.state()
    seen = place.run_directly(interpolated(attempt.sql, attempt.params))
    if attempt.harm == "state":  # without waiting: MariaDB-only statements change nothing
        return place.state() != before
    return harmed(attempt, place, before, seen)

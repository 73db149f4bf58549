"""EXPLAIN: plans of checked statements, which write nothing and show no view's definition."""

from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest
from support.mariadb import MariaDB
from support.postgres import Cluster
from support.source import Source, make_permit

from wb_server.connectors.base import Target
from wb_server.connectors.postgres.connector import PostgresConfig
from wb_server.gate.dialects.tables import TableRef
from wb_server.gate.models import DialectName
from wb_server.gate.statement import analyse
from wb_server.kit.errors import Forbidden, WorkbenchError


def explain(source: Source, dialect: DialectName, sql: str) -> pa.Table:
    """The plan, read with a permit as the gate makes it."""
    statement = analyse(sql, dialect)
    assert statement.returns_rows
    permit = replace(
        make_permit(statement.sql, kind=statement.kind, connection_id=source.target.connection_id),
        tables=statement.tables,
        shows_texts=statement.shows_texts,
        dialect=dialect,
    )
    with source.connector.open(permit, source.target) as session:
        answer = session.run(timeout=30, max_write_rows=10)
        return pa.Table.from_batches(list(answer), answer.schema)


@pytest.mark.parametrize(
    ("dialect", "sql", "sent"),
    [
        ("postgres", "explain select 1", "EXPLAIN SELECT 1"),
        ("postgres", "Explain Analyse Verbose (select 1)", "EXPLAIN ANALYZE VERBOSE (SELECT 1)"),
        ("postgres", "explain (select 1) union select 2", "EXPLAIN (SELECT 1) UNION SELECT 2"),
        (
            "postgres",
            "-- why\nexplain (analyze, costs off, format 'json') table t",
            "EXPLAIN (ANALYZE, COSTS OFF, FORMAT JSON) SELECT * FROM t",
        ),
        ("postgres", "explain (analyze off) delete from t", "EXPLAIN (ANALYZE OFF) DELETE FROM t"),
        ("postgres", "explain insert into t values (1)", "EXPLAIN INSERT INTO t VALUES (1)"),
        ("mysql", "desc select a from t", "EXPLAIN SELECT `a` FROM `t`"),
        ("mysql", "explain format=json select a from t", "EXPLAIN FORMAT=JSON SELECT `a` FROM `t`"),
        ("mysql", "analyze format=json select a from t", "ANALYZE FORMAT=JSON SELECT `a` FROM `t`"),
        ("mysql", "explain extended update t set a = 1", "EXPLAIN UPDATE `t` SET `a` = 1"),
        ("duckdb", "explain select 1 as a", "EXPLAIN SELECT 1 AS a"),
        ("duckdb", "explain (format json) select 1 as a", "EXPLAIN (FORMAT JSON) SELECT 1 AS a"),
    ],
)
def test_explain_is_rendered_with_the_checked_statement(
    dialect: DialectName, sql: str, sent: str
) -> None:
    statement = analyse(sql, dialect)
    assert statement.sql == sent
    assert statement.returns_rows
    # MySQL plans no write in a read-only transaction, so that takes the right to write.
    takes_writing = dialect == "mysql" and "update" in sql
    assert statement.kind == ("write" if takes_writing else "read")
    assert bool(statement.written) == takes_writing


@pytest.mark.parametrize(
    ("dialect", "sql", "code"),
    [
        ("postgres", "explain analyze delete from t", "statement_not_allowed"),
        ("postgres", "explain (analyze true) delete from t", "statement_not_allowed"),
        ("postgres", "explain (verbose, analyse) delete from t", "statement_not_allowed"),
        ("postgres", "explain (analyze off, analyze on) delete from t", "statement_not_allowed"),
        ("postgres", "explain (settings) select 1", "statement_not_allowed"),
        ("postgres", "explain (wings) select 1", "bad_option"),
        ("postgres", "explain (analyze maybe) select 1", "bad_option"),
        ("postgres", "explain select pg_read_file('x')", "function_not_allowed"),
        ("postgres", "explain select * from pg_authid", "system_table_not_allowed"),
        ("postgres", "explain select 1; drop table t", "one_statement"),
        ("postgres", "explain create table u as select 1", "statement_not_allowed"),
        ("postgres", "explain explain select 1", "statement_not_allowed"),
        ("postgres", "explain execute x", "statement_not_allowed"),
        ("mysql", "analyze delete from t", "statement_not_allowed"),
        ("mysql", "explain analyze update t set a = 1", "statement_not_allowed"),
        ("mysql", "explain for connection 3", "statement_not_allowed"),
        ("duckdb", "explain analyze select 1", "statement_not_allowed"),
        ("duckdb", "explain (analyze, format json) select 1", "statement_not_allowed"),
        ("duckdb", "explain delete from t", "read_only_connection"),
        ("duckdb", "explain pragma database_list", "statement_not_allowed"),
    ],
)
def test_explain_of_other_statements_is_refused(dialect: DialectName, sql: str, code: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        analyse(sql, dialect)
    assert caught.value.code == code


def test_error_positions_refer_to_the_whole_text() -> None:
    with pytest.raises(WorkbenchError) as caught:
        analyse("explain\n  select )", "postgres")
    assert caught.value.details["line"] == 2


def test_the_tables_are_those_of_the_statement() -> None:
    statement = analyse("explain insert into a select * from b", "postgres", limit=5)
    assert statement.tables == (TableRef(None, None, "a"), TableRef(None, None, "b"))
    assert "LIMIT" not in analyse("explain select * from b", "postgres", limit=5).sql


TABLES = """
create table plain (id int primary key, note text);
insert into plain values (1, 'a'), (2, 'b');
create view telling as select * from plain where note <> 's3cret';
create table guarded (id int);
alter table guarded enable row level security;
alter table guarded force row level security;
create role reads_plans login password 'x';
grant select on all tables in schema public to reads_plans;
create table parted (id int) partition by list (id);
create table part_1 partition of parted for values in (1);
"""


def test_postgres_shows_plans_but_no_hidden_definitions(source: Source, postgres: Cluster) -> None:
    with postgres.connect() as direct:
        direct.execute(TABLES)
        try:
            plan = explain(source, "postgres", "explain select * from plain where note = 'a'")
            assert plan.column_names == ["QUERY PLAN"]
            assert "Seq Scan on plain" in str(plan.to_pylist())
            assert "Insert on plain" in str(
                explain(source, "postgres", "explain insert into plain values (3)").to_pylist()
            )
            ran = explain(source, "postgres", "explain (analyze, format json) select 1 from plain")
            assert "Actual Rows" in str(ran.to_pylist())
            explain(source, "postgres", "explain select * from parted")
            explain(source, "postgres", "explain select * from guarded")  # its owner sees all
            with pytest.raises(Forbidden) as caught:
                explain(source, "postgres", "explain select id from public.telling")
            assert caught.value.code == "explain_not_allowed"
            config = PostgresConfig.model_validate(
                postgres.config(user="reads_plans", password="x")
            )
            reader = Source(source.connector, Target("c2", 1, config))
            explain(reader, "postgres", "explain select * from plain")
            with pytest.raises(Forbidden) as caught:
                explain(reader, "postgres", "explain select * from guarded")
            assert caught.value.code == "explain_not_allowed"
            assert direct.execute("select count(*) from plain").fetchone() == (2,)
        finally:
            direct.execute(
                "drop view telling; drop table plain, guarded, parted; "
                "drop owned by reads_plans; drop role reads_plans"
            )


def test_mysql_shows_plans_but_no_hidden_definitions(
    source_mysql: Source, mariadb: MariaDB
) -> None:
    mariadb.execute("create table plain (id int primary key, note varchar(9))")
    mariadb.execute("insert into plain values (1, 'a'), (2, 'b')")
    mariadb.execute("create view telling as select * from plain where note <> 's3cret'")
    try:
        plan = explain(source_mysql, "mysql", "explain select * from plain where id = 1")
        assert plan.to_pylist()[0]["table"] == "plain"
        assert explain(source_mysql, "mysql", "explain update plain set note = 'c'").num_rows == 1
        ran = explain(source_mysql, "mysql", "analyze format=json select * from plain")
        assert "r_rows" in str(ran.to_pylist())
        hidden = explain(source_mysql, "mysql", "explain select * from telling")
        assert "s3cret" not in str(hidden.to_pylist())
        for words in ("explain format=json", "analyze format=json", "analyze"):
            with pytest.raises(Forbidden) as caught:
                explain(source_mysql, "mysql", f"{words} select id from telling")
            assert caught.value.code == "explain_not_allowed"
        assert mariadb.execute("select note from plain") == (("a",), ("b",))
    finally:
        mariadb.execute("drop view telling", "drop table plain")

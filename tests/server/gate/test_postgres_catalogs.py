"""The catalog shows the layout of the data, and neither roles nor values nor passwords."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from support.postgres import Cluster
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.postgres.connector import PostgresConfig, PostgresConnector
from wb_server.gate import statement
from wb_server.gate.dialects.catalogs import VIEWS
from wb_server.gate.dialects.postgres.dialect import RULES
from wb_server.gate.statement import analyse
from wb_server.kit.errors import WorkbenchError

ROLE = "canary_keeper"
VALUE = "canary_value"
# Columns that only some versions have; they are left out.
SOMETIMES = {
    "attcacheoff", "attcompression", "attstattarget", "typsubscript", "relhasoids", "relallfrozen",
}  # fmt: skip
# Each reveals the role or the value when it is sent directly.
ATTACKS = [
    "select tableowner from pg_tables",
    "select * from pg_tables",
    "select t.* from pg_catalog.pg_tables t",
    "select t from pg_tables t",
    "select pg_tables from pg_tables",
    "select (t).tableowner from pg_tables t",
    "select (t).* from pg_tables t",
    "select row_to_json(t) from pg_tables t",
    "select to_jsonb(t) ->> 'tableowner' from pg_tables t",
    "select string_agg(t.tableowner, ',') from pg_tables t",
    "select x.c from pg_tables as x(a, b, c)",
    "select min(c) from (select * from pg_tables) as x(a, b, c)",
    "with x(a, b, c) as (select * from pg_tables) select distinct c from x",
    "with x as (table pg_tables) select * from x",
    "table pg_tables",
    "select s.* from (pg_tables t join pg_class c on c.relname = t.tablename) as s",
    "select * from (select t from pg_tables t) s",
    "select (s.t).tableowner from (select t from pg_tables t) s",
    "select array_agg(t) from pg_tables t",
    "select concat(t) from pg_tables t",
    "select tableowner from pg_class, lateral (select * from pg_tables) t",
    "select tableowner from (values ('canary_keeper')) v(tableowner) join pg_tables using (tableowner)",
    "select 'canary_keeper' where exists (select 1 from pg_tables where tableowner like 'canary%')",
    "select 'canary_keeper' from pg_tables group by tableowner having tableowner like 'canary%'",
    "select tablename from pg_tables union select tableowner from pg_tables",
    'select "tableowner" from "pg_catalog"."pg_tables"',
    "select TableOwner from PG_Tables",
    "select pg_catalog.pg_tables.tableowner from pg_catalog.pg_tables",
    "select array_to_string(relacl, ',') from pg_class",
    "select relacl::text from pg_class",
    "select c::text from pg_class c",
    "select row_to_json(c)::text from pg_class c",
    "select nspacl::text from pg_namespace",
    "select n::text from pg_namespace n",
    "select x.b::text from pg_namespace as x(d, a, c, b)",
    "select attacl::text from pg_attribute",
    "select typacl::text from pg_type",
    "select schema_owner from information_schema.schemata",
    "select s::text from information_schema.schemata s",
    "select attmissingval::text from pg_attribute",
    "select a::text from pg_attribute a where attname = 'added'",
    "select unnest(attmissingval::text::text[]) from pg_attribute",
    "select matviewowner from pg_matviews",
    "select definition from pg_matviews",
    "select m::text from pg_matviews m",
    "select sequenceowner from pg_sequences",
    "select s::text from pg_sequences s",
    "select (relowner::regrole)::text from pg_class",
    "select relowner::oid::regrole::text from pg_class",
    "select (relowner).regrole::text from pg_class",
    "select (c.relowner).pg_get_userbyid from pg_class c",
    "select pg_get_userbyid(relowner) from pg_class",
    "select grantee from information_schema.table_privileges",
    "select rolname from pg_roles",
]
WRITES = [
    "create table public.stolen as select * from pg_tables",
    "create view public.stolen as select * from pg_tables",
    "insert into public.notes select 1, tableowner from pg_tables",
    "insert into public.notes select 1, t::text from pg_tables t",
    "update public.notes set note = t.tableowner from pg_tables t",
    "update public.notes set note = t::text from pg_tables t returning note",
    "delete from public.notes using pg_tables t where t.tableowner like 'canary%'",
]
HONEST = [
    "select tablename from pg_tables where schemaname = 'kept'",
    "select * from pg_tables",
    "select * from information_schema.columns where table_name = 'notes'",
    "select * from information_schema.tables",
    "select * from information_schema.schemata",
    "select n.nspname, c.relname, a.attname, t.typname from pg_class c join pg_namespace n "
    "on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid join pg_type t "
    "on t.oid = a.atttypid where c.relname = 'notes' and a.attnum > 0 order by a.attnum",
    "select pg_catalog.pg_class.relname from pg_catalog.pg_class where pg_class.relkind = 'r'",
    "select count(*), relkind from pg_class group by relkind",
    "with pg_tables as (select 1 as x) select x from pg_tables",
    "select indexname, indexdef from pg_indexes",
    "select * from pg_sequences",
    "select m.matviewname from pg_matviews m",
    "select current_user, user, current_role, current_catalog, current_schema",
    "select version(), current_database(), current_schema()",
    "select upper(current_user::text) as me where current_user is not null",
]


# Without the closed columns these would refer to other columns and silently change their answer.
BY_POSITION = [
    "select x.c from pg_tables as x(a, b, c)",
    "select min(c) from (select * from pg_tables) as x(a, b, c)",
    "with x(a, b, c) as (select * from pg_tables) select distinct c from x",
    "with x(a, b, c) as (table pg_tables) select distinct c from x",
    "select count(*) from pg_tables natural join pg_matviews",
]
BY_NAME = [
    "select x.b from (select schemaname, tablename from pg_tables) as x(a, b)",
    "select count(*) from pg_tables join pg_indexes using (schemaname)",
    "select v.a from (values (1, 2)) v(a, b), pg_tables",
]


@pytest.mark.parametrize("sql", BY_POSITION)
def test_columns_by_position_are_refused(sql: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        analyse(sql, "postgres")
    assert caught.value.code == "syntax_not_allowed"


@pytest.mark.parametrize("sql", BY_NAME)
def test_columns_by_name_are_allowed(sql: str) -> None:
    assert analyse(sql, "postgres").kind == "read"


@pytest.fixture(scope="module")
def direct(postgres: Cluster) -> Iterator[psycopg.Connection]:
    """A database whose objects belong to a role whose name must stay hidden."""
    with postgres.connect() as owner:
        owner.execute("create database kept")
        owner.execute(f"create role {ROLE}")
    with psycopg.connect(postgres.url, dbname="kept", autocommit=True) as there:
        there.execute(
            f"""
            create schema kept authorization {ROLE};
            grant all on schema public to {ROLE};
            create table public.notes (id int, note text);
            insert into public.notes values (1, 'n');
            grant select on public.notes to {ROLE};
            grant select (note) on public.notes to {ROLE};
            alter table public.notes add column added text default '{VALUE}';
            set role {ROLE};
            create table kept.things (id int primary key, tableowner text);
            create sequence kept.numbers;
            create materialized view kept.seen as select '{VALUE}'::text as v;
            create type kept.kind as enum ('a');
            grant usage on type kept.kind to public;
            reset role;
            """
        )
        yield there
    with postgres.connect() as owner:
        owner.execute("drop database kept with (force)")
        owner.execute(f"drop role {ROLE}")


@pytest.fixture
def gated(
    postgres: Cluster, direct: psycopg.Connection, postgres_connector: PostgresConnector
) -> Source:
    """That database, through the connector."""
    config = PostgresConfig.model_validate(postgres.config(database="kept"))
    return Source(postgres_connector, Target("c1", 1, config))


def direct_answer(there: psycopg.Connection, sql: str) -> str:
    result = there.pgconn.exec_(sql.encode())
    return result.error_message.decode() + " ".join(
        (result.get_value(row, column) or b"").decode()
        for row in range(result.ntuples)
        for column in range(result.nfields)
    )


def test_reads_reveal_no_role_and_no_value(gated: Source, direct: psycopg.Connection) -> None:
    wrong = []
    for sql in ATTACKS:
        if leaked(gated, sql):
            wrong.append(("leaks", sql))
        unchecked = direct_answer(direct, sql)
        if ROLE not in unchecked and VALUE not in unchecked:
            wrong.append((f"harmless when sent directly: {unchecked[:200]}", sql))
    assert not wrong, "\n".join(map(str, wrong))


def test_writes_reveal_no_role(gated: Source, direct: psycopg.Connection) -> None:
    wrong = []
    for sql in WRITES:
        try:
            answer = str(gated.rows(analyse(sql, "postgres").sql, kind="write"))
        except WorkbenchError as error:
            answer = error.message
        seen = direct_answer(direct, "select n::text from public.notes n")
        stolen = ""
        if sql.startswith("create"):
            stolen = direct_answer(direct, "select s::text from public.stolen s")
            direct.execute(f"drop {sql.split()[1]} if exists public.stolen")
        if ROLE in f"{answer} {seen} {stolen}":
            wrong.append((answer, sql))
    assert not wrong, wrong


def test_the_layout_is_visible(gated: Source) -> None:
    wrong = []
    for sql in HONEST:
        try:
            assert gated.table(analyse(sql, "postgres").sql).num_columns
        except WorkbenchError as error:
            wrong.append((f"{error.code}: {error.message}", sql))
    assert not wrong, wrong


def test_a_closed_column_is_refused_with_the_reason() -> None:
    with pytest.raises(WorkbenchError) as caught:
        analyse("select tableowner from pg_tables", "postgres")
    assert caught.value.code == "system_column_not_allowed"
    assert "it names roles" in caught.value.message
    assert "schemaname, tablename" in caught.value.message


def test_every_column_of_the_catalog_is_classified(direct: psycopg.Connection) -> None:
    """No column that may name roles or hold values is open, and each closed one exists."""
    for schema, names in RULES.system_tables.items():
        for name in names:
            found = direct.execute(
                "select attname::text, format_type(atttypid, null) from pg_attribute "
                "where attrelid = %s::regclass and attnum > 0 and not attisdropped",
                (f"{schema}.{name}",),
            ).fetchall()
            columns = dict(found)
            assert columns, name
            view = VIEWS.get((schema, name))
            for column, kind in columns.items():
                suspect = kind in ("aclitem[]", "anyarray", "regrole") or (
                    column.endswith("owner") and kind != "oid"
                )
                open_ = view is None or column in view.columns
                assert not (suspect and open_), f"{name}.{column}"
                if view is not None:
                    assert column in {*view.columns, *view.closed, *SOMETIMES}, f"{name}.{column}"
            if view is not None:
                assert set(view.columns) | set(view.closed) <= set(columns)


def test_the_attacks_detect_a_missing_defence(
    gated: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leaks() -> bool:
        statement._analyse_plain.cache_clear()
        return any(leaked(gated, sql) for sql in ATTACKS)

    assert not leaks()
    monkeypatch.setattr(statement, "with_open_columns", lambda tree, rules: None)
    assert not leaks(), "what isn't a subquery is refused"
    monkeypatch.setattr(statement, "require_open_columns", lambda tree, rules: None)
    monkeypatch.setattr(statement, "require_schema", lambda table, rules: None)
    assert leaks(), "no attack notices"
    monkeypatch.undo()
    assert not leaks()


def leaked(source: Source, sql: str) -> bool:
    try:
        answer = str(source.rows(analyse(sql, "postgres").sql))
    except WorkbenchError as error:
        answer = f"{error.message} {error.details}"
    return ROLE in answer or VALUE in answer

"""A database's own code that a read would run: casts, operators, orderings and domains.

Each world is created in the schema ``w`` of one database. Its attacks call the code when the same
login sends them directly; through the gate and the connector they are refused. Its honest statements
are answered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
import pytest
from support.postgres import Cluster
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.postgres import shadows
from wb_server.connectors.postgres.connector import PostgresConfig, PostgresConnector
from wb_server.gate.statement import analyse
from wb_server.kit.errors import WorkbenchError

TABLES = """
create schema w;
create type w.mood as enum ('sad', 'ok');
create table w.diary (id int, mood w.mood, moods w.mood[], note text);
insert into w.diary values (1, 'ok', '{ok}', 'n'), (2, 'sad', '{sad}', 'm');
create table w.plain (id int, name varchar, body jsonb, at date);
insert into w.plain values (1, 'Ada', '{"a": 1}', '2024-01-01');
create view w.seen as select id, mood from w.diary;
"""
PLAIN = [
    "select 1",
    "select id, name from plain where name = 'Ada' and id in (1, 2)",
    "select name || name, id::text, case id when 1 then 'a' end from plain",
    "select distinct name from plain order by name",
    "select row_to_json(p), p.id from plain p",
    "select (jsonb_populate_record(p, '{\"id\": 2}')).id from plain p",
    "select nullif(id, 2), id between 0 and 5, name like 'A%' from plain",
]
DIARY = ["select id from diary", "select mood, d.moods from diary d"]
# Columns of types that have no code of their own.
OTHERS = [
    "select id, note from diary where note = 'n' and id in (1, 2)",
    "select count(*), note || 'x' from diary d group by d.note order by note",
    "select s.id from (select id from seen) s",
]


@dataclass(frozen=True)
class World:
    """Objects of a database, statements that would run their code, and statements that wouldn't."""

    setup: str
    attacks: list[str]
    honest: list[str]


def _function(name: str, arguments: str, returns: str) -> str:
    return (
        f"create function w.{name}({arguments}) returns {returns} volatile language plpgsql as "
        "$$ begin raise exception 'was called'; end $$;"
    )


WORLDS = {
    "equals of an enum": World(
        _function("same", "a w.mood, b w.mood", "boolean")
        + "create operator w.= (leftarg = w.mood, rightarg = w.mood, function = w.same);",
        [
            "select id from diary where mood = 'ok'",
            "select id from diary where mood in ('ok', 'sad')",
            "select id from seen where mood in ('ok', 'sad')",
            "select id from w.diary where not mood in ('ok', 'sad')",
            "select case mood when 'ok' then 1 end from diary",
            "select mood is distinct from 'ok' from diary",
            "select mood is not distinct from 'ok' from diary",
            "select nullif(mood, 'ok') from diary",
            "select 1 from diary a join diary b using (mood)",
            "select 1 from diary a natural join seen b",
            "select 'ok' = any (moods) from diary",
            "select mood = all (moods) from diary",
            "select 1 from diary where mood in (select mood from seen)",
            "select s.m = 'ok' from (select moods[1] as m from diary) s",
            "with s as (select mood from diary) select 1 from s where mood = 'ok'",
            "select 1 from plain where exists (select 1 from diary where mood = 'ok')",
        ],
        [*PLAIN, *DIARY, "select mood from diary order by mood"],
    ),
    "an implicit cast of an enum": World(
        _function("mood_text", "a w.mood", "text")
        + "create cast (w.mood as text) with function w.mood_text(w.mood) as implicit;",
        [
            "select mood::text from diary",
            "select upper(mood) from diary",
            "select moods::text[] from diary",
            "select coalesce(mood::text, note) from diary",
            "select mood::text from seen",
            "select s.m::text from seen as s(i, m)",
            "select m::text from diary as s(i, m)",
            "select s.m::text from (select * from diary) as s(i, m)",
            "with s(i, m) as (select * from diary) select m::text from s",
            "with s(m) as (select mood from diary) select m::text from s",
            "with s(i, m) as (table diary) select upper(m) from s",
            "select upper((d).mood) from diary d",
            "select upper(x.mood) from (select d from diary d) s, lateral (select (s.d).*) x",
        ],
        [*PLAIN, *OTHERS],
    ),
    "a cast of an enum, as JSON": World(
        _function("mood_json", "a w.mood", "json")
        + "create cast (w.mood as json) with function w.mood_json(w.mood);",
        [
            "select to_json(mood) from diary",
            "select row_to_json(d) from diary d",
            "select json_agg(mood) from diary",
            "select json_build_object('a', mood) from diary",
            "select to_jsonb(d) from diary d",
            "select to_json(moods) from diary",
            "select d.to_json from diary d",
            "select d.row_to_json from diary d",
            "select d.json_agg from diary d",
            "select s.to_jsonb from (select mood from diary) s",
            "select (d).to_json from diary d",
            "select (d.mood).to_json from diary d",
            "select to_jsonb(s) from (select mood from diary) s",
        ],
        [*PLAIN, *OTHERS],
    ),
    "a cast of rows to text": World(
        _function("row_text", "a w.diary", "text")
        + "create cast (w.diary as text) with function w.row_text(w.diary);",
        [
            "select d::text from diary d",
            "select quote_literal(d) from diary d",
            "select d.quote_literal from diary d",
            "select d.quote_nullable from diary d",
            "select array[d]::text[] from diary d",
        ],
        [*PLAIN, *OTHERS],
    ),
    "an implicit cast of rows to text": World(
        _function("row_text", "a w.diary", "text")
        + "create cast (w.diary as text) with function w.row_text(w.diary) as implicit;",
        [
            "select d.initcap from diary d",
            "select d.length from diary d",
            "select upper(d) from diary d",
        ],
        [*PLAIN, *OTHERS],
    ),
    "casts between PostgreSQL's own types": World(
        _function("a_date", "a int", "date")
        + "create cast (int as date) with function w.a_date(int);",
        ["select 5::date", "select cast(id as date) from plain"],
        [],
    ),
    "a cast that would silence the question": World(
        _function("a_number", "a text", "int")
        + "create cast (text as int) with function w.a_number(text);"
        + _function("joined", "a varchar, b varchar", "text")
        + "create operator w.|| (leftarg = varchar, rightarg = varchar, function = w.joined);",
        ["select '5'::text::int", "select name || name from plain"],
        [],
    ),
    "casts by input and output": World(
        "create cast (varchar as w.mood) with inout as implicit;"
        "create cast (w.mood as varchar) with inout as implicit;"
        "create cast (varchar as int) with inout as implicit;",
        [],
        [
            *PLAIN,
            *DIARY,
        ],
    ),
    "a domain whose check calls a function": World(
        _function("checked", "a text", "boolean") + "create domain w.checked_text as text;"
        "create table w.checks (id int, d w.checked_text, many w.checked_text[]);"
        "create type w.pair as (a int, d w.checked_text);"
        "create table w.pairs (id int, p w.pair);"
        "insert into w.checks values (1, 'a', '{b}');"
        "insert into w.pairs values (1, row(1, 'x'));"
        "alter domain w.checked_text add check (w.checked(value)) not valid;",
        [
            'select jsonb_populate_record(c, \'{"d": "x"}\') from checks c',
            'select json_populate_record(c, \'{"d": "x"}\') from checks c',
            'select (jsonb_populate_record(c, \'{"d": "x"}\')).d from checks c',
            'select r.d from checks c, jsonb_populate_recordset(c, \'[{"d": "x"}]\') r',
            'select jsonb_populate_record(p.p, \'{"d": "x"}\') from pairs p',
            "select many = '{b}' from checks",
            "select many @> '{b}' from checks",
            "select array_append(many, 'x') from checks",
            "select coalesce(many, '{x}') from checks",
            "select many from checks union all select '{x}'",
            "select lag(d, 1, 'z') over () from checks",
            "select case when true then p else '(1,x)' end from pairs",
            "select (case when true then c else '(1,x,{x})' end).id from checks c",
            "select (coalesce(c, '(1,x,{x})')).id from checks c",
            "select p from pairs union all select '(1,x)'",
            "select s.m = '{b}' from (select many as m from checks) s",
        ],
        [
            *PLAIN,
            "select id, d from checks where d = 'a'",
            "select coalesce(d, 'b'), d || 'x', upper(d) from checks",
            "select to_jsonb(c) from checks c",
            "select (p).d from pairs where (p).a = 1",
            "select d from checks where d in ('a', 'b')",
            "select many, many[1] from checks",
            "select c.d, row_to_json(c) from checks c",
        ],
    ),
    "a domain whose check calls PostgreSQL's own": World(
        "create domain w.email as text check (value ~ '@' and length(value) < 200);"
        "create table w.people (id int, mail w.email); insert into w.people values (1, 'a@b');",
        [],
        [
            'select (jsonb_populate_record(p, \'{"mail": "x@y"}\')).mail from people p',
            "select lag(mail, 1, 'a@b') over () from people",
        ],
    ),
    "an ordering of an enum": World(
        _function("compare", "a w.mood, b w.mood", "int")
        + "".join(
            _function(f"op{number}", "a w.mood, b w.mood", "boolean")
            + f"create operator w.{sign} (leftarg = w.mood, rightarg = w.mood, "
            f"function = w.op{number});"
            for number, sign in enumerate(("<", "<=", "=", ">=", ">"))
        )
        + "create operator class w.moods default for type w.mood using btree as "
        "operator 1 w.<, operator 2 w.<=, operator 3 w.=, operator 4 w.>=, operator 5 w.>, "
        "function 1 w.compare(w.mood, w.mood);",
        [
            "select mood from diary order by mood",
            "select distinct mood from diary",
            "select mood, count(*) from diary group by mood",
            "select mood from diary union select mood from diary",
            "select greatest(mood, 'ok') from diary",
            "select array_agg(mood order by mood) from diary",
            "select rank() over (order by mood) from diary",
            "select a.moods < b.moods from diary a, diary b",
            "select row(mood, id) < row(mood, id) from diary",
        ],
        [*PLAIN, *OTHERS],
    ),
    "operators of a type that a script created": World(
        "create type w.version as (major int, minor int);"
        "create table w.releases (id int, v w.version);"
        "insert into w.releases values (1, row(1, 2));"
        + _function("older", "a w.version, b w.version", "boolean")
        + "create operator w.<# (leftarg = w.version, rightarg = w.version, function = w.older);",
        [],
        [
            *PLAIN,
            *DIARY,
            "select id, (v).major from releases order by v",
            "select v <> v from releases",
        ],
    ),
    "an operator of any types": World(
        _function("any_join", "a anyelement, b anyelement", "text")
        + "create operator w.|| (leftarg = anyelement, rightarg = anyelement, "
        "function = w.any_join);",
        ["select id || id from plain"],
        ["select id from plain where id in (1, 2)"],
    ),
    "extensions": World(
        "create extension citext schema w; create extension hstore schema w;"
        "create extension ltree schema w; create extension isn schema w;"
        "create extension cube schema w; create extension intarray schema w;"
        "create extension btree_gist schema w; create extension pg_trgm schema w;"
        "create table w.extended (id int, mail w.citext, h w.hstore, l w.ltree, hstore text);"
        "create domain w.email as w.citext check (value ~ '@');"
        "create table w.mails (mail w.email);"
        "insert into w.mails values ('A@b');"
        "insert into w.extended values (1, 'Ada', 'a=>1', 'a.b', 'x');",
        [],
        [
            *PLAIN,
            *DIARY,
            "select e.mail::text, e.h::text, e.hstore, e.l::text from extended e where mail = 'ada'",
            "select distinct mail::text from extended where mail in ('ada', 'b')",
            "select mail::text, count(*) from extended group by mail order by mail",
            "select row_to_json(e)::text from extended e",
            "select mail::text from mails where mail = 'a@b'",
            'select jsonb_populate_record(m, \'{"mail": "x@y"}\')::text from mails m',
            "select case mail when 'ada' then 1 end from extended",
        ],
    ),
}


@pytest.fixture(scope="module")
def direct(postgres: Cluster) -> Iterator[psycopg.Connection]:
    """A database for the worlds, with ``w`` on its search path."""
    with postgres.connect() as owner:
        owner.execute("create database coded")
        owner.execute("alter database coded set search_path = w, public")
    with psycopg.connect(postgres.url, dbname="coded", autocommit=True) as connection:
        yield connection
    with postgres.connect() as owner:
        owner.execute("drop database coded with (force)")


@pytest.fixture
def gated(
    postgres: Cluster, direct: psycopg.Connection, postgres_connector: PostgresConnector
) -> Source:
    """That database, through the connector."""
    config = PostgresConfig.model_validate(postgres.config(database="coded"))
    return Source(postgres_connector, Target("k1", 1, config))


def outcome(source: Source, sql: str) -> str:
    """The outcome of a statement: the error's code, ``ok``, or ``called``."""
    try:
        source.rows(analyse(sql, "postgres").sql)
    except WorkbenchError as error:
        return "called" if error.code == "source_raised" else error.code
    return "ok"


def direct_error(direct: psycopg.Connection, sql: str) -> str:
    return direct.pgconn.exec_(sql.encode()).error_message.decode()


def found_briefly(direct: psycopg.Connection, sql: str) -> bool:
    """True if the brief question notices what the others refuse, or isn't asked at all."""
    try:
        it = analyse(sql, "postgres")
    except WorkbenchError:
        return True  # the gate refuses it first
    check = shadows.quick_check(it.named, it.sql, brief=True)
    return not shadows.is_plain(it.named) or shadows.found(direct_error(direct, check)) == [""]


REFUSED = {
    "cast_not_allowed", "operator_not_allowed", "type_not_allowed", "function_not_allowed",
}  # fmt: skip


@pytest.mark.parametrize("name", WORLDS)
def test_a_databases_own_code_does_not_run(
    gated: Source, direct: psycopg.Connection, name: str
) -> None:
    world = WORLDS[name]
    wrong = []
    try:
        direct.execute(TABLES)
        direct.execute(world.setup)
        for sql in world.attacks:
            code = outcome(gated, sql)
            if code not in REFUSED:
                wrong.append((code, sql))
            error = direct_error(direct, sql)
            if "was called" not in error:
                wrong.append((error or "harmless when sent directly", sql))
            if not found_briefly(direct, sql):
                wrong.append(("the brief question doesn't find it", sql))
        for sql in world.honest:
            code = outcome(gated, sql)
            if code != "ok":
                wrong.append((code, sql))
    finally:
        direct.execute("drop schema if exists w cascade; drop cast if exists (varchar as int)")
    assert not wrong, "\n".join(map(str, wrong))


NOTHING = "SELECT NULL WHERE false"
MUTANTS = {
    "casts": ("a cast of an enum, as JSON", "CASTS", NOTHING),
    "operators": ("equals of an enum", "OPERATORS", NOTHING),
    "orderings": ("an ordering of an enum", "ORDERINGS", NOTHING),
    "domains": ("a domain whose check calls a function", "DOMAINS", NOTHING),
    "words that call operators": ("equals of an enum", "_BY_WORD", {"in": ()}),
    "types of tables": (
        "an implicit cast of an enum", "REACH", shadows.REACH.replace("a.atttypid", "'0'"),
    ),
    "elements and fields": (
        "a domain whose check calls a function", "REACH",
        shadows.REACH.replace("t.typelem, true", "t.typelem, false"),
    ),
    "rows": (
        "a cast of rows to text", "REACH",
        shadows.REACH.replace("SELECT c.reltype, NULL::pg_catalog.bool", "SELECT NULL, NULL"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_the_attacks_detect_a_missing_defence(
    gated: Source, direct: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    world, what, instead = MUTANTS[name]
    assert instead != getattr(shadows, what)
    monkeypatch.setattr(shadows, what, instead)
    if what == "_BY_WORD":
        monkeypatch.setattr(shadows, "_WORDS", re.compile("nowhere"))
    try:
        direct.execute(TABLES)
        direct.execute(WORLDS[world].setup)
        codes = {outcome(gated, sql) for sql in WORLDS[world].attacks}
        assert "called" in codes, "no attack notices"
    finally:
        direct.execute("drop schema if exists w cascade")


def test_the_brief_question_finds_nothing_in_a_plain_database(direct: psycopg.Connection) -> None:
    try:
        direct.execute(TABLES)
        assert [sql for sql in (*PLAIN, *DIARY, *OTHERS) if found_briefly(direct, sql)] == []
    finally:
        direct.execute("drop schema if exists w cascade")


def test_an_unanswered_question_stops_the_statement(
    gated: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shadows, "quick_check", lambda named, sql, brief: "SELECT 1 WHERE false")
    with pytest.raises(WorkbenchError) as caught:
        gated.value("select 1 as x")
    assert caught.value.code == "not_looked"


def test_a_domain_whose_check_reads_a_file_is_refused(
    gated: Source, direct: psycopg.Connection
) -> None:
    direct.execute(TABLES)
    try:
        direct.execute(
            "create domain w.file as text; create table w.files (id int, f w.file, many w.file[]);"
            "insert into w.files values (1, 'a', '{a}');"
            "alter domain w.file add check (pg_read_file(value) is not null) not valid"
        )
        for sql in (
            'select (jsonb_populate_record(f, \'{"f": "PG_VERSION"}\')).id from files f',
            "select many = '{PG_VERSION}' from files",
        ):
            assert outcome(gated, sql) == "type_not_allowed"
        assert outcome(gated, "select id, f from files where f = 'a'") == "ok"
    finally:
        direct.execute("drop schema w cascade")


def test_browsing_calls_no_user_defined_operator(gated: Source, direct: psycopg.Connection) -> None:
    direct.execute(TABLES)
    try:
        for sign, kinds in {"=": ("name, text", "oid, int"), "!~": ("name, name",)}.items():
            for kind in kinds:
                left, right = kind.split(", ")
                direct.execute(
                    f"create function w.f(a {left}, b {right}) returns boolean language plpgsql as "
                    "$$ begin raise exception 'was called'; end $$;"
                    f"create operator w.{sign} (leftarg = {left}, rightarg = {right}, function = w.f)"
                )
        for schema in (None, "w"):
            with gated.open(kind="browse") as session:
                names = [column.name for column in session.columns(schema, "plain")]
            assert names == ["id", "name", "body", "at"]
    finally:
        direct.execute("drop schema w cascade")


def test_a_row_cast_to_text_calls_no_function_of_postgresql(
    gated: Source, direct: psycopg.Connection
) -> None:
    direct.execute(TABLES)
    try:
        direct.execute("create cast (w.plain as text) with inout as implicit")
        sql = "select p.pg_size_bytes from plain p"
        assert b"invalid size" in direct.pgconn.exec_(sql.encode()).error_message
        assert outcome(gated, sql) == "function_not_allowed"
        for honest in PLAIN:
            assert outcome(gated, honest) == "ok"
    finally:
        direct.execute("drop schema w cascade")

"""Names after a dot: columns and fields are read, calls of functions are refused, on a real server.

Each attack runs twice: through the gate and the connector, and directly by the same login, where it
has to call a function.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlglot import exp
from support.postgres import Cluster
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.postgres import shadows
from wb_server.connectors.postgres.connector import PostgresConfig, PostgresConnector
from wb_server.gate import statement
from wb_server.gate.dialects import fields
from wb_server.gate.dialects.base import DialectRules
from wb_server.gate.dialects.fields import Named
from wb_server.gate.dialects.postgres.dialect import HARMLESS
from wb_server.gate.dialects.tables import TableRef
from wb_server.gate.statement import analyse
from wb_server.kit.errors import WorkbenchError

SETUP = """
create schema f;
create function public.bite(t text) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create function public.bite_date(t date) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create function public.bite_int(t int, n int default 1) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create function public."bite ""quoted"" \\' é"(t text) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create function public.bite_many(variadic t text[]) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create function public.bite_rows(variadic t anyarray) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create function public.bite_any(t anyelement) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create function public.bite_any_of(variadic t anycompatiblearray) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create type f.address as (street text, city text);
create table public.person (id int, name text, address f.address, count int);
insert into public.person values (1, 'Ada', row('Main', 'Graz'), 7);
create table public.purchase (id int, total numeric, bite text, "bite ""quoted"" \\' é" text);
insert into public.purchase values (1, 12.5, 'b', 'q');
create function public.bite_person(p person) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create function public.total(p person) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create table public.keyed (id int primary key);
insert into public.keyed values (1);
create domain public.somebody as person;
create function public.bite_somebody(p somebody) returns int language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create function f.check_it(t text) returns boolean language plpgsql as
    $$ begin raise exception 'was called'; end $$;
create domain public.bitten_text as text check (f.check_it(value));
create function f.to_text(p purchase) returns text language plpgsql as
    $$ begin raise exception 'was called'; end $$;
"""

# {x} is any name that calls a function of text.
TEXT_CALLS = [
    "select u.{x} from unnest(array['a']) u",
    "select u.{x} from unnest(array['a']) u where exists (select 1 from unnest(array[1]) u({x}))",
    "select u.{x} from unnest(array['a']) u where exists (select 1 from purchase u)",
    "with u({x}) as (select 1) select u.{x} from unnest(array['a']) as u",
    "with w as (select u.{x} from unnest(array['a']) u) select * from w, unnest(array[1]) as u({x})",
    "select (select u.{x}) from unnest(array['a']) u",
    "select s.b from person p, lateral (select u.{x} as b from unnest(array[p.name]) u) s",
    "select u.{x} from person p, lateral unnest(array[p.name]) u",
    "select u.{x} from rows from (unnest(array['a'])) u",
    "select unnest.{x} from rows from (unnest(array['a']))",
    "select unnest.{x} from unnest(array['a'])",
    "select 1 as {x} union all select u.{x} from unnest(array['a']) u",
    "select max(u.{x}) from unnest(array['a']) u",
    "select count(*) filter (where u.{x} > 0) from unnest(array['a']) u",
    "select 1 from unnest(array['a']) u order by u.{x}",
    "select 1 from unnest(array['a']) u group by u.{x}",
    "select 1 from unnest(array['a']) u group by u having max(u.{x}) > 0",
    "select row_number() over (order by u.{x}) from unnest(array['a']) u",
    "select 1 from unnest(array['a']) u join person p on p.id = u.{x}",
    "select (u).{x} from unnest(array['a']) u",
    "select (u.u).{x} from unnest(array['a']) u",
    "select ('a'::text).{x}",
    "select (p.name).{x} from person p",
    "select ((p.address).street).{x} from person p",
    "select (p.address).street.{x} from person p",
    "select (array['a'])[1].{x}",
    "select (select 'a'::text).{x}",
    "select (case when true then 'a'::text end).{x}",
    "select (s.a).{x} from (select 'a'::text as a) s",
    "select t.{x} from string_to_table('a', 'b') t",
    "select t.{x} from jsonb_array_elements_text('[\"a\"]') t",
    "select {x}.{x} from jsonb_array_elements_text('[\"a\"]') {x}",
    "select t.{x} from jsonb_object_keys('{{\"a\": 1}}') t",
    "select u.{x} from unnest(array['a']) u limit 1",
    "select 1 from person limit (select u.{x} from unnest(array['a']) u)",
    "values ((select u.{x} from unnest(array['a']) u))",
    "select 1 where (select u.{x} from unnest(array['a']) u) in (1)",
    "select * from generate_series(1, (select u.{x} from unnest(array['a']) u))",
    "with recursive r(n) as (select 1 union all select u.{x} from r, unnest(array['a']) u "
    "where r.n < 2) select * from r",
    'select "U".{x} from unnest(array[\'a\']) "U", purchase u',
    "select U.{x} from unnest(array['a']) u",
    "select coalesce.{x} from coalesce('a') as coalesce",
]
CALLS = [
    *(each.replace("{x}", name).replace("{{", "{").replace("}}", "}")
      for each in TEXT_CALLS for name in ("bite", "bite_many")),
    *(each.replace("{x}", '"bite ""quoted"" \\\' é"').replace("{{", "{").replace("}}", "}")
      for each in TEXT_CALLS),
    "select d.bite_date from current_date d",
    'select "current_date".bite_date from current_date',
    "select g.bite_int from generate_series(1, 1) g",
    "select p.bite_person from person p",
    "select (p).bite_person from person p",
    "select person.bite_person from person",
    "select public.person.bite_person from person",
    'select "person"."bite_person" from public.person',
    "select p.total from person p",
    "select p.total from person p, purchase q",
    "select p.total from person p where exists (select p.total from purchase p)",
    "select s.total from (select id, name, address, count from person) s",
    "select s.bite_person from (select id, name, address, count from person) s",
    "select s.bite_person from (select * from person) s",
    "with s as (select * from person) select s.bite_person from s",
    "with s as (select * from person) select t.bite_person from s t",
    "select p.bite_somebody from person p",
    "select p.bite_rows from person p",
    "select p.bite_any from person p",
    "select p.bite_any_of from person p",
    "select s.bite_any from (select 1 as a) s",
    "select j.bite_any from (person p join purchase q on p.id = q.id) j",
    "select (p.address).bite_any from person p",
    "select (p.id).bite_any from person p",
    "select ('a'::text).bitten_text",
    "select u.bitten_text from unnest(array['a']) u",
]  # fmt: skip
WRITES = [
    "update person p set count = p.bite_person",
    "update person set count = u.bite from unnest(array['a']) u",
    "insert into person (id) select u.bite from unnest(array['a']) u",
    "insert into person (id) values (1) returning person.bite_person",
    "delete from person p using unnest(array['a']) u where u.bite < 0",
    "merge into person p using unnest(array['a']) u on u.bite < 0 when matched then delete",
    "create table later as select u.bite from unnest(array['a']) u",
    "insert into keyed as k values (1) on conflict (id) do update set id = excluded.bite_any",
    "insert into keyed as k values (1) on conflict (id) do update set id = k.bite_any",
]
HONEST = [
    ("select p.name as x from person p", "Ada"),
    ("select (p.address).street as x from person p", "Main"),
    ("select (p).name as x from person p", "Ada"),
    ("select (p).address.city as x from person p", "Graz"),
    ("select (address).city as x from person", "Graz"),
    ("select p.count as x from person p", 7),
    ("select public.person.count as x from public.person", 7),
    ("select q.total as x from purchase q", 12.5),
    ("select q.total as x from public.purchase q where q.bite = 'b'", 12.5),
    ('select q."bite ""quoted"" \\\' é" as x from purchase q', "q"),
    ("select s.total as x from (select total from purchase) s", 12.5),
    (
        "select s.total as x from (select q.total from purchase q union all select 1) s limit 1",
        12.5,
    ),
    ("with s as (select total from purchase) select s.total as x from s", 12.5),
    ("with s(total) as (select id from person) select s.total as x from s", 1),
    ("select s.total as x from (values (3)) s(total)", 3),
    ("select u.bite as x from unnest(array['a']) u(bite)", "a"),
    ("select u.u as x from unnest(array['a']) u", "a"),
    ("select g as x, g.g as y from generate_series(3, 3) g", 3),
    ("select u.ordinality as x from unnest(array['a']) with ordinality u", 1),
    ('select e.value as x from jsonb_each_text(\'{"a": "b"}\') e', "b"),
    ("select e.value as x from jsonb_array_elements_text('[\"b\"]') e", "b"),
    ("select r.bite as x from jsonb_to_record('{\"bite\": 4}') r(bite int)", 4),
    ('select (jsonb_each_text(\'{"a": "b"}\')).value as x', "b"),
    ("select (r).f1 as x from (select row(1, 2) as r) s", 1),
    ("select p.length as x from (select 1 as length) p", 1),
    ("select c.relname as x from pg_class c where c.relname = 'person' and c.oid > 0", "person"),
    ("select 'a.bite' as x, '(u).bite'", "a.bite"),
    ("select q.total as x from purchase q join lateral (select q.bite as bite) l on true", 12.5),
]


@pytest.fixture(scope="module")
def direct(postgres: Cluster) -> Iterator[psycopg.Connection]:
    """A database with functions that raise an error when they are called."""
    with postgres.connect() as owner:
        owner.execute("create database bitten")
    with psycopg.connect(postgres.url, dbname="bitten", autocommit=True) as there:
        there.execute(SETUP)
        yield there
    with postgres.connect() as owner:
        owner.execute("drop database bitten with (force)")


@pytest.fixture
def gated(
    postgres: Cluster, direct: psycopg.Connection, postgres_connector: PostgresConnector
) -> Source:
    """That database, through the connector."""
    config = PostgresConfig.model_validate(postgres.config(database="bitten"))
    return Source(postgres_connector, Target("b1", 1, config))


def calls_a_function(there: psycopg.Connection, sql: str) -> bool:
    """True if a statement calls one of the functions when it is sent directly."""
    error = direct_error(there, f"begin; {sql}")
    there.pgconn.exec_(b"rollback")
    return "was called" in error


def direct_error(there: psycopg.Connection, sql: str) -> str:
    return there.pgconn.exec_(sql.encode()).error_message.decode()


def outcome(source: Source, sql: str, kind: str = "read") -> str:
    """The outcome of a statement: the error's code, ``ok``, or ``called``."""
    try:
        text = analyse(sql, "postgres").sql
        source.rows(text, kind=kind)
    except WorkbenchError as error:
        return "called" if error.code == "source_raised" else error.code
    return "ok"


REFUSED = {"field_not_allowed", "function_not_allowed", "type_not_allowed"}


def judge(source: Source, there: psycopg.Connection, statements: list[str], kind: str) -> None:
    wrong = []
    for sql in statements:
        code = outcome(source, sql, kind)
        if code not in REFUSED:
            wrong.append((code, sql))
        if not calls_a_function(there, sql):
            wrong.append(("harmless when sent directly", sql))
    assert not wrong, wrong


def test_a_dot_calls_no_function(gated: Source, direct: psycopg.Connection) -> None:
    judge(gated, direct, CALLS, "read")


def test_a_dot_calls_no_function_in_any_syntax(gated: Source, direct: psycopg.Connection) -> None:
    statements = (Path(__file__).parent / "postgres_dots.txt").read_text().splitlines()
    judge(gated, direct, statements, "read")


def test_a_dot_calls_no_function_in_a_write(gated: Source, direct: psycopg.Connection) -> None:
    judge(gated, direct, WRITES, "write")


def test_setting_a_field_is_no_call(gated: Source, direct: psycopg.Connection) -> None:
    direct.execute("create function public.city(t text) returns int language sql as 'select 1'")
    for sql in (
        "update person set address.city = 'Wien' where id = 1",
        "merge into person p using keyed k on p.id = k.id "
        "when matched then update set address.city = 'Graz'",
    ):
        assert outcome(gated, sql, "write") == "ok"
    assert gated.value("select (address).street as x from person") == "Main"
    assert outcome(gated, "select (address).city as x from person") == "field_not_allowed"
    direct.execute("drop function public.city(text)")


def test_columns_and_fields_are_read(gated: Source, direct: psycopg.Connection) -> None:
    wrong = []
    for sql, wanted in HONEST:
        try:
            value = gated.value(analyse(sql, "postgres").sql)
        except WorkbenchError as error:
            value = error
        if value != wanted:
            wrong.append((sql, value))
    assert not wrong, wrong


# --- generated -------------------------------------------------------------------------------

# Items of FROM, and the names that are function calls after each.
SOURCES = [
    ("unnest(array['a'])", ("bite", "bite_many", '"bite ""quoted"" \\\' é"')),
    ("string_to_table('a', 'b')", ("bite", "bite_many", "bite_any")),
    ("rows from (unnest(array['a']))", ("bite", "bite_any")),
    ("generate_series(1, 1)", ("bite_int", "bite_any")),
    ("jsonb_array_elements_text('[\"a\"]')", ("bite",)),
    ("upper('a')", ("bite", "bite_many")),
    ("person", ("bite_person", "total", "bite_any", "bite_rows", "bite_somebody")),
    ("public.person", ("bite_person", "total")),
    ("(select * from person)", ("bite_person", "total", "bite_any")),
    ("(select id, name, address, count from person)", ("bite_person", "total")),
    ("(values ('a'))", ("bite_any", "bite_rows")),
    ("lateral (select 1 as one)", ("bite_any",)),
    ("(person join purchase on true)", ("bite_any",)),
    ("xmltable('/a' passing '<a>x</a>' columns x text path '.')", ("bite_any",)),
]
PLACES = [
    "select {dot} from {item}",
    "select ({alias}).{name} from {item}",
    "select (({alias})).{name} as x from {item}",
    "select max({dot}) from {item}",
    "select coalesce({dot}, 1) from {item}",
    "select array[{dot}] from {item}",
    "select case when true then {dot} end from {item}",
    "select 1 from {item} where {dot} > 0",
    "select 1 from {item} order by {dot}",
    "select count(*) from {item} group by {dot}",
    "select sum(1) over (partition by {dot}) from {item}",
    "select s.x from {item}, lateral (select {dot} as x) s",
    "select 1 from {item} join purchase pu on {dot} = pu.id or true",
    "select (select {dot}) from {item}",
]
AROUND = [
    "select * from ({it}) w",
    "with w as materialized ({it}) select * from w",
    "select z.* from purchase p0 cross join lateral ({it}) z",
    "select array({it})",
    "({it}) union all ({it})",
    "select 1 where (select count(*) from ({it}) w) >= 0",
    "select * from ({it}) w where exists ({decoy})",
    "select * from ({it}) w, ({decoy}) d",
    "with {alias} as ({decoy}) select * from ({it}) w",
    "with d as ({decoy}), w as ({it}) select w.* from w, d",
    "({decoy}) union all ({it})",
    "select (select count(*) from ({decoy}) d), w.* from ({it}) w",
]
DECOYS = [
    "select 1 from unnest(array[1]) as {alias}({name})",
    "select 1 from (select 1 as {name}) {alias} where {alias}.{name} = 1",
    "select 1 from (values (1)) as {alias}({name})",
    "select 1 from jsonb_to_record('{{}}') as {alias}({name} int)",
    "select 1 from purchase {alias}",
    "select 1 as {name}",
]


def random_statement(rng: random.Random) -> str:
    """A random statement with a dot somewhere inside that calls a function."""
    source, names = rng.choice(SOURCES)
    name = rng.choice(names)
    alias = rng.choice(["u", "U", '"U"', "person", "purchase", "w", '"a b"', name])
    words = {"alias": alias, "name": name, "dot": f"{alias}.{name}", "item": f"{source} {alias}"}
    it = rng.choice(PLACES).format(**words)
    for _ in range(rng.randrange(4)):
        decoy = rng.choice(DECOYS).format(**words)
        it = rng.choice(AROUND).format(it=it, decoy=decoy, **words)
    return it


def test_random_statements_call_no_function(gated: Source, direct: psycopg.Connection) -> None:
    seed = random.randrange(10**6)
    rng = random.Random(seed)
    print(f"seed {seed}")
    statements = [random_statement(rng) for _ in range(160)]
    those = [sql for sql in dict.fromkeys(statements) if calls_a_function(direct, sql)]
    assert len(those) > 80
    wrong = []
    for sql in those:
        code = outcome(gated, sql)
        if code not in REFUSED:
            wrong.append((code, sql))
    assert not wrong, (seed, wrong)


def test_every_function_of_one_value_is_harmless_or_refused(
    gated: Source, direct: psycopg.Connection
) -> None:
    """Of PostgreSQL's own functions, a dot reaches only those that the gate lets a statement call."""
    rows = direct.execute(
        "select distinct proname::text from pg_proc where pronamespace = 'pg_catalog'::regnamespace "
        "and pronargs > 0 and pronargs - pronargdefaults <= 1"
    ).fetchall()
    names = {name for (name,) in rows} - HARMLESS
    assert len(names) > 300
    quick = shadows.quick_check(Named(of_values=frozenset(names)), "")
    assert "workbench" in direct_error(direct, quick)
    full = shadows.full_check(Named(of_values=frozenset(names)), (), "")
    found = shadows.found(direct_error(direct, full))
    assert found is not None and {each.partition(":")[2] for each in found} == names


def test_every_function_of_a_row_is_harmless(direct: psycopg.Connection) -> None:
    rows = direct.execute(
        "select distinct proname::text from pg_proc where pronamespace = 'pg_catalog'::regnamespace "
        "and pronargs > 0 and pronargs - pronargdefaults <= 1 and (proargtypes[0] = any "
        "('{2249,2276,2283,2776,5077,5079}'::oid[]) or provariadic = any "
        "('{2249,2276,2283,2776,5077,5079}'::oid[]))"
    ).fetchall()
    # They return the size, the type or the text of their argument, or the argument itself.
    known = {
        "any_out", "anyelement_out", "anynonarray_out", "anycompatible_out", "record_out",
        "record_send", "hash_record", "pg_collation_for", "pg_column_size", "pg_column_compression",
        "pg_column_toast_chunk_id", "anycompatiblenonarray_out", "last_value", "first_value",
    }  # fmt: skip
    assert {name for (name,) in rows} <= HARMLESS | known


# --- without each defence ----------------------------------------------------------------------


def _every_item_gives_rows(node: exp.Expr, rules: DialectRules) -> fields._Item:
    return fields._Item(True)


def _any_name_is_a_column(*_: object) -> set[TableRef] | None:
    return set()


MUTANTS = {
    "every item of FROM gives rows": (fields, "_item", _every_item_gives_rows),
    "a keyword in FROM is a table": (fields, "_KEYWORDS", frozenset()),
    "every column is known": (fields, "_sources", _any_name_is_a_column),
    "rows call nothing": (shadows, "TAKES_ONE", "false"),
    "only a row type of PostgreSQL's is a row": (
        shadows, "DOTS", shadows.DOTS.replace("t.typtype", "'x'"),
    ),
    "a variadic argument is no row": (
        shadows, "DOTS", shadows.DOTS.replace("x.provariadic]", "'0'::pg_catalog.oid]"),
    ),
    "one argument with a default makes two": (
        shadows, "DOTS",
        shadows.DOTS.replace("(x.pronargs OPERATOR(pg_catalog.-) x.pronargdefaults)", "x.pronargs"),
    ),
    "types are no functions": (shadows, "TYPES", "SELECT NULL WHERE false"),
    "a column of one table vouches for all": (
        shadows, "DOTS", shadows.DOTS.replace("AND NOT EXISTS (\n        SELECT FROM ROWS FROM", "AND EXISTS (\n        SELECT FROM ROWS FROM"),
    ),
    "no question is asked": (shadows, "quick_check", lambda named, sql, brief: "SELECT 1"),
    "no close question is asked": (shadows, "full_check", lambda named, tables, sql: "SELECT 1"),
}  # fmt: skip


@pytest.mark.parametrize("name", MUTANTS)
def test_the_attacks_detect_a_missing_defence(
    gated: Source, direct: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    place, what, instead = MUTANTS[name]
    assert instead != getattr(place, what)
    monkeypatch.setattr(place, what, instead)
    analyse_again()
    try:
        for sql in CALLS:
            if outcome(gated, sql) == "called":
                return
    finally:
        analyse_again()
    pytest.fail("no attack notices")


def analyse_again() -> None:
    statement._analyse_plain.cache_clear()

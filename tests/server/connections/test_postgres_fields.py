"""Names after a dot: columns and fields answer, calls of functions are refused, on a real server.

Each attack runs twice: through the gate and the connector, and straight by the same login, where it
has to bite.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from support.postgres import Cluster
from support.source import Source

from wb_server.connections.connectors.base import Target
from wb_server.connections.connectors.postgres import PostgresConfig, PostgresConnector
from wb_server.connections.statement import analyse
from wb_server.kit.errors import WorkbenchError

SETUP = """
create schema f;
create sequence f.bitten;
create function public.bite(t text) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create function public.bite_date(t date) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create function public.bite_int(t int, n int default 1) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create function public."bite ""quoted"" \\' é"(t text) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create function public.bite_many(variadic t text[]) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create function public.bite_rows(variadic t anyarray) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create function public.bite_any(t anyelement) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create function public.bite_any_of(variadic t anycompatiblearray) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create type f.address as (street text, city text);
create table public.person (id int, name text, address f.address, count int);
insert into public.person values (1, 'Ada', row('Main', 'Graz'), 7);
create table public.purchase (id int, total numeric, bite text, "bite ""quoted"" \\' é" text);
insert into public.purchase values (1, 12.5, 'b', 'q');
create function public.bite_person(p person) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create function public.total(p person) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create table public.keyed (id int primary key);
insert into public.keyed values (1);
create domain public.somebody as person;
create function public.bite_somebody(p somebody) returns int language sql as
    $$ select nextval('f.bitten')::int $$;
create function f.check_it(t text) returns boolean language sql as
    $$ select nextval('f.bitten') is not null $$;
create domain public.bitten_text as text check (f.check_it(value));
create function f.to_text(p purchase) returns text language sql as
    $$ select nextval('f.bitten')::text $$;
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
    "select s.bite_rows from (values (1)) s",
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
def bitten(postgres: Cluster) -> Iterator[psycopg.Connection]:
    """A database with functions that leave a mark."""
    with postgres.connect() as owner:
        owner.execute("create database bitten")
    with psycopg.connect(postgres.url, dbname="bitten", autocommit=True) as there:
        there.execute(SETUP)
        yield there
    with postgres.connect() as owner:
        owner.execute("drop database bitten with (force)")


@pytest.fixture
def biting(
    postgres: Cluster, bitten: psycopg.Connection, postgres_connector: PostgresConnector
) -> Source:
    """That database, through the connector."""
    config = PostgresConfig.model_validate(postgres.config(database="bitten"))
    return Source(postgres_connector, Target("b1", 1, config))


def bites(there: psycopg.Connection, sql: str) -> bool:
    """Whether a statement leaves the mark when it is sent as it is."""
    before = there.execute("select last_value, is_called from f.bitten").fetchone()
    result = there.pgconn.exec_(b"begin; " + sql.encode())
    error = result.error_message.decode()
    there.pgconn.exec_(b"rollback")
    after = there.execute("select last_value, is_called from f.bitten").fetchone()
    return before != after and not error


def tried(source: Source, sql: str, kind: str = "read") -> str:
    """What becomes of a statement: the error's code, or ok."""
    try:
        text = analyse(sql, "postgres").sql
        source.rows(text, kind=kind)  # type: ignore[arg-type]
    except WorkbenchError as error:
        return error.code
    return "ok"


REFUSED = {"field_not_allowed", "function_not_allowed", "type_not_allowed"}


def judge(source: Source, there: psycopg.Connection, statements: list[str], kind: str) -> None:
    wrong = []
    for sql in statements:
        before = there.execute("select last_value, is_called from f.bitten").fetchone()
        code = tried(source, sql, kind)
        after = there.execute("select last_value, is_called from f.bitten").fetchone()
        if before != after or code not in REFUSED:
            wrong.append((code, sql))
        if not bites(there, sql):
            wrong.append(("doesn't bite", sql))
    assert not wrong, wrong


def test_a_dot_calls_no_function(biting: Source, bitten: psycopg.Connection) -> None:
    judge(biting, bitten, CALLS, "read")


def test_nor_in_a_write(biting: Source, bitten: psycopg.Connection) -> None:
    judge(biting, bitten, WRITES, "write")


def test_columns_and_fields_answer(biting: Source, bitten: psycopg.Connection) -> None:
    wrong = []
    for sql, wanted in HONEST:
        try:
            value = biting.value(analyse(sql, "postgres").sql)
        except WorkbenchError as error:
            value = error
        if value != wanted:
            wrong.append((sql, value))
    assert not wrong, wrong

"""A database's own operators, functions and casts never run instead of what the gate checked."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from support.source import Source

from wb_server.connectors.postgres import shadows
from wb_server.kit.errors import Forbidden


@pytest.fixture
def people(direct: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """A table, a schema outside of the search path, and functions for operators."""
    direct.execute(
        """
        create schema aside;
        create table public.people (id int, name varchar);
        insert into public.people values (1, 'Ada');
        create function aside.join_them(a varchar, b varchar) returns text
            language sql as $$ select 'theirs' $$;
        create function aside.alike(a varchar, b varchar) returns boolean
            language sql as $$ select true $$;
        """
    )
    yield direct
    direct.execute("drop schema aside cascade; drop table public.people cascade")


def refused(source: Source, sql: str, kind: str = "read") -> str:
    with pytest.raises(Forbidden) as caught:
        source.rows(sql, kind=kind)
    return caught.value.code


def test_a_user_defined_operator_is_refused(source: Source, people: psycopg.Connection) -> None:
    sql = "select name || name as x from people"
    assert source.value(sql) == "AdaAda"
    make = (
        "create operator {}.|| (leftarg = varchar, rightarg = varchar, function = aside.join_them)"
    )
    people.execute(make.format("aside"))
    assert source.value(sql) == "AdaAda"
    people.execute(make.format("public"))
    assert refused(source, sql) == "operator_not_allowed"
    assert refused(source, f"insert into people {sql}", "write") == "operator_not_allowed"
    assert source.value("select id + 1 as x from people") == 2


def test_a_user_defined_operator_behind_a_keyword_is_refused(
    source: Source, people: psycopg.Connection
) -> None:
    people.execute(
        "create operator public.~~ (leftarg = varchar, rightarg = varchar, function = aside.alike)"
    )
    assert refused(source, "select name like name as x from people") == "operator_not_allowed"
    assert refused(source, "select name ~~ name as x from people") == "operator_not_allowed"
    assert source.value("select 1 as x") == 1


def test_a_column_reference_never_calls_a_function(
    source: Source, people: psycopg.Connection
) -> None:
    people.execute(
        """
        create function public.shout(p people) returns text language sql as $$ select 'theirs' $$;
        create function public.whisper(p anyelement, n int default 1) returns text
            language sql as $$ select 'theirs' $$;
        create function public.plain(n int) returns text language sql as $$ select 'theirs' $$;
        """
    )
    for name in ("shout", "Shout", '"shout"', "whisper"):
        assert refused(source, f"select p.{name} from people p") == "function_not_allowed"
    assert refused(source, "update people p set name = p.shout", "write") == "function_not_allowed"
    assert source.value("select p.name as shouting from people p") == "Ada"
    assert source.value("select 1 as plain") == 1
    people.execute("drop function public.whisper(anyelement, int)")


def test_a_namesake_of_an_extensions_function_is_refused(
    source: Source, people: psycopg.Connection
) -> None:
    people.execute("create extension fuzzystrmatch schema public")
    try:
        assert source.value("select soundex('Ada') as x") == "A300"
        people.execute(
            "create function public.soundex(name varchar) returns text language sql as "
            "$$ select 'theirs' $$"
        )
        assert refused(source, "select soundex(name) as x from people") == "function_not_allowed"
        people.execute("drop function public.soundex(varchar)")
    finally:
        people.execute("drop extension fuzzystrmatch cascade")


def test_other_errors_are_not_findings() -> None:
    assert shadows.found('invalid input syntax for type integer: "abc"') is None
    message = "invalid input: »workbench-found:operator:||\x1fdot:shout:end«"
    found = shadows.found(message)
    assert found == ["operator:||", "dot:shout"]
    assert shadows.refusal(found).code == "function_not_allowed"


def test_a_cast_to_an_extensions_type_is_allowed_but_not_to_a_namesake(
    source: Source, people: psycopg.Connection
) -> None:
    sql = "select ('Ada'::citext = 'ADA')::text as x from people"
    people.execute("create extension citext")
    try:
        assert source.value(sql) == "true"
        people.execute(
            "create function aside.as_citext(int) returns citext language sql as "
            "$$ select 'theirs'::citext $$; "
            "create cast (int as citext) with function aside.as_citext(int)"
        )
        assert refused(source, "select 5::citext::text as x") == "cast_not_allowed"
    finally:
        people.execute("drop extension citext cascade")
    people.execute(
        "create function aside.checked(text) returns bool language sql as $$ select true $$; "
        "create domain public.citext as text check (aside.checked(value))"
    )
    try:
        assert refused(source, sql) == "type_not_allowed"
    finally:
        people.execute("drop domain public.citext")

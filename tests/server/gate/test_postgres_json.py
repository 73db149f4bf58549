"""SQL/JSON of PostgreSQL 16 and newer: parsed, rendered unchanged, and checked throughout.

A server that knows it gives the same answer to the original and to the rendered text. One that
doesn't has to raise an error, and never call a user-defined function of the same name.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from support.honest.corpus import Answer, EngineError
from support.honest.engines import PostgresEngine
from support.postgres import Cluster

from wb_server.gate.statement import analyse
from wb_server.kit.errors import WorkbenchError

TABLES = """
create table t (id int, j jsonb, r json, k text, v int, d date, s text);
insert into t values
  (1, '{"a": 1, "b": [1, 2, {"c": "x"}], "d": "2026-01-01", "n": [{"m": ["p", "q"], "x": 5}, {"x": 6}],
        "s": "text", "z": null}', '{"a": 2}', 'k1', 10, '2026-01-02', '{"a":1}'),
  (2, '[1, 2, 3]', '[4]', 'k2', null, '2026-02-02', 'x'),
  (3, '"scalar"', '5', 'k3', 3, '2026-05-05', '{"a":1,"a":2}'),
  (4, null, null, 'k4', 4, '2026-05-06', null)
"""

# {x} is an operand, which may be any expression.
PLACES = [
    "json_value({x}, '$.a' returning int null on error)",
    "json_value(j, '$.a' passing v as x, {x} as \"Y\" returning varchar(10) null on error)",
    "json_value(j, '$.a', {x})",
    "json_value(j, '$.a' default {x} on empty null on error)",
    "json_value(j, '$.a' null on empty default {x} on error)",
    "json_query({x} format json, '$.a' with conditional array wrapper null on error)",
    "json_query(j, '$.b' passing {x} as y returning text keep quotes empty array on empty)",
    "json_query(j, '$.s' passing {x} as y omit quotes on scalar string empty object on error)",
    "json_exists({x}, '$.a')",
    "json_exists(j, '$.a' passing {x} as y true on error)",
    "json_object({x} : v)",
    "json_object('a' : {x}, 'b' value 2 absent on null with unique keys returning jsonb)",
    "json_object('a' value {x})",
    "json_object('a' value case when v > 1 then {x} else null end null on null without unique)",
    "json_object('a', {x})",
    "json_array({x})",
    "json_array(1, {x}, null null on null returning jsonb)",
    "json_array({x} format json, 1)",
    "json_array(select {x} from t)",
    "json_array(select {x} from t where v > 1 order by id format json returning jsonb)",
    "json_array(with c as (select {x} as y) select y from c returning text)",
    "json_array(json_object('a' : json_array(json_value({x}, '$'))))",
    "json_objectagg(k : {x})",
    "json_objectagg({x} value v absent on null returning text)",
    "json_objectagg(k value v with unique) filter (where v > {x})",
    "json_arrayagg({x})",
    "json_arrayagg(v order by {x} desc, id)",
    "json_arrayagg(v order by id, {x} null on null returning jsonb)",
    "json_arrayagg(v order by {x} nulls first returning text)",
    "json_arrayagg(v) over (order by {x})",
    "json_serialize({x})",
    "json_serialize({x} format json returning varchar(99))",
    "json({x} with unique keys)",
    "json({x} format json)",
    "({x}) is json object with unique keys",
    "({x}) is not json",
    "(select max(a) from json_table({x}, '$[*]' columns (a text path '$')) jt)",
    "(select max(a) from json_table(j, '$' as root passing {x} as y columns (a text path '$')) jt)",
    "(select max(a) from json_table(j, '$' columns (n for ordinality, a int default {x} on empty null "
    "on error)) jt)",
    "(select max(y) from json_table(j, '$' columns (a int, nested path '$.n[*]' as p columns (x int, "
    "nested '$.m[*]' columns (y text default {x} on empty)))) jt)",
    "(select max(a) from json_table((select {x}), '$' columns (a text)) jt)",
]
ATTACKS = {
    "pg_read_file('/etc/passwd')": "function_not_allowed",
    "(select max(rolname::text) from pg_authid)": "system_table_not_allowed",
    "own(1)": "function_not_allowed",
    "current_setting('data_directory')": "function_not_allowed",
    "session_user": "function_not_allowed",
    "1::regrole": "type_not_allowed",
    "1 operator(public.+) 1": "operator_not_allowed",
}

# What a server of version 17 accepts.
HONEST = [
    "json_value(j, '$.a' returning int), json_value(j, '$.a'), json_value(j, '$.s'), json_value(r, '$.a') x",
    "json_value(j, '$.a' passing 1 as x, s || 'c' as \"Y\" returning varchar(10) default 'x' || 'y' on "
    "empty default null on error)",
    "json_value(j, '$.d' returning timestamp with time zone null on error), json_value(j, '$.a' "
    "returning numeric(5, 2) null on empty null on error), json_value(j, '$.d' returning date default "
    "'2000-01-01' on error)",
    "json_query(j, '$.a' with wrapper), json_query(j, '$.b[*]' with conditional array wrapper), "
    "json_query(j, '$.x' without array wrapper keep quotes empty object on error), json_query(j, '$.q' "
    "returning text format json omit quotes on scalar string empty array on empty)",
    "json_query(j, '$.s' returning text omit quotes), json_query(j, '$.b'), json_query(r, '$') as q",
    "json_query('[1]' format json, '$'), json_query(j, '$.b' returning bytea format json encoding utf8)",
    "json_exists(j, '$.a') e, json_exists(j, 'strict $.a' unknown on error), json_exists(r format "
    "json, 'strict $.a ? (@ > $x)' passing v + 1 as x true on error)",
    "json_object('a' : 1, 'b': t.v, 'c' value null, 'd' value -1 absent on null with unique keys "
    "returning jsonb), json_object('a':v), json_object(), json_object(returning jsonb)",
    "json_object('{a,1}'), json_object('{a}', '{b}'), json_object(k value v, 'x' || id : j null on "
    "null returning text)",
    "json_object('a' value case when v > 1 then 1 else 2 end, d: 1, k value 2, 'n' || 'x' : v)",
    "json_array(1, 2, null null on null), json_array(), json_array(1, 'a'), json_array(null, j)",
    "json_array(returning text), json_array(select v from t u order by id), json_array((select 1)), "
    "json_array('1' format json, '2' absent on null returning jsonb)",
    "json_array(select v from t u where u.id <> t.id order by id desc limit 2 returning jsonb), "
    "json_array(values (1), (2) returning text), json_array(select s from t where id = 1 format json)",
    "json_objectagg(k : v), json_objectagg(k value v absent on null with unique returning jsonb) "
    "filter (where v > 3), json_arrayagg(v order by k null on null returning jsonb)",
    "json_arrayagg(v order by k desc), json_arrayagg(v order by k desc, id nulls first returning "
    "jsonb) filter (where v > 1), json_arrayagg(v order by k absent on null), json_arrayagg(j order "
    "by id, k)",
    "id, json_arrayagg(v) over (order by id)",
    "json_serialize(r), json_serialize(r returning bytea), json_serialize('{}' format json returning "
    "varchar(20)), json('{}' with unique keys), json('1'), json('\\x7b7d'::bytea format json encoding "
    "utf8 without unique keys)",
    "s is json, s is not json object with unique keys, s is json array without unique keys, s is json "
    "scalar, s is json value with unique",
    "json_value('{\"a\": true}', '$.a' returning bool), json_query(jsonb '[1, 2]', '$' returning int[]), "
    "json_value(jsonb '\"x\"', '$' returning char(3)) || '|', json_value(jsonb '\"1 day\"', '$' returning "
    "interval), json_value(jsonb '1', '$' returning float)",
    "(select string_agg(jt::text, ';') from json_table(j, '$' columns (id for ordinality, a int path "
    "'$.a', s text, c jsonb format json path '$.b' with wrapper keep quotes, d bool exists path '$.d' "
    "false on error, e numeric(5, 2) default 1.5 on empty null on error, nested path '$.n[*]' as p "
    "columns (x int, nested '$.m[*]' columns (y text path '$'))) empty on error) as jt)",
    "(select max(jt.\"B\" || jt.a) from json_table('[1]', '$[*]' as root passing 1 as x, 'a' as \"Y\" "
    "columns (a int path '$', \"B\" text path '$')) jt (a, \"B\") where jt.a >= 1)",
]

# Calls without keywords, and the function that a server without this grammar would call.
BARE = {
    "json_value('{}', '$')": "json_value(text, text)",
    "json_query('{}', '$')": "json_query(text, text)",
    "json_exists('{}', '$')": "json_exists(text, text)",
    "json_array(1, 2)": "json_array(int, int)",
    "json_array()": "json_array()",
    "json_object()": "json_object()",
    "json_serialize('{}')": "json_serialize(text)",
}


@pytest.fixture(scope="module")
def engine(postgres: Cluster) -> Iterator[PostgresEngine]:
    with postgres.connect() as connection:
        connection.execute("create database sql_json")
    with replace(postgres, database="sql_json").connect() as connection:
        connection.execute(TABLES)
        for made in BARE.values():
            name, _, types = made.partition("(")
            connection.execute(
                f'create function "{name}"({types} returns text language plpgsql as '
                "$$ begin raise exception 'was called'; end $$"
            )
        yield PostgresEngine(connection)


def answer(engine: PostgresEngine, sql: str) -> Answer | str:
    try:
        return engine.run(sql)
    except EngineError as error:
        return str(error)


@pytest.mark.parametrize("items", HONEST)
def test_the_rendered_text_gives_the_same_answer(engine: PostgresEngine, items: str) -> None:
    sql = f"select {items} from t"
    statement = analyse(sql, "postgres")
    assert analyse(statement.sql, "postgres").sql == statement.sql
    sent, written = answer(engine, statement.sql), answer(engine, sql)
    if isinstance(written, str):  # the server doesn't know one of them
        assert isinstance(sent, str) and "was called" not in sent
    else:
        assert sent == written


@pytest.mark.parametrize("place", PLACES)
def test_every_operand_is_checked(place: str) -> None:
    for operand in ("s", "'1'", "lower(k) || 'x'", "(select max(k) from t)", "-v", "t.v + 1"):
        sql = f"select {place.format(x=operand)} from t"
        if "json_value(j, '$.a', " not in place:
            assert analyse(sql, "postgres").tables
    for operand, code in ATTACKS.items():
        sql = f"select {place.format(x=operand)} from t"
        with pytest.raises(WorkbenchError) as caught:
            analyse(sql, "postgres")
        assert caught.value.code == code, sql


@pytest.mark.parametrize("call", BARE)
def test_user_defined_namesakes_are_not_called(engine: PostgresEngine, call: str) -> None:
    sent = answer(engine, analyse(f"select {call}", "postgres").sql)
    assert "was called" not in str(sent)
    if isinstance(sent, str):  # a server that doesn't know the grammar calls the function
        assert "was called" in str(answer(engine, f"select {call}"))


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select json_scalar(1)", "function_not_allowed"),
        ("select public.json_value('{}', '$')", "function_not_allowed"),
        ("select pg_catalog.json_value('{}', '$')", "function_not_allowed"),
        ("""select "json_value"('{}', '$')""", "function_not_allowed"),
        ("""select "json value"('{}', '$')""", "function_not_allowed"),
        ("""select "json "('{}')""", "function_not_allowed"),
        ("select json_value(j, '$' returning regrole) from t", "type_not_allowed"),
        ("select json_value(j, '$' returning own_type) from t", "type_not_allowed"),
        ("select * from json_table(j, '$' columns (a own_type)) x", "type_not_allowed"),
        ("select json_value(j, '$' returning int) from pg_authid", "system_table_not_allowed"),
        ("select json_object('a' : 1; select 2)", "one_statement"),
        ("select 1 operator(returning) 2", "syntax_error"),
    ],
)
def test_lookalikes_are_refused(sql: str, code: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        analyse(sql, "postgres")
    assert caught.value.code == code


def test_parameters_are_distinguished_from_colons() -> None:
    sql = "select json_object('a' : :v, :k: 2, 'b':v, 'c' value :v), json_array(:v, :k) from t"
    statement = analyse(sql, "postgres", {"v": 5, "k": "x"})
    assert "'a' : CAST(5 AS INT), 'x' : 2, 'b' : v, 'c' VALUE CAST(5" in statement.sql
    assert "json_array(CAST(5 AS INT), 'x' ABSENT ON NULL)" in statement.sql

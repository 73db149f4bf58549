"""Functions and procedures of the database's own, CALL, REFRESH and ANALYZE: who may, and what runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from support.house import House, house_at
from support.mariadb import MariaDB
from support.postgres import Cluster

from wb_server.connections.models import ConnectionCreate, ConnectionUpdate
from wb_server.connections.service import ConnectionService
from wb_server.governance.owned.models import ShareRequest
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import Forbidden, InvalidInput, Unprocessable, WorkbenchError
from wb_server.queries.broker import Broker
from wb_server.queries.models import QueryRequest

SETUP = """
drop schema if exists etl cascade; drop schema if exists evil cascade;
create schema etl; create schema evil;
create table etl.sales (id int primary key, amount numeric);
create materialized view etl.totals as select sum(amount) as amount from etl.sales;
create unique index on etl.totals (amount);
create procedure etl.load_sales(first int, many int = 2) language sql as
    'insert into etl.sales select n, n from generate_series(first, first + many - 1) n';
create function etl.doubled(n numeric) returns numeric language sql immutable as 'select n * 2';
create function evil.doubled(n numeric) returns numeric language plpgsql as
    'begin delete from etl.sales; return -1; end';
create function etl.pairs(n int) returns table (a int, b int) language sql as 'select n, n + 1';
create function etl.biggest(numeric, numeric) returns numeric language sql as 'select greatest($1, $2)';
create aggregate etl.top(numeric) (sfunc = etl.biggest, stype = numeric);
create function etl.wipe() returns int language plpgsql as
    'begin delete from etl.sales; return 1; end';
create procedure etl.answer(inout n int) language plpgsql as 'begin n := n + 1; end';
create function etl.twice(n int) returns int language sql as 'select 2';
create function etl.twice(n text) returns int language sql as 'select 3';
create type etl.cast_like as (n int);
create function etl.cast_like(n int) returns int language sql as 'select 4';
create function etl.unlisted() returns int language sql as 'select 5';
"""
ALLOWED = ["etl.load_sales", "etl.doubled", "etl.pairs", "etl.top", "etl.wipe", "etl.answer",
           "etl.twice", "etl.cast_like"]  # fmt: skip


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, postgres: Cluster, mariadb: MariaDB
) -> Iterator[House]:
    with house_at(tmp_path_factory.mktemp("routines"), postgres) as it:
        with postgres.connect() as connection:
            connection.execute(SETUP)
        service = it.get(ConnectionService)
        service.create(
            it["ana"],
            ConnectionCreate(name="shop", connector="mysql", config=mariadb.config()),
        )
        it.get(ConnectionService).set_routines(it["ana"], identity(it, "warehouse"), ALLOWED)
        yield it
        with postgres.connect() as connection:
            connection.execute("drop schema etl cascade; drop schema evil cascade")


def identity(house: House, name: str) -> str:
    found: str = house.get(ConnectionService).find(house["ana"], name).id
    return found


def rows(house: House, who: str, sql: str, connection: str = "warehouse", **params: Any) -> Any:
    request = QueryRequest(connection=connection, sql=sql, params=params or None)
    with house.get(Broker).statements.run(house[who], Origin("", ""), request, HangUp()) as reading:
        return [row for batch in reading for row in batch.to_pylist()]


def refused(house: House, who: str, sql: str, connection: str = "warehouse") -> str:
    with pytest.raises(WorkbenchError) as caught:
        rows(house, who, sql, connection)
    return caught.value.code


def count(direct: psycopg.Connection) -> int:
    row = direct.execute("select count(*) from etl.sales").fetchone()
    assert row is not None
    return int(row[0])


def test_a_procedure_is_called_and_a_view_refreshed(
    house: House, direct: psycopg.Connection
) -> None:
    direct.execute("truncate etl.sales")
    rows(house, "ana", "call etl.load_sales(:first)", first=1)
    rows(house, "eva", "CALL etl.load_sales(first => 10, many => 3);")
    assert count(direct) == 5
    rows(house, "ana", "refresh materialized view etl.totals")
    assert rows(house, "ana", "select amount from etl.totals")[0]["amount"] == 36
    rows(house, "ana", "refresh materialized view concurrently etl.totals with data")
    rows(house, "ana", "analyze etl.sales (amount), etl.sales")
    assert rows(house, "ana", "call etl.answer(41)") == [{"n": 42}]
    # Changing data takes the right to write.
    for sql in ("call etl.load_sales(20)", "refresh materialized view etl.totals",
                "analyze etl.sales"):  # fmt: skip
        assert refused(house, "ben", sql) == "level_missing"


def test_functions_run_in_queries_and_in_writes(house: House, direct: psycopg.Connection) -> None:
    direct.execute("truncate etl.sales; insert into etl.sales values (1, 5), (2, 7)")
    sql = "select etl.doubled(sum(amount)) as a, etl.top(amount) filter (where id < 2) as t from etl.sales"
    assert rows(house, "ben", sql) == [{"a": 24, "t": 5}]
    assert rows(house, "ben", "select * from etl.pairs(3)") == [{"a": 3, "b": 4}]
    sql = 'select s.id, p.b from etl.sales s, lateral "etl"."pairs"(s.id) p order by 1'
    assert rows(house, "ben", sql) == [{"id": 1, "b": 2}, {"id": 2, "b": 3}]
    rows(house, "ana", "insert into etl.sales select 3, etl.doubled(4)")
    assert rows(house, "ben", "select amount from etl.sales where id = 3")[0]["amount"] == 8
    # A query can't write, whatever it calls.
    assert refused(house, "ana", "select etl.wipe()") == "not_a_read"
    assert count(direct) == 3


@pytest.mark.parametrize(
    "sql",
    [
        "select doubled(1)",
        "select evil.doubled(1)",
        "select etl.unlisted()",
        "select pg_catalog.pg_read_file('/etc/passwd')",
        'select "ETL".doubled(1)',
        'select etl."Doubled"(1)',
        "select postgres.etl.doubled(1)",
        "select etl.twice(1)",
        "select etl.twice('x')",
        "select etl.cast_like('(1)')",
        "select * from etl.unlisted()",
        "select * from rows from (etl.pairs(1), etl.unlisted()) r",
        "select 1 order by etl.unlisted()",
        "call etl.unlisted()",
    ],
)
def test_nothing_else_is_called(house: House, sql: str) -> None:
    assert refused(house, "ana", sql) == "function_not_allowed"


def test_the_search_path_and_the_callers_schema_decide_nothing(
    house: House, direct: psycopg.Connection
) -> None:
    direct.execute("alter role current_user set search_path = evil, public")
    try:
        assert rows(house, "ben", "select etl.doubled(2) as n") == [{"n": 4}]
    finally:
        direct.execute("alter role current_user reset search_path")


def test_only_the_owner_keeps_the_list(house: House) -> None:
    service = house.get(ConnectionService)
    made = service.create(
        house["ana"],
        ConnectionCreate(
            name="kept",
            connector="postgres",
            config=service.find(house["ana"], "warehouse").config | {"password": "x"},
        ),
    )
    request = ShareRequest.model_validate({"kind": "user", "name": "eva", "level": "manage"})
    service.sharing.share(house["ana"], made.id, request)
    assert "connection.routines" in service.get(house["ana"], made.id).actions
    for who in ("eva", "root"):
        assert "connection.routines" not in service.get(house[who], made.id).actions
        with pytest.raises(Forbidden) as caught:
            service.set_routines(house[who], made.id, ["etl.unlisted"])
        assert caught.value.code == "owner_only"
    view = service.set_routines(house["ana"], made.id, ["etl.b", "etl.a", "etl.b"])
    assert view.routines == ["etl.a", "etl.b"]
    # Who manages it may rename it; pointed at another database, it forgets what was allowed.
    assert service.update(house["eva"], made.id, ConnectionUpdate(description="new")).routines
    config = {**made.config, "database": "elsewhere", "password": "x"}
    assert not service.update(house["eva"], made.id, ConnectionUpdate(config=config)).routines
    service.set_routines(house["ana"], made.id, ["etl.a"])
    config["database"] = "another"
    assert service.update(house["ana"], made.id, ConnectionUpdate(config=config)).routines


@pytest.mark.parametrize(
    "name",
    ["load_sales", "a.b.c", "etl.f(int", "etl.f(n int)", "etl.f(numeric(10,2))", "etl.f(int))", "etl.f() x",
     "etl.f('x')", "etl.f(int,)", "etl.f(int) -- x", "etl.f; drop", "etl.", "pg_catalog.pg_read_file", "pg_temp.f",
     "information_schema.x", "etl.f --", "etl . f\n", "PG_CATALOG.x"],
)  # fmt: skip
def test_only_names_with_their_schema_can_be_allowed(house: House, name: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        house.get(ConnectionService).set_routines(
            house["ana"], identity(house, "warehouse"), [name]
        )
    assert caught.value.code == "bad_routine"


def test_variants_are_allowed_by_their_arguments(house: House, direct: psycopg.Connection) -> None:
    service, warehouse = house.get(ConnectionService), identity(house, "warehouse")
    direct.execute(
        "create function etl.v(n int, at timestamptz = null) returns text language sql as $$select 'int'$$;"
        "create function etl.v(n text[]) returns text language sql as $$select 'texts'$$;"
        "create function etl.v() returns text language sql as $$select 'none'$$"
    )
    int_, texts, none = "etl.v(INT,  timestamp with time zone)", "etl.v(text[])", "etl.v()"
    calls = {"select etl.v(1) as v": "int", "select etl.v(array['a']) as v": "texts",
             "select etl.v() as v": "none"}  # fmt: skip
    try:
        # Which variant a call means is up to the database: all of them have to be allowed.
        for names in (["etl.v"], [int_, texts], [int_, none, "etl.v(nothing)"], [int_, none, "etl.v(text)"],
                      ["etl.v", int_, none]):  # fmt: skip
            service.set_routines(house["ana"], warehouse, [*ALLOWED, *names])
            for sql in calls:
                with pytest.raises(Forbidden) as caught:
                    rows(house, "ben", sql)
                assert caught.value.code == "function_not_allowed", names
            assert names == ["etl.v"] or "etl.v(text[])" in caught.value.message or texts in names
        service.set_routines(house["ana"], warehouse, [*ALLOWED, int_, texts, none])
        for sql, answer in calls.items():
            assert rows(house, "ben", sql) == [{"v": answer}]
            # A long text is analysed in another process.
            assert rows(house, "ben", sql + " -- " + "x" * 12_000) == [{"v": answer}]
        # A new variant has to be allowed first.
        direct.execute("create function etl.v(n int) returns text language sql as $$select 'new'$$")
        assert refused(house, "ben", "select etl.v(1)") == "function_not_allowed"
        direct.execute(
            "drop function etl.v(int); drop function etl.v(); drop function etl.v(text[])"
        )
        for names in (["etl.v"], [int_]):
            service.set_routines(house["ana"], warehouse, [*ALLOWED, *names])
            assert rows(house, "ben", "select etl.v(1) as v") == [{"v": "int"}]
    finally:
        direct.execute("drop routine if exists etl.v(int, timestamptz)")
        service.set_routines(house["ana"], warehouse, ALLOWED)


def test_files_have_no_routines(house: House, tmp_path_factory: pytest.TempPathFactory) -> None:
    service = house.get(ConnectionService)
    folder = house.workbench.settings.roots[0]
    folder.mkdir(parents=True, exist_ok=True)
    made = service.create(
        house["ana"],
        ConnectionCreate(name="lake", connector="files", config={"folder": str(folder)}),
    )
    assert "connection.routines" not in made.actions
    with pytest.raises(Unprocessable) as caught:
        service.set_routines(house["ana"], made.id, ["etl.a"])
    assert caught.value.code == "no_routines"


def test_mariadb(house: House, mariadb: MariaDB) -> None:
    database = str(mariadb.config()["database"])
    with mariadb.connect() as connection, connection.cursor() as cursor:
        for sql in (
            "drop table if exists etl_sales",
            "create table etl_sales (id int primary key)",
            "drop procedure if exists etl_load",
            "create procedure etl_load(first int) insert into etl_sales values (first), (first + 1)",
            "drop procedure if exists etl_answers",
            "create procedure etl_answers() begin select 1 as a; select 2 as b; end",
            "drop function if exists etl_double",
            "create function etl_double(n int) returns int deterministic return n * 2",
            "drop function if exists etl_wipe",
            "create function etl_wipe() returns int begin delete from etl_sales; return 1; end",
        ):
            cursor.execute(sql)
        connection.commit()
    with pytest.raises(InvalidInput, match="without arguments"):
        names = [f"{database}.etl_load(int)"]
        house.get(ConnectionService).set_routines(house["ana"], identity(house, "shop"), names)
    names = [f"{database}.{name}" for name in ("etl_load", "etl_answers", "etl_double", "ETL_wipe")]
    house.get(ConnectionService).set_routines(house["ana"], identity(house, "shop"), names)
    rows(house, "ana", f"call {database}.etl_load(:n)", "shop", n=1)
    assert len(rows(house, "ana", "select id from etl_sales", "shop")) == 2
    sql = f"select `{database}`.ETL_double(id) as n from etl_sales order by id"
    assert [row["n"] for row in rows(house, "ana", sql, "shop")] == [2, 4]
    (analyzed,) = rows(house, "ana", "analyze table etl_sales", "shop")
    assert analyzed["Msg_text"] == "OK"
    assert refused(house, "ana", f"select {database}.etl_wipe()", "shop") == "not_a_read"
    assert refused(house, "ana", "select etl_double(1)", "shop") == "function_not_allowed"
    assert refused(house, "ana", "call etl_load(5)", "shop") == "statement_not_allowed"
    # Nothing of several answers is left for the next statement.
    assert refused(house, "ana", f"call {database}.etl_answers()", "shop") == "not_supported"
    assert len(rows(house, "ana", "select id from etl_sales", "shop")) == 2

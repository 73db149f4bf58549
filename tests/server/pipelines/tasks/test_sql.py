"""``sql`` tasks with several statements, and with statements from a file."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from support.house import House, house_at, save
from support.mariadb import MariaDB
from support.postgres import Cluster

from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.kit.errors import InvalidInput
from wb_server.pipelines.runs.models import RunDetail

SETUP = """
drop schema if exists steps cascade;
create schema steps;
create table steps.sales (id int primary key, amount numeric check (amount >= 0));
create procedure steps.add(first int) language sql as 'insert into steps.sales values (first, first)';
create function steps.refresh() returns int language plpgsql as
    'begin insert into steps.sales values (99, 1); return 1; end';
create function steps.meddle() returns text language sql as
    $$ select set_config('standard_conforming_strings', 'off', false)
        || set_config('search_path', 'steps, pg_catalog', false) $$;
create function steps.upper(t text) returns text language sql as $$ select 'meddled' $$;
"""


@pytest.fixture(scope="module")
def house(
    tmp_path_factory: pytest.TempPathFactory, postgres: Cluster, mariadb: MariaDB
) -> Iterator[House]:
    with house_at(tmp_path_factory.mktemp("sql"), postgres) as it:
        with postgres.connect() as connection:
            connection.execute(SETUP)
        service = it.get(ConnectionService)
        shop = ConnectionCreate(name="shop", connector="mysql", config=mariadb.config())
        service.create(it["ana"], shop)
        warehouse = service.find(it["ana"], "warehouse").id
        names = ["steps.add", "steps.refresh", "steps.meddle"]
        service.set_routines(it["ana"], warehouse, names)
        yield it
        with postgres.connect() as connection:
            connection.execute("drop schema steps cascade")


@pytest.fixture
def sales(direct: psycopg.Connection) -> psycopg.Connection:
    direct.execute("truncate steps.sales")
    return direct


def rows(sales: psycopg.Connection) -> list[tuple[int, int]]:
    found = sales.execute("select id, amount from steps.sales order by id").fetchall()
    return [(int(key), int(amount)) for key, amount in found]


_names = iter(range(10_000))


def run(
    house: House,
    statement: str,
    files: dict[str, bytes] | None = None,
    connection: str = "warehouse",
) -> RunDetail:
    name = f"p_{next(_names)}"
    lines = "\n".join(f"      {line}" for line in statement.split("\n"))
    where = f"statement: {statement}" if statement.startswith("{") else f"statement: |\n{lines}"
    house.create(
        "ana",
        f"name: {name}\nparameters:\n  first: {{type: integer, default: 1}}\ntasks:\n  one:\n"
        f"    type: sql\n    connection: {connection}\n    {where}\n",
        files,
    )
    return house.run("ana", name)


def test_several_statements_are_one_transaction(house: House, sales: psycopg.Connection) -> None:
    done = run(
        house,
        """-- a load; in steps
create table if not exists steps.stage (id int, amount numeric);
insert into steps.stage values ({{ params.first }}, 10), ({{ params.first + 1 }}, 20);
insert into steps.sales select * from steps.stage;
call steps.add(7);
select steps.refresh();
update steps.sales set amount = amount + 1 where id = {{ params.first }};
drop table steps.stage;
analyze steps.sales;
select 'a;b' as text, count(*) from steps.sales""",
    )
    assert done.state == "succeeded", done.tasks[0].message
    assert rows(sales) == [(1, 11), (2, 20), (7, 7), (99, 1)]
    assert done.tasks[0].outputs["rows"] == 5


def test_an_error_undoes_all_of_them_and_names_its_place(
    house: House, sales: psycopg.Connection
) -> None:
    failed = run(
        house,
        "insert into steps.sales values (1, 1);\n\n-- too much\ninsert into steps.sales\nvalues (2, -1);\n"
        "insert into steps.sales values (3, 3)",
    )
    task = failed.tasks[0]
    assert failed.state == "failed" and "sales_amount_check" in str(task)
    assert task.message.startswith("Statement 2, line 4: ")
    assert rows(sales) == []


def test_each_statement_passes_the_gate_when_the_file_is_saved(house: House) -> None:
    for statement, place in (
        ("select 1;\nselect pg_sleep(1)", "Statement 2, line 2: The function pg_sleep"),
        ("select 1;\n\n\nselect 1; selec 2", "Statement 3, line 4: "),
        ("select 1; begin; select 2", "Statement 2, line 1: BEGIN isn't allowed"),
        ("select 1; explain select 1", "Statement 2, line 1: EXPLAIN can't"),
    ):
        with pytest.raises(InvalidInput) as caught:
            run(house, statement)
        assert place in caught.value.message + str(caught.value.details)


def test_a_step_cannot_change_what_the_next_one_means(
    house: House, sales: psycopg.Connection
) -> None:
    done = run(
        house,
        "select steps.meddle();\n"
        "insert into steps.sales select length('a\\'), length(upper('abcd'));",
    )
    assert done.state == "succeeded", done.tasks[0].message
    assert rows(sales) == [(2, 4)]
    # Code that an earlier step makes known to the database is found.
    sales.execute(
        "create function steps.eq(a date, b date) returns boolean language sql as 'select true'"
    )
    failed = run(
        house,
        "create table steps.made (d date);\n"
        "insert into steps.sales select 1, 1 from (select d.numeric from steps.made d) x",
    )
    assert failed.state == "failed"


def test_mariadb_runs_several_in_one_transaction(house: House, mariadb: MariaDB) -> None:
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("drop table if exists step_sales")
        cursor.execute("create table step_sales (id int primary key)")
        connection.commit()
    done = run(
        house,
        "insert into step_sales values (1);\ninsert into step_sales values (2), (3)",
        connection="shop",
    )
    assert (done.state, done.tasks[0].outputs["rows"]) == ("succeeded", 3)
    failed = run(
        house, "delete from step_sales;\ninsert into step_sales values (4), (4)", connection="shop"
    )
    assert failed.state == "failed"
    assert failed.tasks[0].message.startswith("Statement 2, line 2: ")
    with mariadb.connect() as connection, connection.cursor() as cursor:
        cursor.execute("select count(*) from step_sales")
        assert int(cursor.fetchone()[0]) == 3
    with pytest.raises(InvalidInput) as caught:
        run(house, "delete from step_sales;\ndrop table step_sales", connection="shop")
    assert "commit before and after" in caught.value.message + str(caught.value.details)


LOAD = b"""\xef\xbb\xbf-- the load; as a file
insert into steps.sales values ({{ params.first }}, 4);
insert into steps.sales
select {{ params.first + 1 }}, amount * 2 from steps.sales;
"""


def test_statements_come_from_a_file_of_the_version(
    house: House, sales: psycopg.Connection
) -> None:
    done = run(house, "{file: sql/load.sql}", {"sql/load.sql": LOAD})
    assert done.state == "succeeded", done.tasks[0].message
    assert rows(sales) == [(1, 4), (2, 8)]
    # The version keeps its file, whatever is saved later.
    text = (
        "name: filed\ntasks:\n  one: {type: sql, connection: warehouse, statement: {file: a.sql}}\n"
    )
    made = house.create("ana", text, {"a.sql": b"select 1 as n"})
    house.pipelines.save(house["ana"], made.id, save(text, {"a.sql": b"select 2 as n"}))
    assert house.run("ana", "filed").tasks[0].outputs["n"] == 2
    house.pipelines.restore_version(house["ana"], made.id, 1)
    assert house.run("ana", "filed").tasks[0].outputs["n"] == 1
    # A file that wasn't sent again is checked as it is stored.
    house.pipelines.save(house["ana"], made.id, save(text + "description: more\n", keep_files=True))
    assert house.run("ana", "filed").tasks[0].outputs["n"] == 1


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no file a.sql"),
        (b"select 1;\nselect pg_sleep(1)", "a.sql: Statement 2, line 2: The function pg_sleep"),
        (b"select 1;\n\nselect {{ params.frist }}", "a.sql, line 3: "),
        (b"select 1;\r\nselec 2", "a.sql: Statement 2, line 2: The SQL can't be read, near '2'."),
        (b"select 1\n from x where", "a.sql, line 2: The SQL can't be read"),
        (b"select 1,\n 'abc", "a.sql, line 2: The SQL can't be read: the quote isn't closed."),
        (b"select 1\n{% if x %}", "a.sql, line 2: {% if x %} has no meaning here"),
        (b"select '{{ params.first }}'", "a.sql, line 1: It is inside quotes"),
        (b"select '\xff'", "a.sql isn't UTF-8"),
        (b"select 1 --" + b"x" * 1_000_000, "a.sql is larger than"),
    ],
)
def test_a_file_is_checked_when_the_pipeline_is_saved(
    house: House, content: bytes | None, words: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        run(house, "{file: a.sql}", {} if content is None else {"a.sql": content})
    assert words in caught.value.message + str(caught.value.details)


@pytest.mark.parametrize(
    "where", ["{file: ../a.sql}", "{file: /etc/passwd}", "{file: 1}", "{fil: a.sql}"]
)
def test_only_a_file_of_the_folder_can_be_named(house: House, where: str) -> None:
    with pytest.raises(InvalidInput):
        run(house, where, {"a.sql": b"select 1"})


def test_the_query_of_a_copy_comes_from_a_file(house: House, sales: psycopg.Connection) -> None:
    house.create(
        "ana",
        "name: copied\ntasks:\n  one:\n    type: copy\n"
        "    from: {connection: warehouse, query: {file: q.sql}}\n"
        "    to: {connection: warehouse, table: steps.sales, mode: append}\n",
        {"q.sql": b"select 5 as id, 6 as amount"},
    )
    assert house.run("ana", "copied").state == "succeeded"
    assert rows(sales) == [(5, 6)]

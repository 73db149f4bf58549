"""DuckDB database files: values are exact, and nothing but the file is read."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.duckdb.connector import DuckdbFileConfig, DuckdbFileConnector
from wb_server.connectors.embedded.workers import Workers
from wb_server.gate.statement import analyse
from wb_server.kit.errors import Conflict, InvalidInput, NotFound, Unprocessable, WorkbenchError

pytestmark = pytest.mark.slow


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


@pytest.fixture
def connector(folder: Path, workers: Workers) -> Iterator[DuckdbFileConnector]:
    it = DuckdbFileConnector([folder], workers)
    yield it
    it.close()


@pytest.fixture(scope="module")
def shop_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with schemas, a view, comments and money."""
    path = tmp_path_factory.mktemp("shop") / "shop.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute(
            """
            create table orders (id int primary key, amount decimal(12, 2), day date, note text);
            insert into orders select i, i * 1.25, date '2024-01-01' + i::int % 300, 'n' || i
                from range(1, 50001) r(i);
            comment on table orders is 'What was ordered';
            comment on column orders.amount is 'In euros';
            create schema sales;
            create table sales.targets (year int, goal decimal(38, 10));
            insert into sales.targets values (2024, 1234567890.0123456789);
            create view big as select * from orders where amount > 1000;
            """
        )
    return path


@pytest.fixture
def shop(folder: Path, shop_file: Path) -> Path:
    """A copy of the file, in the folder of a connector."""
    return shutil.copy(shop_file, folder / "shop.duckdb")


def source(connector: DuckdbFileConnector, path: Path) -> Source:
    return Source(connector, Target("c1", 1, DuckdbFileConfig(path=str(path))))


def test_money_and_dates_are_exact(connector: DuckdbFileConnector, shop: Path) -> None:
    table = source(connector, shop).table("select * from orders order by id")
    assert table.num_rows == 50_000
    assert table.schema.field("amount").type == pa.decimal128(12, 2)
    with duckdb.connect(str(shop), read_only=True) as database:
        row = database.execute("select sum(amount) from orders").fetchone()
    assert row is not None
    assert sum(table["amount"].to_pylist()) == row[0]
    assert table["day"][0].as_py() == dt.date(2024, 1, 2)
    goal = source(connector, shop).value("select goal from sales.targets", "sales.targets")
    assert goal == Decimal("1234567890.0123456789")


def test_browsing_lists_schemas_tables_and_views(
    connector: DuckdbFileConnector, shop: Path
) -> None:
    with source(connector, shop).open(kind="browse") as session:
        assert [(each.name, each.tables) for each in session.schemas()] == [
            ("main", 2),
            ("sales", 1),
        ]
        tables = {each.name: each for each in session.tables(None)}
        assert {name: each.kind for name, each in tables.items()} == {
            "orders": "table", "big": "view", "targets": "table",
        }  # fmt: skip
        assert tables["orders"].comment == "What was ordered"
    with source(connector, shop).open(kind="browse") as session:
        columns = session.columns("main", "orders")
        assert [each.name for each in columns] == ["id", "amount", "day", "note"]
        assert columns[0].nullable is False and columns[1].comment == "In euros"
    with source(connector, shop).open(kind="browse") as session, pytest.raises(NotFound):
        session.columns("main", "nothing")


def test_a_process_does_not_import_pandas(connector: DuckdbFileConnector, shop: Path) -> None:
    """The libraries would, which takes five times as long as a short statement."""
    with source(connector, shop).open("select i from range(100000000) r(i)") as session:
        next(iter(session.run(timeout=30, max_write_rows=0)))
        worker = session._worker  # type: ignore[attr-defined]
        mapped = Path(f"/proc/{worker.pid}/maps").read_text()
    assert "/duckdb" in mapped or "_duckdb" in mapped
    assert "/pandas/" not in mapped


@pytest.mark.parametrize(
    "sql",
    [
        "pivot (select year(day) as y, amount, id % 3 as k from orders where id < 50) on k "
        "using sum(amount) group by y order by y",
        "with o as (from orders where id < 9) pivot o on note using max(id) order by amount",
        "select * from (pivot sales.targets on year using sum(goal)) limit 5",
        "unpivot (from orders select id, amount limit 3) on amount into name n value v",
        "summarize sales.targets",
        "describe orders",
        "show tables",
        "from orders o join sales.targets t on t.year = year(o.day) select count(*)",
        "select json '{\"a\": \"x\"}' ->> 'a' = 'x', list_transform([1], x -> x + 1), main.upper('a')",
        "select table_name from information_schema.tables where table_schema = 'sales'",
    ],
)
def test_results_match_duckdbs_own(connector: DuckdbFileConnector, shop: Path, sql: str) -> None:
    statement = analyse(sql, "duckdb")
    names = [f"{it.schema}.{it.name}" if it.schema else it.name for it in statement.tables]
    table = source(connector, shop).table(statement.sql, *names)
    with duckdb.connect(str(shop), read_only=True) as database:
        plain = database.sql(sql).to_arrow_table()
    assert table.column_names == plain.column_names
    assert table.to_pylist() == plain.to_pylist()


def test_nothing_is_written(connector: DuckdbFileConnector, shop: Path) -> None:
    before = shop.read_bytes()
    source(connector, shop).table("select count(*) as n from orders")
    with pytest.raises(WorkbenchError):
        source(connector, shop).table("delete from orders")
    assert shop.read_bytes() == before
    assert [path.name for path in shop.parent.iterdir()] == [shop.name]


def test_a_view_or_macro_cannot_read_another_file(
    connector: DuckdbFileConnector, folder: Path, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("word\nkanari\n")
    path = folder / "views.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute(f"create view spy as select * from read_csv('{secret}')")
        database.execute(f"create macro spied() as table select * from read_csv('{secret}')")
        database.execute(f"create macro upper(x) as (select word from read_csv('{secret}'))")
        database.execute("create table words as select 'plain' as word")
    with pytest.raises(WorkbenchError) as refusal:
        source(connector, path).table("select * from spy")
    assert "kanari" not in str(refusal.value.message)
    with pytest.raises(WorkbenchError):
        source(connector, path).table("select * from spied()")
    # A macro named like an allowed function is not called instead of it.
    table = source(connector, path).table("select upper(word) as word from words")
    assert table["word"].to_pylist() == ["PLAIN"]


def test_a_file_locked_by_a_writer_is_reported(connector: DuckdbFileConnector, shop: Path) -> None:
    code = (
        "import duckdb, sys\n"
        f"connection = duckdb.connect({str(shop)!r})\n"
        "print('open', flush=True)\n"
        "sys.stdin.read()\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout is not None and writer.stdout.readline() == "open\n"
        with pytest.raises(Conflict) as refusal:
            source(connector, shop).table("select 1 as one from orders")
        assert refusal.value.code == "source_locked"
    finally:
        writer.communicate()
    assert (
        source(connector, shop).table("select count(*) as n from orders")["n"][0].as_py() == 50000
    )


def _damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[8192:16384] = bytes(8192)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda path: path.write_bytes(b"just a text\n" * 5000), "file_unreadable"),
        (lambda path: path.write_bytes(b""), None),
        (_damage, "file_unreadable"),
        (lambda path: path.write_bytes(path.read_bytes()[:20_000]), "file_unreadable"),
    ],
    ids=["no database", "empty", "damaged", "cut"],
)
def test_an_unreadable_file_is_reported(
    connector: DuckdbFileConnector, shop: Path, spoil: Callable[[Path], None], code: str | None
) -> None:
    spoil(shop)
    with pytest.raises(WorkbenchError) as refusal:
        source(connector, shop).table("select * from orders")
    assert refusal.value.status in (400, 502)
    if code is not None:
        assert refusal.value.code == code


@pytest.mark.parametrize("where", ["outside", "a link outside", "relative", "a folder", "no such"])
def test_only_files_in_the_allowed_folders_are_opened(
    connector: DuckdbFileConnector, folder: Path, tmp_path: Path, where: str
) -> None:
    outside = tmp_path / "outside.duckdb"
    duckdb.connect(str(outside)).close()
    path = {
        "outside": outside,
        "a link outside": folder / "link.duckdb",
        "relative": Path("data/shop.duckdb"),
        "a folder": folder / "folder.duckdb",
        "no such": folder / "nothing.duckdb",
    }[where]
    if where == "a link outside":
        path.symlink_to(outside)
    elif where == "a folder":
        path.mkdir()
    with pytest.raises(Unprocessable) as refusal:
        connector.check(DuckdbFileConfig(path=str(path)))
    assert refusal.value.code == "file_not_allowed"


def test_an_unknown_table_is_reported(connector: DuckdbFileConnector, shop: Path) -> None:
    with pytest.raises(InvalidInput) as refusal:
        source(connector, shop).table("select * from ordres")
    assert refusal.value.code == "unknown_table"


def test_a_plan_never_shows_a_views_definition(connector: DuckdbFileConnector, shop: Path) -> None:
    it = source(connector, shop)
    plan = it.rows("EXPLAIN SELECT day FROM orders WHERE id = 3", "orders")
    assert plan[0]["explain_key"] == "physical_plan" and "orders" in plan[0]["explain_value"]
    with pytest.raises(WorkbenchError) as caught:
        it.rows("EXPLAIN SELECT day FROM big", "big")
    assert caught.value.code == "explain_not_allowed"

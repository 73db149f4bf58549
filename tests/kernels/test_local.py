"""``%%sql local``: DuckDB in the kernel, on the notebook's frames and the user's files."""

from __future__ import annotations

import datetime as dt
import os
import signal
import threading
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from support.shell import Notebook

    from .conftest import Peer


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with files, and the notebook in a folder below it; with a new DuckDB."""
    from wb_kernels.local import database

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(database, "_made", {})
    notebooks = tmp_path / "notebooks"
    notebooks.mkdir()
    data = tmp_path / "data"
    data.mkdir()
    # What DuckDB guesses from the first 20,480 rows would round the last one.
    (data / "late.csv").write_text("n,amount\n" + "1,2\n" * 30_000 + "3,4.75\n")
    (data / "a.ndjson").write_text('{"a": 1}\n{"a": 2}\n')
    pd.DataFrame({"code": ["007", "8"], "day": [dt.date(2026, 1, 1)] * 2}).to_excel(
        data / "book.xlsx", index=False
    )
    (notebooks / "here.csv").write_text("x\n5\n")
    (data / "export [1].csv").write_text("x\n6\n")
    (data / "export 1.csv").write_text("x\n7\n")
    monkeypatch.chdir(notebooks)
    return tmp_path


MONEY = pa.table(
    {
        "region": ["n", "s", "n"],
        "amount": pa.array([Decimal("1.10"), Decimal("2.20"), None], pa.decimal128(38, 2)),
        "day": pa.array([dt.date(2026, 1, 1), None, dt.date(2026, 3, 1)]),
    }
)
AS_FRAMES: dict[str, Any] = {
    "arrow": MONEY,
    "batch": MONEY.to_batches()[0],
    "pandas": pd.DataFrame(
        {
            "region": ["n", "s", "n"],
            "amount": pd.Series(
                [Decimal("1.10"), Decimal("2.20"), None], dtype=pd.ArrowDtype(pa.decimal128(38, 2))
            ),
            "day": pd.to_datetime(["2026-01-01", None, "2026-03-01"]),
        }
    ),
    "objects": pd.DataFrame(
        {
            "region": ["n", "s", "n"],
            "amount": [Decimal("1.10"), Decimal("2.20"), None],
            "day": [dt.date(2026, 1, 1), None, dt.date(2026, 3, 1)],
        }
    ),
    "polars": pl.from_arrow(MONEY),
    "lazy": pl.from_arrow(MONEY).lazy(),
    "wide": MONEY.set_column(1, "amount", MONEY.column("amount").cast(pa.decimal256(60, 4))),
}


@pytest.mark.parametrize("kind", AS_FRAMES)
def test_a_frame_is_a_table_with_exact_values(notebook: Notebook, peer: Peer, kind: str) -> None:
    notebook.shell.user_ns["df"] = AS_FRAMES[kind]
    answer = notebook.run(
        "%%sql local\nselect region, sum(amount), max(day)::date from df group by 1 order by 1"
    )
    day = dt.date(2026, 3, 1)
    assert notebook.err == ""
    assert list(answer) == [("n", Decimal("1.10"), day), ("s", Decimal("2.20"), None)]
    assert not peer.seen, "local needs no service"


def test_results_and_series_are_tables_and_frames_follow_their_variable(
    notebook: Notebook, peer: Peer
) -> None:
    peer.says("select * from money", MONEY)
    notebook.run("%%sql warehouse money <<\nselect * from money")
    notebook.run("answer = %sql warehouse select * from money")
    assert len(notebook.run("%sql local select * from answer join money using (region)")) == 5
    notebook.run("import pandas as pd\ns = pd.Series([1, 2], name='n')")
    assert list(notebook.run("%sql select sum(n) from S")) == [(3,)]
    notebook.run("s = pd.Series([5], name='n')")
    assert list(notebook.run("%sql select sum(n) from s")) == [(5,)]
    notebook.run("del s")
    notebook.run("%sql select * from s")
    assert "There is no table, frame or file “s” here." in notebook.err


def test_named_indexes_are_columns(notebook: Notebook) -> None:
    notebook.run("import pandas as pd\ndf = pd.DataFrame({'k': ['b', 'a', 'b'], 'v': [1, 2, 3]})")
    notebook.run("by_k = df.groupby('k').sum()")
    assert list(notebook.run("%sql local select k, v from by_k order by k")) == [("a", 2), ("b", 4)]


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        ("select count(*), sum(amount) from 'data/late.csv'", [(30_001, 60004.75)]),
        ("select count(*) from '~/data/late.csv'", [(30_001,)]),
        ("select count(*) from '../data/l*.csv'", [(30_001,)]),
        ("from '../data/export [1].csv'", [(6,)]),
        ("from 'here.csv'", [(5,)]),
        ("select sum(a) from 'data/a.ndjson'", [(3,)]),
        ("select code, day::date from 'data/book.xlsx'", [("007", dt.date(2026, 1, 1)), ("8", dt.date(2026, 1, 1))]),
        ("select sum(x) from read_csv('../notebooks/*.csv')", [(5,)]),
    ],
)  # fmt: skip
def test_files_below_the_notebook_and_the_home(
    notebook: Notebook, sql: str, rows: list[Any]
) -> None:
    answer = notebook.run(f"%sql local {sql}")
    assert notebook.err == "" and list(answer) == rows


def test_parameters_work_as_on_other_connections(notebook: Notebook) -> None:
    notebook.run(
        "import datetime as dt, pandas as pd, numpy as np\nfrom decimal import Decimal\n"
        "df = pd.DataFrame({'x': [1, 2, 3], 'd': [dt.date(2026, 1, n) for n in (1, 2, 3)]})\n"
        'ids, none, day, n, text = [1, 3], [], dt.date(2026, 1, 2), np.int64(2), "it\'s"\n'
        "cent, big, took = Decimal('0.01'), 2**70, dt.timedelta(hours=30)"
    )
    for sql, rows in (
        ("select count(*) from df where x in (:ids)", [(2,)]),
        ("select count(*) from df where x not in :ids or x in ( :none )", [(1,)]),
        ("select count(*) from df where x = any(:ids) and d <= :day", [(1,)]),
        ("select :n + 1, :text, ':text', :cent + 0.01, :took", [(3, "it's", ":text", Decimal("0.02"), (0, 1, 21_600 * 10**9))]),
        ("select (:big)::varchar, len(:none)", [(str(2**70), 0)]),
    ):  # fmt: skip
        answer = notebook.run(f"%sql local {sql}")
        assert notebook.err == "" and list(answer) == rows, sql
    notebook.run("tiny = Decimal('1E-50')")
    notebook.run("%sql select :tiny")
    assert "InvalidParameter: Parameter :tiny has more than the 38 digits" in notebook.err


def test_the_answer_becomes_a_frame_and_says_how_many_rows_and_how_long(notebook: Notebook) -> None:
    notebook.run("%%sql local df <<\nselect range as n, 1.50 as price from range(1234)")
    assert notebook.text.strip().startswith("df: 1,234 rows, 2 columns · local · ")
    assert notebook.text.strip().endswith(" s")
    notebook.run("%sql total << select sum(price) as total from df")
    assert notebook["total"]["total"][0] == Decimal("1851.00")


def test_tables_stay_and_changes_are_counted(notebook: Notebook) -> None:
    notebook.run("import pandas as pd\ndf = pd.DataFrame({'x': [1, 2, 3]})")
    for sql, text in (
        ("create table kept as select * from df", "3 rows affected."),
        ("insert into kept select * from df where x = 1", "1 row affected."),
        ("create view doubled as select 2 * x as x from df", "Done."),
        ("copy kept to 'kept.parquet'", "4 rows affected."),
    ):
        assert repr(notebook.run(f"%sql local {sql}")) == text, sql
    notebook.run("df = pd.DataFrame({'x': [10]})")
    assert list(notebook.run("%sql select sum(x) from kept")) == [(7,)]
    assert list(notebook.run("%sql from doubled")) == [(20,)]
    assert list(notebook.run("%sql select sum(x) from 'kept.parquet'")) == [(7,)]
    assert len(notebook.run("%sql pivot kept on x using count(*)")) == 1
    assert len(notebook.run("%sql insert into kept values (9) returning x")) == 1


@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("select * from df where y = 1", 'Referenced column "y" not found'),
        ("selct 1", "Syntax error at or near"),
        ("select 'a'::int", "Could not convert string 'a' to INT32 (line 1, column"),
        ("from lst", "“lst” is a list, not a frame"),
        ("from dff", "There is no table, frame or file “dff” here. Did you mean df?"),
        ("from 'data/none.csv'", "There is no file “data/none.csv”"),
        ("from mixed", "The column “a” can't become a column of a table"),
        ("from twice", "two columns with the same name: “a”"),
        ("select 'infinity'::date as due", "The column “due” holds an infinite date"),
        ("select 2::hugeint ** 100 as n, (2::hugeint << 100)::hugeint as h", "The column “h” holds an integer"),
        ("from 'https://example.invalid/a.csv'", "This needs DuckDB's extension httpfs."),
        ("from fine", "The column “t” holds timestamp[ns, tz=UTC] with more digits"),
    ],
)  # fmt: skip
def test_an_error_is_one_line(notebook: Notebook, sql: str, line: str) -> None:
    variables = notebook.shell.user_ns
    variables["df"] = pd.DataFrame({"x": [1]})
    variables["mixed"] = pd.DataFrame({"a": [1, "x", dt.date(2026, 1, 1)]})
    variables["twice"] = pd.DataFrame([[1, 2]], columns=["a", "a"])
    variables["lst"] = [1]
    variables["fine"] = pa.table({"t": pa.array([1], pa.timestamp("ns", "UTC"))})
    notebook.run(f"%sql local {sql}")
    assert notebook.err.startswith("InvalidInput: ") and line in notebook.err
    assert len(notebook.err.strip().splitlines()) == 1 and "Traceback" not in notebook.out
    # Nothing of a failed statement stays.
    assert list(notebook.run("%sql select count(*) from df")) == [(1,)]


def test_a_transaction_that_fails_leaves_no_frame(notebook: Notebook) -> None:
    notebook.run("import pandas as pd\ndf = pd.DataFrame({'x': ['a']})")
    notebook.run("%sql local begin")
    notebook.run("%sql select x::int from df")
    assert "Could not convert" in notebook.err
    notebook.run("df = pd.DataFrame({'x': ['7']})")
    assert list(notebook.run("%sql select x::int from df")) == [(7,)]


def test_memory_is_limited_and_spills_to_a_folder_that_goes(
    notebook: Notebook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    left = tmp_path / f"workbench-local-{os.getuid()}-{2**22 + 1}-x"
    left.mkdir()  # of a kernel that was killed
    assert list(notebook.run("%sql local select current_setting('memory_limit')")) == [("1.8 GiB",)]
    assert not left.exists()
    (folder,) = tmp_path.glob("workbench-local-*")
    assert list(notebook.run("%sql select current_setting('temp_directory')")) == [(str(folder),)]
    notebook.run("%config WorkbenchSql.local_memory = '100MB'")
    many = "select count(distinct range::varchar || 'abcdefghijklmno') as n from range(1500000)"
    assert list(notebook.run(f"%sql {many}")) == [(1_500_000,)]
    notebook.run("%config WorkbenchSql.local_memory = 'much'")
    notebook.run("%sql select 1")
    assert "'much' isn't a size" in notebook.err


def test_an_interrupt_stops_the_statement(notebook: Notebook) -> None:
    notebook.run("%sql local select 1")
    main, done = threading.main_thread().ident, threading.Event()
    assert main is not None

    def interrupt() -> None:
        pause = 0.7  # nothing tells that DuckDB is at it; an early one is repeated
        while not done.wait(pause):
            signal.pthread_kill(main, signal.SIGINT)
            pause = 5

    thread = threading.Thread(target=interrupt)
    thread.start()
    notebook.run("%sql select sum(a.range * b.range) from range(10000000) a, range(100000) b")
    done.set()
    thread.join()
    assert notebook.err.strip() == "Interrupted: Query interrupted."


def test_local_from_python_sees_the_callers_frames(notebook: Notebook) -> None:
    notebook.run(
        "import wb, pandas as pd\n"
        "outer = pd.DataFrame({'x': [1, 2]})\n"
        "def ask(least):\n"
        "    inside = pd.DataFrame({'x': [2, 3]})\n"
        "    sql = 'select x from outer_ join inside using (x) where x >= :least'\n"
        "    return wb.query('local', sql.replace('outer_', '\"outer\"'), {'least': least})\n"
        "found = ask(2)"
    )
    assert notebook.error is None
    assert notebook["found"].df()["x"].tolist() == [2] and notebook["found"].rows == 1
    notebook.run("wb.query('local', 'select * from nothing')")
    assert type(notebook.error).__name__ == "InvalidInput"


def test_a_connection_that_is_called_local_is_reached_by_its_id(
    notebook: Notebook, peer: Peer
) -> None:
    old = "5b0f4b1e-2f0e-4a53-9d06-1f0a3d8f0f11"
    peer.connections.append({"name": "local", "connector": "postgres", "id": old})
    peer.says("select 1", {"x": [7]})
    assert list(notebook.run(f"%%sql {old}\nselect 1")) == [(7,)]
    assert list(notebook.run("%%sql local\nselect 1")) == [(1,)]

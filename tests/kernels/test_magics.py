"""``%sql`` in a real IPython shell, over real HTTP."""

from __future__ import annotations

import datetime as dt
import html
import re
import signal
import threading
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest

if TYPE_CHECKING:
    from support.shell import Notebook

    from .conftest import Peer


MONEY = pa.table(
    {
        "id": pa.array([1, 2, 3]),
        "amount": pa.array([Decimal("0.00"), Decimal("1234.50"), None], pa.decimal128(38, 18)),
        "day": pa.array([dt.date(2026, 1, 31), None, dt.date(2026, 3, 1)]),
        "note": pa.array(["<b>bold</b>", "plain", None]),
    }
)


def test_selecting_a_connection_prints_one_line(notebook: Notebook) -> None:
    assert notebook.run("%sql warehouse") is None
    assert notebook.text.strip() == "Using warehouse (postgres)."


def test_jupysql_gets_the_dialect_from_the_service(notebook: Notebook, peer: Peer) -> None:
    from sql.connection import ConnectionManager

    for name, dialect in (("warehouse", "postgresql"), ("lake", "duckdb")):
        notebook.run(f"%sql {name}")
        assert ConnectionManager.current.dialect == dialect
    asked = [each.path for each in peer.seen if each.path.endswith("/connectors")]
    assert len(asked) == 1


def test_the_service_describes_how_a_connector_writes_comments(
    notebook: Notebook, peer: Peer
) -> None:
    peer.connections.append({"name": "shop", "connector": "mysql"})
    peer.says("select 1 # :day", {"one": [1]})
    assert len(notebook.run("%%sql shop\nselect 1 # :day")) == 1


def test_expiring_or_missing_credentials_are_reported_once(notebook: Notebook, peer: Peer) -> None:
    ends = {"status": "expiring", "expires_at": "2031-05-17T22:00:00Z"}
    old = {"name": "old_one", "connector": "postgres", "credential": ends}
    own = {"credentials": "personal", "credential": {"status": "missing"}}
    peer.connections += [old, {"name": "own_one", "connector": "postgres", **own}]
    peer.says("select 1", {"one": [1]})
    for cell, text in (
        ("%sql old_one", "The credentials for old_one expire on 2031-05-17."),
        ("%sql old_one", ""),
        ("%sql old_one select 1", ""),
        ("%sql own_one", "choose “My Credentials…” on own_one"),
    ):
        notebook.run(cell)
        shown = notebook.text + notebook.html
        assert text in shown
        assert ("redentials" in shown) is bool(text)


def test_bare_sql_lists_the_connections(notebook: Notebook, peer: Peer) -> None:
    found = notebook.run("%sql")
    assert found.names == ["lake", "warehouse"]
    assert "duckdb" in repr(found)
    assert "Sales &amp; &lt;stock&gt;" in found._repr_html_()
    peer.connections.append({"name": "new_one", "connector": "mysql"})
    assert notebook.run("%sql --connections").names == ["lake", "new_one", "warehouse"]


def test_help_shows_how_to_use_it(notebook: Notebook) -> None:
    for option in ("--help", "-h"):
        notebook.run(f"%sql {option}")
        assert "lists your connections" in notebook.text


def test_an_unknown_name_gives_one_line_with_similar_names(notebook: Notebook) -> None:
    notebook.run("%sql warehose")
    expected = 'There is no connection "warehose". Did you mean warehouse?'
    assert notebook.err.strip() == f"UnknownConnection: {expected}"
    notebook.run("%%sql qqq\nselect 1")
    assert "Yours are: lake, warehouse." in notebook.err
    assert "Traceback" not in notebook.err + notebook.out


def test_without_a_connection_local_is_asked_and_the_error_says_how_to_select_one(
    notebook: Notebook, peer: Peer
) -> None:
    assert list(notebook.run("%sql select 1")) == [(1,)] and not peer.queries
    notebook.run("%sql select * from sales")
    assert notebook.err.strip() == (
        "InvalidInput: There is no table, frame or file “sales” here. No connection is selected, so this "
        "ran on local, DuckDB in this notebook. Select one with %sql NAME. Yours are: lake, warehouse."
    )
    peer.says("select 1", {"x": [7]})
    assert list(notebook.run("%%sql warehouse\nselect 1")) == [(7,)]
    assert list(notebook.run("%sql select 1")) == [(7,)]


def test_a_cell_shows_a_table(notebook: Notebook, peer: Peer) -> None:
    peer.says("select * from money", MONEY)
    answer = notebook.run("%%sql warehouse\nselect * from money")
    shown = answer._repr_html_()
    assert "0.000000000000000000" in shown and "0E-18" not in shown
    assert '<td style="text-align:right;' in shown
    assert "&lt;b&gt;bold&lt;/b&gt;" in shown and "<b>" not in shown
    assert re.search("white-space:nowrap[^>]*>2026-01-31<", shown) and ">NULL<" in shown
    assert "3 rows · warehouse" in shown
    lines = repr(answer).splitlines()
    assert lines[0].split() == ["id", "amount", "day", "note"]
    assert lines[3].split() == ["2", "1234.500000000000000000", "NULL", "plain"]


def test_a_plan_is_shown_whole_and_text_keeps_its_whitespace(
    notebook: Notebook, peer: Peer
) -> None:
    plan = "\n".join(f"{'  ' * depth}→ step {depth}" for depth in range(60))
    peer.says(
        "explain select 1",
        pa.table({"explain_key": ["physical_plan"], "explain_value": [plan]}),
    )
    shown = notebook.run("%%sql warehouse\nexplain select 1")._repr_html_()
    assert plan in shown and "white-space:pre" in shown
    lines = [f"{'  ' * depth}->  Scan {depth}  (cost=1)" for depth in range(30)]
    peer.says("explain select 2", pa.table({"QUERY PLAN": lines}))
    drawn = notebook.run("%%sql warehouse\nexplain select 2")
    assert repr(drawn).startswith("\n".join(["QUERY PLAN", *lines, "30 rows"]))
    assert all(html.escape(line) in drawn._repr_html_() for line in lines)
    peer.says("select note", pa.table({"note": [plan]}))
    shown = notebook.run("%%sql warehouse\nselect note")._repr_html_()
    cell = re.sub("<[^>]*>", "", shown[shown.index("<td") : shown.index("</td>")])
    assert cell.startswith("→ step 0↵  → step 1↵    → step 2") and len(cell) == 200


def test_durations_are_shown_in_hours_with_one_sign(notebook: Notebook, peer: Peer) -> None:
    """MySQL's TIME ranges from -838 to 838 hours; Python would write days and a remainder."""
    times = [
        -dt.timedelta(hours=120, minutes=30),
        dt.timedelta(hours=838, minutes=59, seconds=59),
        dt.timedelta(microseconds=-250),
        dt.timedelta(0),
    ]
    peer.says("select t from shifts", pa.table({"t": pa.array(times, pa.duration("us"))}))
    lines = repr(notebook.run("%%sql warehouse\nselect t from shifts")).splitlines()
    shown = [line.strip() for line in lines if ":" in line]
    assert shown == ["-120:30:00", "838:59:59", "-00:00:00.000250", "00:00:00"]


def test_intervals_and_years_beyond_pythons_range_are_shown(notebook: Notebook, peer: Peer) -> None:
    """jupysql reads the rows into Python before it shows them."""
    took = pa.array([(0, 0, 4_500 * 10**9), (1, 14, 28_800 * 10**9)], pa.month_day_nano_interval())
    table = pa.table(
        {
            "took": took,
            "due": pa.array([3_672_713, None], pa.int32()).cast(pa.date32()),
            "all": pa.array([[(0, 0, 1000)], None], pa.list_(took.type)),
        }
    )
    peer.says("select took", table)
    answer = notebook.run("%%sql warehouse\nselect took")
    assert notebook.error is None
    first, second = [re.split(r"  +", line.strip()) for line in repr(answer).splitlines()[2:4]]
    assert first == ["01:15:00", "12025-07-19", '["00:00:00.000001"]']
    assert second == ["1 mon 14 days 08:00:00", "NULL", "NULL"]
    assert "12025-07-19" in answer._repr_html_()
    assert answer.dict()["due"] == ("12025-07-19", None)


def test_a_long_answer_shows_its_first_rows(notebook: Notebook, peer: Peer) -> None:
    peer.says("select n", {"n": list(range(1234))})
    notebook.run("%sql warehouse")
    answer = notebook.run("%sql select n")
    assert "Showing 10 of 1,234 rows" in answer._repr_html_()
    notebook.run("%config SqlMagic.displaylimit = 3")
    assert "Showing 3 of 1,234 rows" in repr(answer)
    assert len(answer) == 1234


def test_settings_of_jupysql_can_precede_the_first_query(notebook: Notebook) -> None:
    notebook.run("%config SqlMagic.displaylimit = 5")
    assert notebook.error is None
    notebook.run("%config SqlMagic.displaylimit")
    assert notebook.error is None


@pytest.mark.parametrize(
    "cell",
    [
        "%sql df << select * from money",
        "df = %sql select * from money\ndf = df.df()",
        "%%sql warehouse df <<\nselect * from money",
        "%%sql df <<\nselect * from money",
        "%sql warehouse df << select * from money",
        "%sql df = << select * from money",
    ],
)
def test_an_answer_becomes_a_pandas_frame(notebook: Notebook, peer: Peer, cell: str) -> None:
    peer.says("select * from money", MONEY)
    notebook.run("%sql warehouse")
    notebook.run(cell)
    frame = notebook["df"]
    assert type(frame).__module__.startswith("pandas")
    assert frame["amount"].sum() == Decimal("1234.5")
    assert str(frame["amount"].dtype) == "decimal128(38, 18)[pyarrow]"
    assert str(frame["day"].dtype).startswith("datetime64")


@pytest.mark.parametrize(
    ("frame", "module"), [("polars", "polars"), ("arrow", "pyarrow"), ("result", "wb_kernels")]
)
def test_an_answer_becomes_another_kind_of_frame(
    notebook: Notebook, peer: Peer, frame: str, module: str
) -> None:
    peer.says("select * from money", MONEY)
    notebook.run(f"%config WorkbenchSql.frame = {frame!r}")
    notebook.run("%%sql warehouse df <<\nselect * from money")
    assert type(notebook["df"]).__module__.startswith(module)


def test_jupysqls_own_conversions_to_frames(notebook: Notebook, peer: Peer) -> None:
    peer.says("select * from money", MONEY)
    answer = notebook.run("%%sql warehouse\nselect * from money")
    assert answer.DataFrame().shape == answer.PolarsDataFrame().shape == (3, 4)
    assert answer.arrow().num_rows == 3
    assert [row[0] for row in answer] == [1, 2, 3]
    assert answer.dict()["id"] == (1, 2, 3)
    assert answer.csv().splitlines()[0] == "id,amount,day,note"
    notebook.run("%config SqlMagic.autopolars = True")
    assert type(notebook.run("%sql select * from money")).__module__.startswith("polars")
    assert len(peer.queries) == 2  # jupysql itself would rerun the query for each frame


def test_parameters_are_sent_separately_from_the_text(notebook: Notebook, peer: Peer) -> None:
    query = """select ':no', x::text, ":no", arr[1:2] -- :no
    from t /* :no */ where day >= :since and id in (:ids) and note = :note"""
    peer.says(query, {"x": [1]})
    notebook.run("import datetime\nsince = datetime.date(2026, 1, 2)\nids = [1, 2]")
    notebook.run("note = \"it's'; drop table t\"")
    notebook.run(f"%%sql warehouse\n{query}")
    assert notebook.error is None
    assert peer.queries[-1]["sql"].strip() == query
    assert peer.queries[-1]["params"] == {
        "since": {"type": "date", "value": "2026-01-02"},
        "ids": [1, 2],
        "note": "it's'; drop table t",
    }


def test_a_missing_variable_is_one_line_and_sends_nothing(notebook: Notebook, peer: Peer) -> None:
    notebook.run("%%sql warehouse\nselect * from t where x = :nowhere")
    assert notebook.err.startswith("UndefinedParameter: :nowhere isn't a variable")
    assert "Traceback" not in notebook.out and not peer.queries


@pytest.mark.parametrize("text", ["select {{name}}", "select 'a' from t where x = {{ name }}"])
def test_templates_are_refused(notebook: Notebook, peer: Peer, text: str) -> None:
    notebook.run("name = 'x'")
    notebook.run(f"%%sql warehouse\n{text}")
    assert "Write :name" in notebook.err and not peer.queries


@pytest.mark.parametrize(
    "query",
    [
        "select 'it''s  {two}', 1 << 2, '{{1,2},{3,4}}'::int[] -- and a comment",
        "select '{{x}}' as template, $$ {{ y }} $$, \"{{z}}\" /* {{ a }} */",
    ],
)
def test_statements_are_sent_as_written(notebook: Notebook, peer: Peer, query: str) -> None:
    peer.says(query, {"x": [1]})
    notebook.run("%sql warehouse")
    notebook.run(f"%sql {query}")
    assert notebook.err == "" and peer.queries[-1]["sql"] == query
    notebook.run(f"%%sql\n{query}")
    assert peer.queries[-1]["sql"] == query


def test_several_statements_run_in_turn(notebook: Notebook, peer: Peer) -> None:
    peer.says("select ';'", {"x": [1]})
    peer.says("select 2", {"x": [2]})
    answer = notebook.run("%%sql warehouse\nselect ';';\nselect 2; -- done;")
    assert [each["sql"] for each in peer.queries] == ["select ';'", "select 2"]
    assert list(answer) == [(2,)]


def test_an_error_of_the_service_is_one_line(notebook: Notebook, peer: Peer) -> None:
    error = {
        "code": "unknown_table",
        "message": "There is no table slaes.",
        "details": {"near": ["sales"], "line": 1, "column": 15},
    }
    peer.says("select * from slaes", status=400, body={"error": error})
    notebook.run("%%sql warehouse\nselect * from slaes")
    assert notebook.err.strip() == (
        "InvalidInput: There is no table slaes (line 1, column 15). Did you mean sales?"
    )
    assert "Traceback" not in notebook.out
    notebook.run("%config SqlMagic.short_errors = False")
    notebook.run("%sql select * from slaes")
    assert type(notebook.error).__name__ == "InvalidInput"
    assert notebook.error.details["near"] == ["sales"]


def test_messages_like_another_databases_add_no_advice(notebook: Notebook, peer: Peer) -> None:
    error = {"code": "source_failed", "message": "Catalog Error: no such table", "details": {}}
    peer.says("select 1", status=502, body={"error": error})
    notebook.run("%%sql warehouse\nselect 1")
    assert notebook.err.strip() == "SourceFailed: Catalog Error: no such table"


def test_a_failure_in_the_middle_of_the_stream_leaves_no_frame(
    notebook: Notebook, peer: Peer
) -> None:
    error = {"code": "source_failed", "message": "division by zero", "details": {}}
    peer.says("select 1", {"x": [1, 2]}, error=error)
    notebook.run("%%sql warehouse df <<\nselect 1")
    assert notebook.err.strip() == "SourceFailed: division by zero"
    assert "df" not in notebook.shell.user_ns


def test_a_truncated_answer_names_the_row_limit(notebook: Notebook, peer: Peer) -> None:
    peer.says("select 1", {"x": [1, 2]}, truncated=True)
    answer = notebook.run("%%sql warehouse\nselect 1")
    assert "stops at the row limit of 2 rows" in answer._repr_html_()
    notebook.run("%%sql df <<\nselect 1")
    assert "stops at the row limit of 2 rows" in notebook.text


def test_a_write_shows_its_affected_rows(notebook: Notebook, peer: Peer) -> None:
    peer.says("delete from t", {"rows_affected": [5]}, kind="write")
    answer = notebook.run("%%sql warehouse\ndelete from t")
    assert repr(answer) == "5 rows affected."


def test_the_right_connection_among_similar_names(notebook: Notebook, peer: Peer) -> None:
    peer.connections.append({"name": "warehouse_eu", "connector": "postgres"})
    peer.says("select 1", {"x": [1]})
    notebook.run("%sql warehouse_eu")
    notebook.run("%%sql warehouse\nselect 1")
    assert peer.queries[-1]["connection"] == "warehouse"
    notebook.run("warehouse = 'a variable of that name'")
    notebook.run("%%sql warehouse\nselect 1")
    assert peer.queries[-1]["connection"] == "warehouse" and notebook.err == ""


def test_snippets(notebook: Notebook, peer: Peer) -> None:
    notebook.run("%%sql warehouse --save recent --no-execute\nselect * from sales where d = :d")
    peer.answers.clear()
    notebook.run("d = 1")
    notebook.run("%%sql --with recent\nselect count(*) from recent")
    sent = peer.queries[-1]
    assert sent["sql"].startswith("WITH") and "where d = :d" in sent["sql"]
    assert sent["params"] == {"d": 1}
    notebook.run("%sqlcmd snippets")
    assert "recent" in notebook.text + notebook.html


def test_an_interrupt_stops_the_query(notebook: Notebook, peer: Peer) -> None:
    peer.says("select pg_sleep(99)", hang_first=True)
    notebook.run("%sql warehouse")
    main = threading.main_thread().ident
    assert main is not None

    done = threading.Event()

    def interrupt() -> None:
        # Repeated, as a user would: Python drops an interrupt that arrives in a finalizer.
        peer.hangs.wait(10)
        while not done.is_set():
            signal.pthread_kill(main, signal.SIGINT)
            done.wait(5)

    thread = threading.Thread(target=interrupt)
    thread.start()
    notebook.run("%sql select pg_sleep(99)")
    done.set()
    thread.join()
    assert notebook.err.strip() == (
        "Interrupted: Query interrupted; it was stopped in the database."
    )
    assert peer.hung_up.wait(10)
    assert peer.cancelled == [peer.queries[-1]["query_id"]]


def test_a_url_is_left_to_jupysql(notebook: Notebook, peer: Peer) -> None:
    notebook.run("%sql sqlite://")
    notebook.run("x = 7")
    answer = notebook.run("%sql select :x * 6 as answer")
    assert list(answer) == [(42,)] and not peer.queries
    peer.says("select 1", {"x": [1]})
    notebook.run("%%sql warehouse\nselect 1")
    assert len(peer.queries) == 1


def test_load_ext_sql_keeps_the_workbenchs_magic(notebook: Notebook, peer: Peer) -> None:
    peer.says("select 1", {"x": [1]})
    notebook.run("%load_ext sql")
    notebook.run("%%sql warehouse\nselect 1")
    assert len(peer.queries) == 1


def test_wb_in_a_notebook(notebook: Notebook, peer: Peer) -> None:
    peer.says("select 1", {"x": [1]})
    notebook.run("import wb\nwb.query('warehouse', 'select 1', {'a': None})")
    assert "1 row · warehouse" in notebook.text
    assert peer.queries[-1]["params"] == {"a": None}
    notebook.run("n = wb.connections().names")
    assert notebook["n"] == ["lake", "warehouse"]


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("%sqlplot histogram --table money --column amount", "alt.Chart(df)"),
        ("%sqlcmd tables", "information_schema.tables"),
        ("%sqlcmd columns --table money", "Connections panel"),
        ("%sqlcmd profile --table money", "%sql local summarize df"),
    ],
)
def test_jupysqls_plots_are_gone_with_a_hint(
    notebook: Notebook, peer: Peer, line: str, hint: str
) -> None:
    for cell in (line, "%sql warehouse", line, "%sql local", line):
        notebook.run(cell)
        if cell == line:
            assert notebook.err.startswith("UsageError: %sql") and hint in notebook.err
            assert len(notebook.err.strip().splitlines()) == 1
    assert not peer.queries
    notebook.run("%sql sqlite://")
    notebook.run("%sqlcmd tables")
    assert notebook.err == ""

"""The files connector: which files are tables, and that a statement can only read these."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import textwrap
import threading
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.source import Source, make_permit
from support.wait import wait_for

from wb_server.connectors.base import Target
from wb_server.connectors.embedded import process as duckdb_worker
from wb_server.connectors.embedded.errors import worker_error
from wb_server.connectors.embedded.file_tables import table_name
from wb_server.connectors.embedded.options import FileReading, Reading
from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.files.connector import FilesConfig, FilesConnector
from wb_server.connectors.files.session import find_tables
from wb_server.kit.errors import (
    Cancelled,
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    SourceFailed,
    SourceTimeout,
    Unprocessable,
    WorkbenchError,
)
from wb_server.kit.forking import ENVIRONMENT, Forked, Nursery

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with a data folder, and a file outside it that must stay unread."""
    root = tmp_path_factory.mktemp("files")
    (root / "secret.csv").write_text("word\nhush\n")
    data = root / "data"
    data.mkdir()
    (data / "orders.csv").write_text("id,amount\n1,2.50\n2,3.75\n")
    big = pa.table({"i": pa.array(range(3_000_000), pa.int64())})
    pq.write_table(big, data / "big.parquet")
    return root


@pytest.fixture(scope="module")
def connector(root: Path, workers: Workers) -> FilesConnector:
    return FilesConnector([root], workers)


@pytest.fixture
def files(connector: FilesConnector, root: Path) -> Source:
    return Source(connector, Target("c1", 1, FilesConfig(folder=str(root / "data"))))


def of(connector: FilesConnector, folder: Path) -> Source:
    return Source(connector, Target("c1", 1, FilesConfig(folder=str(folder))))


# --- which files are tables ------------------------------------------------------------------


def make(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("a\tb\n1\t2\n" if path.suffix == ".tsv" else "a,b\n1,2\n")
    return folder


def test_files_become_tables(tmp_path: Path) -> None:
    make(
        tmp_path,
        "Sales 2025.csv", "2024.csv", "a.b.tsv", "Ärger.csv", "log.JSONL", "x.csv.gz", "_hidden.csv",
        ".dot.csv", "note.txt", "more.ndjson", "-.json",
    )  # fmt: skip
    found = find_tables(tmp_path, Reading())
    assert {name: found.find(name).kind for name in found.names()} == {  # type: ignore[union-attr]
        "sales_2025": "csv", "t_2024": "csv", "a_b": "tsv", "ärger": "csv", "log": "json", "x": "csv",
        "more": "json", "table": "json",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("stem", "name"),
    [
        ("売上", "売上"),
        ("é", "é"),
        ("e\u0301", "é"),
        ("первый квартал", "первый_квартал"),
        ("a.b-c  d", "a_b_c_d"),
        ("\u202egnp.", "gnp"),
        ("a\u200fb\tc\x01", "a_b_c"),
        ("📈 2025", "📈_2025"),
        ("quo\"te's", "quo_te_s"),
        ("select", "select"),
        ("„Zitat“", "zitat"),
        ("!!!", "table"),
        ("2025", "t_2025"),
        ("İ", "i̇"),
    ],
)
def test_a_table_name_depends_only_on_its_file(stem: str, name: str) -> None:
    assert table_name(stem) == name


def test_a_new_file_never_changes_what_a_name_means(tmp_path: Path) -> None:
    """Whatever files are added, a name keeps its meaning or becomes an error."""
    names = ["первый", "второй", "é", "a b", "a_b", "A-B", "table", "x_csv", "x", "📈", "q" * 80]
    meant: dict[str, str] = {}
    for number, stem in enumerate(sorted(names, key=lambda it: hash(it) % 7)):
        make(tmp_path, f"{stem}.{'csv' if number % 2 else 'tsv'}")
        found = find_tables(tmp_path, Reading())
        for name, path in meant.items():
            try:
                table = found.find(name)
            except InvalidInput as error:
                ambiguous = error
            else:
                assert table is not None and table.paths == (path,)
                continue
            assert ambiguous.code == "ambiguous_table"
            assert Path(path).name in ambiguous.details["files"]
        for name, problem in found.names().items():
            if problem is None and (it := found.find(name)):
                meant[name] = it.paths[0]


def test_clashing_names_are_refused(tmp_path: Path, workers: Workers) -> None:
    make(tmp_path, "orders.csv", "orders.tsv", "people.csv", "People.csv", "logs.csv", "logs/a.csv")
    found = find_tables(tmp_path, Reading())
    shown = found.names()
    assert [name for name, problem in shown.items() if problem is None] == [
        "orders_csv", "orders_tsv",
    ]  # fmt: skip
    assert shown["people"] == "“people” may mean “People.csv” and “people.csv”. Rename one of them."
    assert shown["logs"] == "“logs” may mean “logs/” and “logs.csv”. Rename one of them."
    source = of(FilesConnector([tmp_path], workers), tmp_path)
    assert source.value("select count(*) from orders_tsv", "orders_tsv") == 1
    with pytest.raises(InvalidInput, match="Use orders_csv or orders_tsv") as caught:
        source.table("select * from orders", "orders")
    assert caught.value.details["files"] == ["orders.csv", "orders.tsv"]
    with source.open(kind="browse") as session:
        listed = {table.name: table.comment for table in session.tables(None)}
        assert listed == shown
        with pytest.raises(InvalidInput):
            session.columns(None, "orders")


def test_both_unicode_forms_of_a_letter_are_one_name(tmp_path: Path, workers: Workers) -> None:
    make(tmp_path, "e\u0301tat.csv")
    source = of(FilesConnector([tmp_path], workers), tmp_path)
    for name in ("état", "e\u0301tat"):
        assert source.value(f'select count(*) from "{name}"', name) == 1
    make(tmp_path, "état.csv")
    with pytest.raises(InvalidInput) as caught:
        source.table('select * from "état"', "état")
    assert caught.value.code == "ambiguous_table"


def test_names_are_case_insensitive(tmp_path: Path, workers: Workers) -> None:
    make(tmp_path, "Ärger.csv")
    source = of(FilesConnector([tmp_path], workers), tmp_path)
    assert source.value('select count(*) from "ärger"', "ärger") == 1


def test_a_folder_is_a_table(tmp_path: Path, connector: FilesConnector, workers: Workers) -> None:
    make(tmp_path, "mixed/a.csv", "mixed/b.json", "empty/note.txt", "link.csv")
    (tmp_path / "around").symlink_to(tmp_path / "mixed")
    for year in (2024, 2025):
        folder = tmp_path / "sales" / f"year={year}"
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"x": [year * 10]}), folder / "part.parquet")
    assert list(find_tables(tmp_path, Reading()).names()) == ["link", "sales"]
    inner = FilesConnector([tmp_path], workers)
    assert of(inner, tmp_path).rows("select * from sales order by x", "sales") == [
        {"x": 20240, "year": 2024},
        {"x": 20250, "year": 2025},
    ]


def test_links_out_of_the_folder_are_ignored(
    root: Path, connector: FilesConnector, tmp_path: Path
) -> None:
    folder = root / "linked"
    make(folder, "inside.csv", "deep/x.csv")
    (folder / "out.csv").symlink_to(root / "secret.csv")
    (folder / "deep" / "out.csv").symlink_to(root / "secret.csv")
    (folder / "again.csv").symlink_to(folder / "inside.csv")
    (folder / "circle.csv").symlink_to(folder / "circle.csv")
    (folder / "rootlink").symlink_to(root)
    assert list(find_tables(folder, Reading()).names()) == ["again", "deep", "inside"]
    assert [Path(path).name for path in find_tables(folder, Reading()).find("deep").paths] == [
        "x.csv"
    ]  # type: ignore[union-attr]
    with pytest.raises(InvalidInput) as caught:
        of(connector, folder).rows("select * from out", "out")
    assert caught.value.code == "unknown_table"


@pytest.mark.parametrize("folder", ["/", "/etc", "data", "{root}/../..", "{root}/none", "a\0b"])
def test_a_folder_outside_the_root_is_refused(
    connector: FilesConnector, root: Path, folder: str
) -> None:
    config = FilesConfig(folder=folder.format(root=root))
    for attempt in (
        lambda: connector.check(config),
        lambda: connector.open(make_permit("select 1"), Target("c1", 1, config)),
    ):
        with pytest.raises(Unprocessable) as caught:
            attempt()
        assert caught.value.code == "folder_not_allowed"
        assert caught.value.details == {"field": "folder"}


def test_a_folder_replaced_by_a_link_is_refused(
    connector: FilesConnector, root: Path, tmp_path: Path
) -> None:
    folder = root / "moving"
    folder.mkdir()
    connector.check(FilesConfig(folder=str(folder)))
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(Unprocessable):
        of(connector, folder).open("select 1")


# --- reading ---------------------------------------------------------------------------------


def test_csv_tsv_and_json_are_read(tmp_path: Path, workers: Workers) -> None:
    (tmp_path / "c.csv").write_text("id,amount,day\n1,2.5,2020-01-02\n")
    (tmp_path / "t.tsv").write_text("id\tname\n1\tä b\n")
    (tmp_path / "j.json").write_text('[{"a": 1}, {"a": 2}]')
    (tmp_path / "l.jsonl").write_text('{"a": 1}\n{"a": null}\n')
    connector = FilesConnector([tmp_path], workers)
    source = of(connector, tmp_path)
    assert source.value("select amount from C where id = 1", "C") == 2.5
    assert source.value("select name from files.t", "t") == "ä b"
    assert source.value("select sum(a) from j", "j") == 3
    assert source.value("select count(l.a) from l, j", "l", "j") == 2
    with source.open(kind="browse") as session:
        assert [(schema.name, schema.tables) for schema in session.schemas()] == [("files", 4)]
        assert [table.name for table in session.tables(None)] == ["c", "j", "l", "t"]
        assert session.tables("other") == []
        assert [(column.name, column.type) for column in session.columns("files", "c")] == [
            ("id", "BIGINT"), ("amount", "DECIMAL(18,1)"), ("day", "DATE"),
        ]  # fmt: skip
        with pytest.raises(NotFound):
            session.columns("files", "nope")
    with source.open(kind="browse") as session:
        (tmp_path / "c.csv").write_text("new\nx\n")
        assert [column.name for column in session.columns(None, "c")] == ["new"]


def test_results_have_arrow_types(files: Source) -> None:
    table = files.table(
        "select sum(i) as s, 1.5::decimal(12, 2) as d, uuid() as u, '101'::bit as b, "
        "'x'::enum('x') as e, '10:00:00+02'::timetz as t, [1, 2] as l, {'a': 1} as r, "
        "timestamptz '2020-01-01 00:00:00+00' as z from big",
        "big",
    )
    assert table.schema.types == [
        pa.int64(), pa.decimal128(12, 2), pa.string(), pa.string(), pa.string(), pa.string(),
        pa.list_(pa.field("l", pa.int32())), pa.struct({"a": pa.int32()}),
        pa.timestamp("us", "UTC"),
    ]  # fmt: skip
    row = table.to_pylist()[0]
    assert (row["s"], row["d"], row["b"]) == (4_499_998_500_000, Decimal("1.50"), "101")


@pytest.mark.parametrize(
    ("sql", "code"),
    [
        ("select sum(9223372036854775807) as x from range(2)", "numeric_overflow"),
        ("select date 'infinity' as x", "bad_value"),
        ("select timestamp '-infinity' as x", "bad_value"),
        ("select 'x'::int", "bad_value"),
        ("select * from nowhere", "unknown_table"),
        ("select nope from orders", "unknown_column"),
        ("select o.nope from orders o", "unknown_column"),
        ("select\n 1 +", "syntax_error"),
        ("select no_such(1)", "unknown_function"),
        ("select x from (values (1)) a(x), (values (2)) b(x)", "bad_statement"),
    ],
)
def test_statement_errors_have_codes(files: Source, sql: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        files.table(sql, "orders")
    assert caught.value.code == code
    assert "/" not in caught.value.message


def test_results_are_streamed_in_small_batches(files: Source) -> None:
    with files.open("select i, i::varchar as s from big", "big") as session:
        answer = session.run(timeout=30, max_write_rows=0)
        rows = 0
        for batch in answer:
            assert batch.nbytes < 4 << 20
            rows += batch.num_rows
    assert rows == 3_000_000


def test_an_error_mid_stream_is_raised(files: Source) -> None:
    sql = "select case when i = 2900000 then error('boom') else i end as x from big"
    with files.open(sql, "big") as session:
        batches = iter(session.run(timeout=30, max_write_rows=0))
        next(batches)
        with pytest.raises(WorkbenchError, match="Boom"):
            for _ in batches:
                pass


def test_a_malformed_line_is_located(tmp_path: Path, workers: Workers) -> None:
    """The error names the file and the line, and quotes the line."""
    source = of(FilesConnector([tmp_path], workers), tmp_path)
    (tmp_path / "late.csv").write_text("a,b\n" + "1,2\n" * 400_000 + "3,4,oops\n")
    with pytest.raises(InvalidInput) as caught:
        source.table("select * from late", "late")
    assert caught.value.code == "bad_value"
    details = {"file": "late.csv", "line": 400_002, "value": "3,4,oops"}
    assert caught.value.details == details
    assert caught.value.message == (
        "Line 400002 of “late.csv” has 3 values, and the file has 2 columns: “3,4,oops”. "
        "Correct the line, or set the delimiter or the quote."
    )


@pytest.mark.parametrize(
    ("name", "content", "line", "says"),
    [
        ("a.csv", b"a,b\n1,2\n3,\xe9\n", 3, "isn't UTF-8 (line 3). It is probably windows-1252"),
        ("b.csv", b'a,b\n1,"x\n', 2, "quote that isn't closed"),
        ("c.csv", b"a,b\n1,2\r\n3,4\n", None, "no separator gives each line"),
        ("d.csv", b"a,b\n1,2\n3,4\n5,6,7\n8,9,10\n11,12,13\n14,15,16\n", 1, "and 3 in others"),
        ("e.json", b'{"a": 1}\n{"a": 2, "a": 3}\n', 2, "has a key twice"),
        ("f.json", b'{"a": 1}\n{"a": oops}\n', 3, "isn't valid JSON (unexpected character)"),
    ],
)
def test_malformed_files_are_reported(
    tmp_path: Path, workers: Workers, name: str, content: bytes, line: int | None, says: str
) -> None:
    (tmp_path / name).write_bytes(content)
    source = of(FilesConnector([tmp_path], workers), tmp_path)
    with pytest.raises(InvalidInput) as caught:
        source.table(f"select * from {name[0]}", name[0])
    assert caught.value.code == "bad_value"
    assert says in caught.value.message
    assert caught.value.details["file"] == name
    assert caught.value.details.get("line") == line
    assert str(tmp_path) not in caught.value.message


def test_running_out_of_memory_is_reported(root: Path) -> None:
    connector = FilesConnector([root], Workers(memory_limit="60MB"))
    with closing(connector), pytest.raises(SourceFailed, match="exceeds its limits for memory"):
        of(connector, root / "data").table(
            "select count(distinct i::varchar || 'some text') from big", "big"
        )


WIDE = ", ".join(f"repeat('x', 3000000) as c{number}" for number in range(12))


@pytest.mark.parametrize(
    ("sql", "codes"),
    [
        ("select repeat('xxxxxxxxxx', 4000000) as c", {"too_large"}),
        (f"select {WIDE}", {"too_large"}),
        ("select range(5000000) as l", {"too_large"}),
        ("select list(i) as l from big", set()),
        ("select repeat('xxxxxxxxxx', 1000000) as c from range(500)", {"out_of_memory"}),
        ("select repeat('xxxxxxxxxx', 200000000) as c", {"out_of_memory"}),
        ("select range(200000000) as l", {"out_of_memory"}),
    ],
)
def test_memory_is_bounded(root: Path, sql: str, codes: set[str]) -> None:
    """Memory that DuckDB doesn't count is bounded too, and the service reads no more than a row may hold."""
    connector = FilesConnector([root], Workers(memory_limit="300MB"))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    peak = 0
    caught: list[str] = []
    with closing(connector), of(connector, root / "data").open(sql, "big") as session:
        try:
            for _ in session.run(timeout=60, max_write_rows=0):
                worker = session._worker  # type: ignore[attr-defined]
                status = Path(f"/proc/{worker.pid}/status").read_text()
                peak = max(peak, int(status.split("VmHWM:")[1].split()[0]) >> 10)
        except WorkbenchError as error:
            caught.append(error.code)
    assert set(caught) == codes
    assert peak < 1000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 120 << 10


def test_a_row_of_many_megabytes_is_read(files: Source) -> None:
    value = files.value(
        "select repeat('xxxxxxxxxx', 3000000) as c from range(3)", "big", timeout=60
    )
    assert len(value) == 30_000_000


def test_errors_hide_foreign_paths() -> None:
    message = 'IO Error: cannot open "a.csv" nor "/etc/shadow" nor "http://127.0.0.1:1/x"'
    assert worker_error("IOException", message).message == 'Cannot open "a.csv" nor "…" nor "…".'


# --- confinement -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sql",
    [
        "copy orders to '{data}/orders.csv'",
        "copy (select 1) to '{data}/new.csv' (use_tmp_file false)",
        "attach '{data}/x.db'",
        "export database '{data}/x'",
        "create table x as select 1",
        "drop view orders",
        "set enable_external_access = true",
        "reset lock_configuration",
        "install httpfs",
        "load httpfs",
        "select 1; select 2",
        "from read_csv('{root}/secret.csv')",
        "select * from '{root}/secret.csv'",
        "select * from '{data}/../secret.csv'",
        "select * from read_text('/etc/passwd')",
        "select * from read_blob('/proc/self/environ')",
        "select * from glob('/etc/*')",
        "select * from '{data}/big.parquet'",
        "select * from 'http://127.0.0.1:1/x.csv'",
    ],
)
def test_writes_settings_and_other_files_are_refused(files: Source, root: Path, sql: str) -> None:
    before = {path: path.read_bytes()[:100] for path in (root / "data").iterdir()}
    with pytest.raises(WorkbenchError) as caught:
        files.table(sql.format(root=root, data=root / "data"), "orders")
    assert caught.value.code in ("source_refused", "source_failed", "bad_statement")
    assert {path: path.read_bytes()[:100] for path in (root / "data").iterdir()} == before


def test_only_the_named_tables_are_visible(files: Source) -> None:
    with pytest.raises(InvalidInput) as caught:
        files.table("select * from big", "orders")
    assert caught.value.code == "unknown_table"


def test_the_process_is_confined(
    root: Path, workers: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Behind DuckDB's own rules, the process has a bare environment, can't write, and opens no other files."""
    monkeypatch.setenv("SOME_SECRET", "hush")
    worker = workers.take()
    try:
        data = str(root / "data")
        table = {"kind": "csv", "paths": [f"{data}/orders.csv"]}
        worker.send(
            {
                "source": {"reads": [data], "tables": {"orders": table}},
                "sql": "select i, o.id from range(100000000) r(i), orders o",
                "memory_limit": "500MB",
                "threads": 1,
            }
        )
        next(iter(pa.ipc.open_stream(worker.output)))
        process = psutil.Process(worker.pid)
        assert set(process.environ()) == set(ENVIRONMENT)
        assert process.cwd() == "/"
        assert process.rlimit(psutil.RLIMIT_FSIZE) == (0, 0)
        assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0)
        status = Path(f"/proc/{worker.pid}/status").read_text()
        assert "NoNewPrivs:\t1" in status
        kinds = {os.readlink(f"/proc/{process.pid}/fd/{fd}").split(":")[0] for fd in range(3, 64)
                 if os.path.lexists(f"/proc/{process.pid}/fd/{fd}")}  # fmt: skip
        assert kinds <= {"pipe", f"/proc/{process.pid}/statm", f"{data}/orders.csv"}
    finally:
        worker.discard()


def test_landlock_confines_the_process(root: Path, tmp_path: Path) -> None:
    """Where the kernel has Landlock, what DuckDB would allow still fails."""
    script = textwrap.dedent(
        """
        import ctypes, runpy, socket, sys
        names = runpy.run_path(sys.argv[1])
        has = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
        names["_confine"]([sys.argv[2]])
        open(sys.argv[2] + "/orders.csv").close()
        done = []
        for path, mode in ((sys.argv[3], "r"), (sys.argv[2] + "/orders.csv", "r+"),
                           (sys.argv[2] + "/orders.csv", "w"), (sys.argv[2] + "/new", "w")):
            try:
                open(path, mode).close()
                done.append(path)
            except PermissionError:
                pass
        print(has, done)
        """
    )
    data = root / "data"
    command = [sys.executable, "-c", script, str(duckdb_worker.__file__)]
    done = subprocess.run(
        [*command, str(data), str(root / "secret.csv")], capture_output=True, text=True, check=True
    )
    version, opened = done.stdout.strip().split(" ", 1)
    assert int(version) < 1 or opened == "[]"
    assert (data / "orders.csv").stat().st_size > 0 or int(version) < 1


def test_the_process_ends_with_the_service(workers: Workers) -> None:
    """If the service dies, its processes see the closed pipe and exit."""
    worker = workers.take()
    request = {
        "source": {"reads": [], "tables": {}}, "memory_limit": "100MB", "threads": 1,
        "sql": "select count(*) from range(100000000000) t",
    }  # fmt: skip
    worker.send(request)
    assert not worker.wait(0)
    worker._request.close()
    assert worker.wait(20)
    worker.discard()


# --- stopping --------------------------------------------------------------------------------

ENDLESS = "select count(*) from big a, big b, big c where a.i + b.i + c.i = 7"


def test_a_statement_has_a_timeout(files: Source) -> None:
    with files.open(ENDLESS, "big") as session:
        with pytest.raises(SourceTimeout):
            list(session.run(timeout=1, max_write_rows=0))
        assert session._worker.wait(10)  # type: ignore[attr-defined]


def test_a_cancel_kills_the_worker(files: Source) -> None:
    session = files.open(ENDLESS, "big")
    failed: list[WorkbenchError] = []

    def run() -> None:
        try:
            list(session.run(timeout=60, max_write_rows=0))
        except WorkbenchError as error:
            failed.append(error)

    runner = threading.Thread(target=run)
    runner.start()
    worker = wait_for(lambda: session._worker)  # type: ignore[attr-defined]
    session.cancel()
    runner.join(20)
    assert [(type(error), error.code) for error in failed] == [(Cancelled, "cancelled")]
    session.close()
    wait_for(lambda: not psutil.pid_exists(worker.pid))


def test_a_statement_cancelled_before_it_runs_does_not_run(files: Source) -> None:
    with files.open("select 1") as session:
        session.cancel()
        with pytest.raises(Conflict):
            session.run(timeout=5, max_write_rows=0)


def test_closing_mid_stream_ends_the_process(files: Source) -> None:
    with files.open("select * from big", "big") as session:
        next(iter(session.run(timeout=30, max_write_rows=0)))
        worker = session._worker  # type: ignore[attr-defined]
    wait_for(lambda: not psutil.pid_exists(worker.pid))


def test_a_killed_worker_is_an_error(files: Source) -> None:
    with files.open("select * from big", "big") as session:
        batches = iter(session.run(timeout=30, max_write_rows=0))
        next(batches)
        session._worker.kill()  # type: ignore[attr-defined]
        with pytest.raises(SourceFailed, match="ended"):
            for _ in batches:
                pass


@pytest.mark.parametrize("ending", [None, {"rows": 1}])
def test_a_result_without_its_ending_is_an_error(
    files: Source, monkeypatch: pytest.MonkeyPatch, ending: dict[str, int] | None
) -> None:
    """To Arrow a stream that just stops looks complete; the row count shows that it isn't."""
    monkeypatch.setattr(Forked, "ending", lambda worker: ending)
    with pytest.raises(SourceFailed):
        files.table("select * from orders", "orders")


def test_processes_share_a_nursery_and_nothing_else() -> None:
    workers = Workers(warm=True)
    try:
        first, second = workers.take(), workers.take()
        nursery = psutil.Process(first.pid).parent()
        assert nursery is not None and nursery == psutil.Process(second.pid).parent()
        # A fork has none of a library's threads, but the locks that they held.
        assert nursery.num_threads() == 1
        # Each leaves the nursery's session as its first act.
        pids = (first.pid, second.pid, nursery.pid)
        wait_for(lambda: len({os.getsid(pid) for pid in pids}) == 3)
        first.discard()
        wait_for(lambda: not psutil.pid_exists(first.pid))
        assert not second.wait(0)
        # When the nursery is killed its processes continue, and the next request starts a new one.
        nursery.kill()
        third = workers.take()
        assert psutil.Process(third.pid).parent() != nursery
        assert not second.wait(0)
        second.discard()
        third.discard()
    finally:
        workers.close()
    wait_for(lambda: not psutil.pid_exists(third.pid))
    assert not nursery.is_running()


def test_a_failed_fork_is_an_error(files: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(nursery: Nursery) -> Forked:
        raise OSError

    monkeypatch.setattr(Nursery, "fork", fail)
    with pytest.raises(SourceFailed, match="No process"):
        files.table("select * from orders", "orders")


def test_a_write_is_refused(files: Source) -> None:
    session = files.open("insert into orders values (1)", "orders", kind="write")
    with session, pytest.raises(Forbidden):
        session.run(timeout=5, max_write_rows=0)


def test_what_isnt_read_says_what_to_do(root: Path, connector: FilesConnector) -> None:
    folder = root / "unread"
    make(folder, "old.xls", "plan.ods", "day.csv.zst", "all.zip", "data.csv", "data.zip")
    make(folder, "sub/a.csv", "sub/b.zip")
    tables = find_tables(folder, Reading())
    names = tables.names()
    assert [name for name, problem in names.items() if problem is None] == ["data", "sub"]
    assert sorted(names) == ["all", "data", "day", "old", "plan", "sub"]
    for name, says in (("old", "save it as .xlsx"), ("day", "unpack it"), ("all", "unpack it")):
        with pytest.raises(InvalidInput, match=says) as caught:
            of(connector, folder).rows(f"select * from {name}", name)
        assert caught.value.code == "unread_file" and says in str(names[name])
    said = FileReading.model_validate({"patterns": '"*.zst": {format: csv}'})
    assert find_tables(folder, said.reading()).find("day_csv")

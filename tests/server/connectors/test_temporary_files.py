"""Temporary files of DuckDB's processes: limited, isolated, and removed with the statement."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from support.source import Source
from support.wait import wait_for

from wb_server.connectors.base import Target
from wb_server.connectors.embedded import process as duckdb_worker
from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.files.connector import FilesConfig, FilesConnector
from wb_server.kit.errors import SourceFailed, Unavailable, WorkbenchError

pytestmark = pytest.mark.slow

# Exceeds the memory limit below: all the texts, distinct and sorted.
BIG = "select distinct i::varchar || ' some longer text' as s from big order by s"
ROWS = 1_500_000
Sources: TypeAlias = Callable[[Path | None, int], Source]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    pq.write_table(pa.table({"i": pa.array(range(ROWS), pa.int64())}), folder / "big.parquet")
    return folder


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    return tmp_path / "temporary"


@pytest.fixture
def source(data: Path) -> Iterator[Sources]:
    """Makes a source that may write this many bytes of temporary files to a folder."""
    made = []

    def make(temporary: Path | None, temp_bytes: int) -> Source:
        connector = FilesConnector([data], Workers(memory_limit="100MB", temporary=temporary))
        made.append(connector)
        target = Target("c1", 1, FilesConfig(folder=str(data)))
        return Source(connector, replace(target, temp_bytes=temp_bytes))

    yield make
    for connector in made:
        connector.close()


def test_a_statement_spills_to_its_own_private_folder(source: Sources, temporary: Path) -> None:
    with source(temporary, 2 << 30).open(BIG, "big") as session:
        rows = 0
        for number, batch in enumerate(session.run(timeout=60, max_write_rows=0)):
            rows += batch.num_rows
            if number == 0:
                (folder,) = temporary.iterdir()
                assert folder.stat().st_mode & 0o777 == 0o700
                assert any(folder.iterdir())
    assert rows == ROWS
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("temp_bytes", [0, 1 << 20])
def test_the_limit_on_temporary_files_is_enforced(
    source: Sources, temporary: Path, temp_bytes: int
) -> None:
    with pytest.raises(SourceFailed) as caught:
        source(temporary, temp_bytes).table(BIG, "big", timeout=60)
    assert caught.value.code == "out_of_memory"
    assert str(temporary) not in caught.value.message
    assert list(temporary.iterdir()) == []


def test_without_a_folder_nothing_is_written(source: Sources) -> None:
    with pytest.raises(SourceFailed) as caught:
        source(None, 2 << 30).table(BIG, "big", timeout=60)
    assert caught.value.code == "out_of_memory"


def test_a_cancelled_statement_leaves_no_files(source: Sources, temporary: Path) -> None:
    session = source(temporary, 2 << 30).open(BIG, "big")
    next(iter(session.run(timeout=60, max_write_rows=0)))
    (folder,) = temporary.iterdir()
    process = psutil.Process(session._worker.pid)  # type: ignore[attr-defined]
    assert process.rlimit(psutil.RLIMIT_FSIZE) == (2 << 30, 2 << 30)
    session.cancel()
    session.close()
    assert not folder.exists()


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '{folder}/x.csv'",
        "select * from read_blob('{folder}/*')",
        "attach '{folder}/x.db'",
        "set temp_directory = '/tmp'",
        "set max_temp_directory_size = '9TB'",
    ],
)
def test_statements_cannot_reach_the_folder(source: Sources, temporary: Path, sql: str) -> None:
    with pytest.raises(WorkbenchError):
        source(temporary, 1 << 20).table(sql.format(folder=temporary), "big")
    assert list(temporary.iterdir()) == []


def test_landlock_allows_writing_only_there(tmp_path: Path) -> None:
    """Where the kernel has Landlock, nothing else in the file system can be written."""
    script = textwrap.dedent(
        """
        import ctypes, os, runpy, sys
        names = runpy.run_path(sys.argv[1])
        has = ctypes.CDLL(None).syscall(444, None, ctypes.c_size_t(0), ctypes.c_uint32(1))
        names["_confine"]([sys.argv[2]], None, sys.argv[3])
        done = []
        for folder in sys.argv[2:5]:
            try:
                open(folder + "/new", "w").close()
                os.unlink(folder + "/new")
                done.append(os.path.basename(folder))
            except PermissionError:
                pass
        print(has, done)
        """
    )
    folders = [tmp_path / name for name in ("source", "temporary", "other")]
    for folder in folders:
        folder.mkdir()
    command = [sys.executable, "-c", script, str(duckdb_worker.__file__), *map(str, folders)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    version, written = done.stdout.strip().split(" ", 1)
    everywhere = "['source', 'temporary', 'other']"
    assert written == ("['temporary']" if int(version) > 0 else everywhere)


def test_files_of_a_killed_service_are_removed(temporary: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (f"query-{gone.pid}-a", f"query-{os.getpid()}-b", "something-else"):
        (temporary / name).mkdir(parents=True)
        (temporary / name / "spilled.tmp").write_text("x")
    Workers(temporary=temporary).close()
    assert sorted(it.name for it in temporary.iterdir()) == [
        f"query-{os.getpid()}-b",
        "something-else",
    ]


def test_a_failure_to_make_a_folder_is_reported(source: Sources, temporary: Path) -> None:
    it = source(temporary, 1 << 20)
    it.table("select 1", timeout=30)
    temporary.rmdir()
    temporary.write_text("no folder")
    before = _workers()
    with pytest.raises(Unavailable) as caught:
        it.table("select 1", timeout=30)
    assert caught.value.code == "storage_full"
    wait_for(lambda: not _workers() - before)


def _workers() -> set[psutil.Process]:
    """The processes for DuckDB that this one started; a Hub of the test run has its own."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if any("embedded/process.py" in word for word in process.cmdline()):
                found.add(process)
    return found

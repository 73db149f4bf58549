"""The task types ``sql`` and ``copy``, on real databases, without a run around them."""

from __future__ import annotations

import gc
import io
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pyarrow.parquet as pq
import pytest
from support.mariadb import MariaDB
from support.notebooks import stored
from support.postgres import Cluster
from support.wait import wait_for
from support.wired import ENGINEER, WHERE, Wired, schemas, wire

from wb_server.gate.lineage import TableUse
from wb_server.kit.endpoint import HangUp
from wb_server.kit.errors import Conflict, Forbidden, InvalidInput
from wb_server.pipelines.definition import check, templates
from wb_server.pipelines.definition.models import TaskSpec
from wb_server.pipelines.tasks.base import Attempt, StoredArtifact, TaskFailed, TaskResult, TaskType
from wb_server.pipelines.tasks.copy import CopyTask
from wb_server.pipelines.tasks.rows import retryable_conflicts
from wb_server.pipelines.tasks.sql import SqlTask

# In MariaDB the schema `l` belongs to the whole server, not to one test process.
pytestmark = pytest.mark.xdist_group("schema l")


class Recorder:
    """Records what an attempt reports."""

    def __init__(self, hang_up: HangUp | None = None, after: int = 0) -> None:
        self.lines: list[str] = []
        self.rows: list[int] = []
        self.used: dict[str, list[tuple[str | None, str]]] = {"read": [], "written": []}
        self.made: list[StoredArtifact] = []
        self._hang_up = hang_up
        self._after = after

    def log(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, done: int, total: int | None, text: str) -> None:
        self.rows.append(done)
        if self._hang_up is not None and done > self._after:
            self._hang_up.now()

    def kernel(self, reference: Mapping[str, Any]) -> None:
        raise AssertionError

    def notebook(self, content: bytes, final: bool) -> None:
        raise AssertionError

    def artifacts(self, tasks: Iterable[str]) -> list[StoredArtifact]:
        return [each for each in self.made if each.task in tasks]

    def tables(self, direction: str, uses: Iterable[TableUse]) -> None:
        self.used[direction] += [(use.schema, use.table) for use in uses]


class Tasks:
    """Runs a task of a pipeline file as an attempt of a run."""

    def __init__(self, wired: Wired, temporary: Path) -> None:
        self.wired = wired
        types: list[TaskType] = [SqlTask(wired.broker, temporary), CopyTask(wired.broker)]
        self._types = {each.name: each for each in types}

    def spec(self, text: str) -> TaskSpec:
        body = (
            "name: p\nparameters: {least: {type: integer, default: 2}}\ntasks:\n"
            "  before: {type: sql, connection: a, statement: select 1, into: {artifact: rows.parquet}}\n"
            "  t:\n"
        )
        text = body + "".join(f"    {line.strip()}\n" for line in text.strip().splitlines())
        file = check.load(text, {name: each.Spec for name, each in self._types.items()})
        return templates.evaluated(file.tasks["t"], {"params": {"least": 2}, "tasks": {}})

    def run(
        self,
        text: str,
        run: str = "r1",
        recorder: Recorder | None = None,
        hang_up: HangUp | None = None,
    ) -> TaskResult:
        spec = self.spec(text)
        attempt = Attempt(
            id="a",
            task_run_id=run,
            run_id="run",
            task="t",
            pipeline="p",
            number=1,
            fence=1,
            actor=ENGINEER,
            origin=WHERE,
            deadline=time.monotonic() + 60,
            hang_up=hang_up or HangUp(),
            recorder=recorder or Recorder(),
        )
        return self._types[spec.type].run(spec, attempt)


@pytest.fixture
def tasks(tmp_path: Path, postgres: Cluster, mariadb: MariaDB) -> Iterator[Tasks]:
    with (
        schemas(postgres, mariadb),
        wire(tmp_path, postgres, mariadb, max_queries_per_user=1) as wired,
    ):
        wired.write("create table l.src (id int primary key, name text, price numeric(8, 2))")
        wired.write("insert into l.src values (1, 'a', 1.50), (2, 'b', 2.50), (3, 'c', null)")
        yield Tasks(wired, tmp_path / "temporary")


COPY = """
type: copy
from: {connection: shop, query: "select * from l.src where id >= {{ params.least }}"}
to: {connection: mart, table: l.dst, mode: upsert, key: [id]}
"""


def test_a_copy_loads_the_rows_once(tasks: Tasks) -> None:
    """From PostgreSQL into MariaDB, once for the task run, with progress, log and tables."""
    recorder = Recorder()
    assert tasks.run(COPY, recorder=recorder).outputs == {"rows": 2}
    assert recorder.rows == [2]
    assert recorder.used == {"read": [("l", "src")], "written": [("l", "dst")]}
    assert recorder.lines == ["2 rows into mart, l.dst (upsert)"]
    again = Recorder()
    assert tasks.run(COPY, recorder=again).outputs == {"rows": 2}
    assert "an earlier attempt" in again.lines[0]
    tasks.run(COPY.replace("upsert, key: [id]", "append").replace("l.dst", "l.other"), "r2")
    back = (
        COPY.replace("shop", "m")
        .replace("mart", "shop")
        .replace("connection: m,", "connection: mart,")
    )
    back = back.replace("l.src", "l.dst").replace("table: l.dst", "table: l.back")
    assert tasks.run(back, "r3").outputs == {"rows": 2}
    with tasks.wired.read("select * from l.back order by id") as reading:
        rows = [row for batch in reading for row in batch.to_pylist()]
    assert rows == [
        {"id": 2, "name": "b", "price": Decimal("2.50")},
        {"id": 3, "name": "c", "price": None},
    ]


def test_the_columns_of_a_single_row_are_outputs(tasks: Tasks) -> None:
    """The columns of a single row are outputs, exact; of more rows only their number is."""
    many = tasks.run("type: sql\nconnection: shop\nstatement: select * from l.src")
    assert many.outputs == {"rows": 3}
    one = tasks.run(
        """
        type: sql
        connection: shop
        statement: "select max(price) as best, count(*) as number, date '2024-02-29' as day, null as none, true as yes, '\\\\x00ff'::bytea as raw, array[1, 2] as list from l.src where id >= {{ params.least }}"
        """
    )
    assert one.outputs == {
        "rows": 1, "best": "2.50", "number": 2, "day": "2024-02-29", "none": None, "yes": True,
        "raw": "AP8=", "list": [1, 2],
    }  # fmt: skip
    wide = ", ".join(f"{number} as c{number}" for number in range(21))
    assert tasks.run(f"type: sql\nconnection: shop\nstatement: select {wide}").outputs == {
        "rows": 1
    }


def test_a_sql_task_changes_data_once(tasks: Tasks) -> None:
    text = """
    type: sql
    connection: shop
    statement: "update l.src set price = coalesce(price, 0) + 1 where id >= {{ params.least }}"
    """
    recorder = Recorder()
    assert tasks.run(text, recorder=recorder).outputs == {"rows": 2}
    assert recorder.used == {"read": [], "written": [("l", "src")]}
    assert tasks.run(text).outputs == {"rows": 2}
    assert tasks.run("type: sql\nconnection: shop\nstatement: select sum(price) as s from l.src").outputs == {
        "rows": 1, "s": "6.00"
    }  # fmt: skip


def test_a_query_is_stored_as_an_artifact(tasks: Tasks, tmp_path: Path) -> None:
    """A Parquet file of all rows, which is deleted with the artifact."""
    recorder = Recorder()
    result = tasks.run(
        """
        type: sql
        connection: shop
        statement: select i, repeat('x', 200) as t, i / 8.0 as n from generate_series(1, 150000) i
        into: {artifact: big.parquet}
        """,
        recorder=recorder,
    )
    assert result.outputs == {"rows": 150_000}
    (artifact,) = result.artifacts
    assert (artifact.name, artifact.media_type) == ("big.parquet", "application/vnd.apache.parquet")
    assert isinstance(artifact.content, Path)
    file = pq.ParquetFile(artifact.content)
    assert file.metadata.num_rows == 150_000
    assert file.metadata.num_row_groups > 1
    table = file.read(columns=["n"])
    assert table["n"][0].as_py() == Decimal("0.125")
    assert len(recorder.rows) > 10 and recorder.rows[-1] == 150_000
    file.close()
    del result, artifact, file, table
    gc.collect()
    assert list((tmp_path / "temporary").iterdir()) == []


def test_an_empty_result_is_an_artifact_too(tasks: Tasks) -> None:
    result = tasks.run(
        "type: sql\nconnection: files\nstatement: select * from people where id > 9\n"
        "into: {artifact: none}"
    )
    assert result.outputs == {"rows": 0}
    assert pq.read_table(result.artifacts[0].content).schema.names == ["id", "name"]


def test_a_query_is_loaded_into_a_table(tasks: Tasks) -> None:
    """From a file into a database."""
    result = tasks.run(
        """
        type: sql
        connection: files
        statement: select * from people
        into: {connection: mart, table: l.people, mode: replace}
        """
    )
    assert result.outputs == {"rows": 2}
    with pytest.raises(Forbidden) as refused:
        tasks.run(
            """
            type: sql
            connection: shop
            statement: delete from l.src
            into: {connection: mart, table: l.people}
            """
        )
    assert refused.value.code == "not_a_read"


def test_a_type_that_parquet_lacks_is_refused(tasks: Tasks, tmp_path: Path) -> None:
    with pytest.raises(TaskFailed) as refused:
        tasks.run(
            "type: sql\nconnection: shop\nstatement: select interval '1 month' as i\n"
            "into: {artifact: a}"
        )
    assert (refused.value.code, refused.value.retry) == ("unsupported_type", False)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_cancelling_ends_both_halves(tasks: Tasks, postgres: Cluster) -> None:
    hang_up = HangUp()
    text = """
    type: copy
    from: {connection: shop, query: "select a.i from generate_series(1, 1000000) a(i), generate_series(1, 1000000) b(mark)"}
    to: {connection: mart, table: l.dst}
    """
    with pytest.raises(Conflict) as caught:
        tasks.run(text, recorder=Recorder(hang_up, 50_000), hang_up=hang_up)
    assert caught.value.code == "cancelled"
    wait_for(lambda: postgres.active("mark") == 0)
    assert tasks.run("type: sql\nconnection: mart\nstatement: select count(*) as n from l.dst").outputs == {
        "rows": 1, "n": 0
    }  # fmt: skip


def test_transient_errors_are_retried() -> None:
    """Somebody else's change isn't this task's mistake."""
    with pytest.raises(TaskFailed) as failed, retryable_conflicts():
        raise Conflict("It changed.", code="conflicting_change", number=1213)
    assert (failed.value.retry, failed.value.details) == (True, {"number": 1213})
    with pytest.raises(Conflict), retryable_conflicts():
        raise Conflict("Twice.", code="constraint")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("type: copy\nfrom: {connection: a, query: select 1}\nto: {connection: b, table: t, mode: upsert}", "needs a key"),
        ("type: copy\nfrom: {connection: a, query: select 1}\nto: {connection: b, table: t, key: [id]}", "Only the mode upsert"),
        ("type: sql\nconnection: a\nstatement: select 1\ninto: {connection: b, table: t, mode: upsert, key: [i, i]}", "twice"),
    ],
)  # fmt: skip
def test_mistakes_in_the_file_are_reported(tasks: Tasks, text: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        tasks.spec(text)
    (problem,) = refused.value.details["problems"]
    assert words in problem["message"]


FROM_ARTIFACT = """
type: copy
needs: [before]
from: {artifact: before.rows.parquet}
to: {connection: shop, table: l.dst, mode: upsert, key: [id]}
"""


def test_an_artifact_is_copied_into_a_table(tasks: Tasks) -> None:
    """Files that pandas or polars wrote are loaded like the rows of a query, once."""
    frame = pandas.DataFrame(
        {
            "id": [1, 2, 3],
            "kind": pandas.Categorical(["a", "b", "a"]),
            "price": [Decimal("1.50"), None, Decimal("2.25")],
            "at": pandas.to_datetime(["2024-02-29 12:00", None, "2025-01-01 00:00"]),
        }
    )
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    recorder = Recorder()
    recorder.made = [
        stored("before", "rows.parquet", buffer.getvalue()),
        stored("other", "rows.parquet", b"no"),
    ]
    assert tasks.run(FROM_ARTIFACT, recorder=recorder).outputs == {"rows": 3}
    assert recorder.used == {"read": [], "written": [("l", "dst")]}
    assert recorder.rows == [3]
    again = Recorder()
    again.made = recorder.made
    assert tasks.run(FROM_ARTIFACT, recorder=again).outputs == {"rows": 3}
    assert "an earlier attempt" in again.lines[0]
    # Another run, with a file of polars: 3 is changed, 4 added.
    other = polars.DataFrame(
        {"id": [3, 4], "kind": ["c", "d"], "price": [Decimal("9.00"), None], "at": [None, None]},
        schema_overrides={"at": polars.Datetime("us")},
    )
    buffer = io.BytesIO()
    other.write_parquet(buffer)
    recorder = Recorder()
    recorder.made = [stored("before", "rows.parquet", buffer.getvalue())]
    assert tasks.run(FROM_ARTIFACT, "r2", recorder).outputs == {"rows": 2}
    with tasks.wired.read("select id, kind, price, at::text from l.dst order by id") as reading:
        rows = [tuple(row.values()) for batch in reading for row in batch.to_pylist()]
    assert rows == [
        (1, "a", Decimal("1.50"), "2024-02-29 12:00:00"),
        (2, "b", None, None),
        (3, "c", Decimal("9.00"), None),
        (4, "d", None, None),
    ]


@pytest.mark.parametrize(
    ("made", "code", "words"),
    [
        ([], "unknown_artifact", "It made none."),
        ([stored("before", "x.csv", b"")], "unknown_artifact", "It made x.csv."),
        (
            [stored("before", "rows.parquet", b"id\n1\n")],
            "bad_artifact",
            "can't be read as Parquet",
        ),
        ([stored("before", "rows.parquet", b"")], "bad_artifact", "before.rows.parquet can't be"),
    ],
)
def test_copying_a_missing_or_invalid_artifact_fails(
    tasks: Tasks, made: list[StoredArtifact], code: str, words: str
) -> None:
    recorder = Recorder()
    recorder.made = made
    with pytest.raises(TaskFailed) as refused:
        tasks.run(FROM_ARTIFACT, recorder=recorder)
    assert (refused.value.code, refused.value.retry) == (code, False)
    assert words in refused.value.message


def test_a_damaged_artifact_loads_nothing(tasks: Tasks) -> None:
    """Half of the rows had been sent when the damage was found."""
    numbers = pyarrow.table({"id": pyarrow.array(range(300_000))})
    buffer = io.BytesIO()
    pq.write_table(numbers, buffer, row_group_size=100_000, use_dictionary=False)
    content = bytearray(buffer.getvalue())
    content[-400_000:-200_000] = b"\xff" * 200_000
    recorder = Recorder()
    recorder.made = [stored("before", "rows.parquet", bytes(content))]
    with pytest.raises(TaskFailed) as refused:
        tasks.run(FROM_ARTIFACT, recorder=recorder)
    assert (refused.value.code, refused.value.retry) == ("bad_artifact", False)
    assert recorder.rows
    count = "select count(*) as n from information_schema.tables where table_name = 'dst'"
    assert tasks.run(f"type: sql\nconnection: shop\nstatement: {count}").outputs["n"] == 0


def test_rows_of_a_file_take_little_memory(tmp_path: Path) -> None:
    """A file of less than a megabyte holds a gigabyte of text, all of it in one row group."""
    path = tmp_path / "rows.parquet"
    column = pyarrow.DictionaryArray.from_arrays(
        pyarrow.array([n // 60_000 for n in range(120_000)], pyarrow.int32()),
        pyarrow.array(["y" * 10_000, "z" * 10_000]),
    )
    pq.write_table(pyarrow.table({"t": column}), path, row_group_size=10**7)
    assert path.stat().st_size < 2**20
    code = (
        "import sys\n"
        "from support.memory import peak\n"
        "from wb_server.pipelines.tasks.parquet_rows import ParquetRows\n"
        "before, rows, size, largest = peak(), 0, 0, 0\n"
        "for batch in ParquetRows(open(sys.argv[1], 'rb'), 'x'):\n"
        "    rows, size, largest = rows + batch.num_rows, size + batch.nbytes, max(largest, batch.nbytes)\n"
        "print(rows, size, largest, peak() - before)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)},
    )
    rows, size, largest, grown = map(int, ran.stdout.split())
    assert rows == 120_000
    assert size > 2**30
    assert largest < 10 * 2**20
    assert grown < 150, f"{grown} MiB"

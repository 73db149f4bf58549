"""A failing run ends with its reason, leaves nothing hanging, and doesn't affect the next run."""

from __future__ import annotations

import json
import math
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from support.disk import fill, small_disk
from support.postgres import Cluster
from support.site import ACTOR, Site, notebook, site
from support.wait import wait_for

from wb_server.connections.service import ConnectionService
from wb_server.kit import clock
from wb_server.pipelines.kernels.outputs import CELL_BYTES
from wb_server.pipelines.models import PipelineSave
from wb_server.pipelines.runs.models import RunDetail, TaskRunView
from wb_server.pipelines.store import pipelines, versions


@pytest.fixture(scope="module")
def blobs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of blobs, with room for 64 MiB."""
    data = tmp_path_factory.mktemp("reasons") / "data"
    with small_disk(data / "blobs", 64) as folder, small_disk(data / "temporary", 2):
        yield folder


@pytest.fixture(scope="module")
def shared(blobs: Path, postgres: Cluster) -> Iterator[Site]:
    with site(blobs.parents[1]) as it:
        it.connect("warehouse", postgres.config())
        yield it


@pytest.fixture
def well(place: Site) -> Iterator[Site]:
    """The installation; after the test, a run with an sql and a notebook task succeeds at once."""
    place.save(
        "name: next\ntasks:\n  a: {type: sql, connection: warehouse, statement: 'select 1',"
        " into: {artifact: one.parquet}}\n  n: {type: notebook, notebook: n.ipynb}\n",
        n=["print(1)"],
    )
    yield place
    done = place.ended(place.run("next"), 60)
    assert done.state == "succeeded", done.message
    assert [len(task.attempts) for task in done.tasks] == [1, 1]


def alone(place: Site, *cells: str, more: str = "") -> str:
    """Starts a run of one notebook with these cells; returns its id."""
    text = f"name: alone\ntasks:\n  n: {{type: notebook, notebook: n.ipynb{more}}}\n"
    place.save(text, n=list(cells))
    return place.run("alone")


def timeout(place: Site, seconds: int) -> str:
    """A timeout that leaves a kernel time to start, however busy the machine is now."""
    began = time.monotonic()
    assert place.ended(place.run("next"), 60).state == "succeeded"
    return f", timeout: {seconds + math.ceil(2 * (time.monotonic() - began))}s"


def failed(place: Site, run: str, code: str, seconds: float = 90) -> RunDetail:
    """Waits for a run and asserts that it failed with this code; returns it."""
    done = place.ended(run, seconds)
    assert (done.state, done.code) == ("failed", code), done.message
    assert done.message
    return done


def executed(place: Site, run: str) -> dict[str, object]:
    """The executed notebook of a run's last attempt."""
    attempt = place.task(run, "n").attempts[-1]
    found: dict[str, object] = json.loads(place.runs.notebook(ACTOR, attempt.id))
    return found


def gone(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def waits(place: Site, run: str, task: str) -> TaskRunView:
    """Waits until a task waits for the Workbench, and returns it."""
    wait_for(lambda: place.task(run, task).waiting)
    return place.task(run, task)


def test_no_room_for_an_artifact(well: Site, blobs: Path) -> None:
    """The task has its rows, and waits for the room to store them; nothing runs twice."""
    well.save(
        "name: big\ntasks:\n  a: {type: sql, connection: warehouse, timeout: 3s, "
        "statement: 'select i, md5(i::text) as hash from generate_series(1, 10000) i', "
        "into: {artifact: big.parquet}}\n"
    )
    filler = fill(blobs)
    run = well.run("big")
    began = clock.monotonic()
    task = waits(well, run, "a")
    assert (task.state, len(task.attempts)) == ("running", 1), (task, well.logs(run, "a"))
    assert "disk for its files is full" in (task.waiting or "")
    # Its time doesn't pass meanwhile.
    wait_for(lambda: clock.monotonic() - began > 5)
    assert well.task(run, "a").state == "running"
    filler.unlink()
    done = well.ended(run, 10)
    assert (done.state, [each.state for each in done.tasks[0].attempts]) == (
        "succeeded",
        ["succeeded"],
    )
    assert done.tasks[0].waiting is None
    assert [each.name for each in done.tasks[0].artifacts] == ["big.parquet"]
    assert "waits: The Workbench can't store" in well.logs(run, "a")


def test_no_room_for_an_artifact_of_a_cancelled_run(well: Site, blobs: Path) -> None:
    well.save(
        "name: big\ntasks:\n  a: {type: sql, connection: warehouse, "
        "statement: 'select i, md5(i::text) as hash from generate_series(1, 10000) i', "
        "into: {artifact: big.parquet}}\n"
    )
    filler = fill(blobs)
    run = well.run("big")
    waits(well, run, "a")
    well.runs.cancel(ACTOR, run)
    assert well.ended(run, 10).state == "cancelled"
    filler.unlink()
    left = {path.name for path in blobs.iterdir() if path.is_file()}
    assert left == {".installation"}, "nothing half-written stays"


def test_no_room_while_the_rows_are_read(well: Site, blobs: Path) -> None:
    """The attempt can't go on; the task waits and is tried again, although it has no retries."""
    well.save(
        "name: big\ntasks:\n  a: {type: sql, connection: warehouse, "
        "statement: 'select i, md5(i::text) as hash from generate_series(1, 100000) i', "
        "into: {artifact: big.parquet}}\n"
    )
    run = well.run("big")
    task = waits(well, run, "a")
    assert (task.state, task.code) == ("queued", "storage_full")
    assert [each.state for each in task.attempts] == ["held"]
    assert task.next_try_at is not None
    bigger = ["mount", "-o", "remount,size=64m", str(blobs.parent / "temporary")]
    subprocess.run(bigger, check=True)
    done = well.ended(run, 20)
    assert done.state == "succeeded", done.message
    assert {each.state for each in done.tasks[0].attempts[:-1]} == {"held"}
    assert (done.tasks[0].waiting, done.tasks[0].code) == (None, None)


def test_no_room_for_a_notebook(well: Site, blobs: Path, tmp_path: Path) -> None:
    """It runs to its end, and waits there until it can be stored."""
    trace, go = tmp_path / "trace", tmp_path / "go"
    run = alone(
        well,
        f"import pathlib, time; trace = pathlib.Path({str(trace)!r}); go = pathlib.Path({str(go)!r})",
        "with trace.open('a') as file: file.write('x')",
        "while not go.exists(): print('x' * 5000); time.sleep(0.1)",
        "print('the end')",
    )
    wait_for(trace.exists)
    filler = fill(blobs)
    go.touch()
    assert waits(well, run, "n").state == "running"
    filler.unlink()
    done = well.ended(run, 15)
    assert done.state == "succeeded", done.message
    assert trace.read_text() == "x"
    assert "the end" in json.dumps(executed(well, run))


def test_a_notebook_that_prints_without_end(well: Site) -> None:
    cell = "import time\nwhile True: print('x' * 10_000); time.sleep(0.001)"
    run = alone(well, "1", cell, more=timeout(well, 5))
    failed(well, run, "timeout")
    size = len(json.dumps(executed(well, run)))
    assert 1_000 < size < CELL_BYTES + 100_000


def test_a_notebook_that_prints_faster_than_it_can_be_read(well: Site) -> None:
    """The kernel waits for the reader; only the end of the output is kept."""
    run = alone(well, "1", "while True: print('x' * 10_000)", more=timeout(well, 5))
    failed(well, run, "timeout")
    assert len(json.dumps(executed(well, run))) < CELL_BYTES + 100_000


def test_a_kernel_that_is_killed(well: Site) -> None:
    """By a signal, as from the kernel's out-of-memory killer."""
    run = alone(well, "1", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    done = failed(well, run, "kernel_died")
    assert executed(well, run)["cells"]
    assert len(done.tasks[0].attempts) == 1


@pytest.mark.parametrize("ignores_interrupt", [False, True])
def test_a_notebook_that_hangs(well: Site, tmp_path: Path, ignores_interrupt: bool) -> None:
    """A notebook that ignores interrupts is ended too, together with its kernel."""
    trace = tmp_path / "pid"
    run = alone(
        well,
        f"import os, time, signal; open({str(trace)!r}, 'w').write(str(os.getpid()))",
        f"if {ignores_interrupt}: signal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True: pass",
        more=timeout(well, 2),
    )
    failed(well, run, "timeout")
    assert gone(int(trace.read_text()))


def test_a_connection_that_is_gone(well: Site, postgres: Cluster) -> None:
    well.connect("passing", postgres.config())
    well.save("name: sql\ntasks:\n  t: {type: sql, connection: passing, statement: 'select 1'}\n")
    connections = well.workbench.api.services.get(ConnectionService)
    connections.delete(ACTOR, connections.find(ACTOR, "passing").id)
    done = failed(well, well.run("sql"), "unknown_connection")
    assert "passing" in done.message


def test_an_owner_who_is_gone(well: Site) -> None:
    well.save("name: sql\ntasks:\n  t: {type: sql, connection: warehouse, statement: 'select 1'}\n")
    with well.database.write() as transaction:
        transaction.execute(
            pipelines.update().where(pipelines.c.name == "sql").values(owner_name="gone")
        )
    done = failed(well, well.run("sql"), "owner_gone")
    assert "gone" in done.message
    assert len(done.tasks[0].attempts) == 1


def test_a_notebook_that_is_missing(well: Site) -> None:
    """Saving such a pipeline is refused; a version saved before that rule fails with its reason."""
    made = well.pipelines.create(
        ACTOR,
        PipelineSave(
            text="name: alone\ntasks:\n  n: {type: notebook, notebook: n.ipynb}\n",
            files={"n.ipynb": notebook("1")},
        ),
    )
    with well.database.write() as transaction:
        transaction.execute(
            versions.update().where(versions.c.pipeline_id == made.id).values(files={})
        )
    failed(well, well.run("alone"), "missing_notebook")


def test_a_file_of_the_folder_that_is_lost(well: Site, blobs: Path) -> None:
    """As after restoring the blobs from an older backup."""
    made = well.pipelines.create(
        ACTOR,
        PipelineSave(
            text="name: alone\ntasks:\n  n: {type: notebook, notebook: n.ipynb}\n",
            files={"n.ipynb": notebook("1", "'lost'")},
        ),
    )
    with well.database.read() as transaction:
        query = sa.select(versions.c.files).where(versions.c.pipeline_id == made.id)
        digest = transaction.execute(query).scalar_one()["n.ipynb"]
    (blobs / digest[:2] / digest[2:]).unlink()
    failed(well, well.run("alone"), "unknown_blob")

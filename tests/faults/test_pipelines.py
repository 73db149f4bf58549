"""Pipelines survive killed and stopped workers, expired leases and a Redis that forgets.

Each test prints how often the fault hit its window.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from support.postgres import Cluster
from support.site import ACTOR, Site
from support.wait import wait_for


def busy_worker(place: Site, run_id: str, task: str) -> psutil.Process:
    """The worker that runs a task."""
    name = place.running(run_id, task).attempts[-1].worker
    # Its name ends with its pid and a random suffix.
    return psutil.Process(int(name.rsplit("-", 2)[1]))


def kill_worker(place: Site, pid: int) -> None:
    (worker,) = (each for each in place.workers if each.pid == pid)
    place.kill(worker)


def test_a_worker_killed_in_a_notebook(place: Site, tmp_path: Path) -> None:
    """The old kernel is gone before the retry's first cell runs."""
    trace = tmp_path / "trace"
    place.save(
        "name: nb\ntasks:\n  n: {type: notebook, notebook: n.ipynb}\n",
        n=[
            "import os, time, pathlib\n"
            f"trace = pathlib.Path({str(trace)!r})\n"
            "def alive(p):\n"
            "    try: return open(f'/proc/{p}/stat').read().rpartition(')')[2].split()[0] != 'Z'\n"
            "    except OSError: return False\n"
            "old = [p for p in trace.read_text().split() if alive(p)] if trace.exists() else []\n"
            "with trace.open('a') as f: f.write(f'{os.getpid()}\\n')\n"
            "assert not old, old",
            "first = len(trace.read_text().split()) == 1\ntime.sleep(600 if first else 0)",
            "print('done')",
        ],
    )
    run = place.run("nb")
    place.running(run, "n")
    wait_for(lambda: trace.exists() and trace.read_text().strip())
    old = int(trace.read_text().split()[0])
    hit = place.task(run, "n").state == "running" and psutil.pid_exists(old)
    kill_worker(place, busy_worker(place, run, "n").pid)
    print(f"killed in the middle of a cell: {hit:d} of 1")
    assert hit
    done = place.ended(run)
    assert done.state == "succeeded", (done.tasks, place.logs(run, "n"))
    # On a busy machine, a retry may lose its lease too.
    states = [each.state for each in done.tasks[0].attempts]
    assert states == ["lost"] * (len(states) - 1) + ["succeeded"]
    assert len(trace.read_text().split()) > 1
    assert not psutil.pid_exists(old) or psutil.Process(old).status() == psutil.STATUS_ZOMBIE


def test_a_worker_killed_in_a_copy_and_in_a_statement(place: Site, postgres: Cluster) -> None:
    """The target has each row once."""
    mark = f"t{os.urandom(4).hex()}"
    with postgres.connect() as connection:
        connection.execute(f"create table {mark} (id int, slow text)")
        connection.execute(f"create table {mark}_log (at timestamptz default now(), n int)")
    place.save(
        f"""name: etl
tasks:
  copy:
    type: copy
    from: {{connection: warehouse, query: "select id, slow from drops"}}
    to: {{connection: warehouse, table: {mark}, mode: append}}
  write:
    type: sql
    needs: [copy]
    connection: warehouse
    statement: "insert into {mark}_log (n) select count(*) from {mark}, nap3"
"""
    )
    hits = 0
    run = place.run("etl")
    for task in ("copy", "write"):
        worker = busy_worker(place, run, task)
        wait_for(lambda: postgres.active(mark) or postgres.active("drops"))
        kill_worker(place, worker.pid)
        place.start_worker()
        hits += place.task(run, task).state == "running"
        place.running(run, task, 2)
    done = place.ended(run)
    print(f"killed in the middle of a task: {hits} of 2")
    assert done.state == "succeeded", done.message
    with postgres.connect() as connection:
        rows = connection.execute(f"select count(*), count(distinct id) from {mark}").fetchone()
        written = connection.execute(f"select count(*), min(n) from {mark}_log").fetchone()
    assert rows == (1000, 1000)
    assert written == (1, 1000)
    assert hits == 2


@pytest.mark.parametrize("how", ["flushed", "restarted"])
def test_redis_forgets_everything(place: Site, how: str) -> None:
    place.save(
        "name: chain\ntasks:\n"
        + "".join(
            f"  t{n}: {{type: sql, connection: warehouse, statement: 'select count(*) from generate_series(1, 3000000)'"
            + (f", needs: [t{n - 1}]" if n else "")
            + "}\n"
            for n in range(6)
        )
    )
    place.save(
        "name: wide\ntasks:\n"
        + "".join(
            f"  t{n}: {{type: sql, connection: warehouse, statement: 'select {n}'}}\n"
            for n in range(6)
        )
    )
    runs = [place.run("chain")]
    place.running(runs[0], "t1")
    # Rings now stay in the queue, except any already on its way to a waiting worker.
    place.stop(*place.workers)
    runs.append(place.run("wide"))
    hit = place.redis.queued()
    place.redis.flush() if how == "flushed" else place.redis.restart()
    print(f"rings in the queue when Redis was {how}: {hit}")
    assert hit
    for worker in place.workers:
        worker.send_signal(signal.SIGCONT)
    for run in runs:
        assert place.ended(run).state == "succeeded"


def test_a_lease_expires_while_its_worker_is_alive(place: Site, postgres: Cluster) -> None:
    """A worker stopped for too long finds that another worker has its task, and changes nothing."""
    mark = f"t{os.urandom(4).hex()}"
    with postgres.connect() as connection:
        connection.execute(f"create table {mark} (n int)")
    place.save(
        f"name: slow\ntasks:\n  w: {{type: sql, connection: warehouse, "
        f"statement: 'insert into {mark} select one from nap1'}}\n"
    )
    run = place.run("slow")
    worker = busy_worker(place, run, "w")
    place.stop(worker)
    wait_for(lambda: len(place.task(run, "w").attempts) == 2, 30)
    hit = worker.status() == psutil.STATUS_STOPPED
    worker.send_signal(signal.SIGCONT)
    print(f"the lease expired while the worker was alive: {hit:d} of 1")
    assert hit
    done = place.ended(run)
    assert done.state == "succeeded", done.message
    assert [each.state for each in done.tasks[0].attempts] == ["lost", "succeeded"]
    with postgres.connect() as connection:
        assert connection.execute(f"select count(*) from {mark}").fetchone() == (1,)
    wait_for(lambda: "not claimed" not in place.log("worker"))


def test_a_stopped_worker_claims_its_own_task_again(place: Site, postgres: Cluster) -> None:
    """With two attempts of a task in one worker, the old one ends and the new one keeps its lease."""
    place.complete(workers=1, schedulers=1)
    with postgres.connect() as connection:
        connection.execute("drop table if exists again; create table again (n int)")
    place.save(
        "name: again\ntasks:\n  w: {type: sql, connection: warehouse, "
        "statement: 'insert into again select one from nap3'}\n"
    )
    run = place.run("again")
    worker = busy_worker(place, run, "w")
    wait_for(lambda: postgres.active("again"))
    place.stop(worker)
    wait_for(lambda: place.task(run, "w").state == "queued")
    worker.send_signal(signal.SIGCONT)
    done = place.ended(run)
    assert done.state == "succeeded", done.message
    assert [each.state for each in done.tasks[0].attempts] == ["lost", "succeeded"]
    assert len({each.worker for each in done.tasks[0].attempts}) == 1
    with postgres.connect() as connection:
        assert connection.execute("select count(*) from again").fetchone() == (1,)


@pytest.mark.parametrize("kind", ["sql", "copy", "notebook", "http"])
def test_a_cancel_ends_each_kind_of_task_in_seconds(
    place: Site, postgres: Cluster, kind: str, slow_server: str
) -> None:
    mark = f"t{os.urandom(4).hex()}"
    with postgres.connect() as connection:
        connection.execute(f"create table {mark} (x text)")
    tasks = {
        "sql": f"{{type: sql, connection: warehouse, statement: 'select one as {mark} from nap600'}}",
        "copy": f"{{type: copy, from: {{connection: warehouse, query: 'select one::text as x from nap600 as {mark}'}}, "
        f"to: {{connection: warehouse, table: {mark}}}}}",
        "notebook": "{type: notebook, notebook: n.ipynb}",
        "http": f"{{type: http, url: '{slow_server}'}}",
    }
    place.save(
        f"name: cancelled\ndefaults: {{retries: {{count: 3, delay: 0s}}}}\n"
        f"tasks:\n  t: {tasks[kind]}\n  after: {{type: sql, needs: [t], connection: warehouse, "
        "statement: 'select 1'}\n",
        n=["import time", "time.sleep(600)"],
    )
    run = place.run("cancelled")
    place.running(run, "t")
    if kind in ("sql", "copy"):
        wait_for(lambda: postgres.active(mark))
    if kind == "notebook":
        wait_for(lambda: (place.task(run, "t").attempts[-1].progress or {}).get("done"))
    hit = place.task(run, "t").state == "running"
    place.runs.cancel(ACTOR, run)
    print(f"cancelled while it ran: {hit:d} of 1")
    assert hit
    done = place.ended(run, 5)
    assert done.state == "cancelled"
    assert {task.task: task.state for task in done.tasks} == {
        "t": "cancelled",
        "after": "cancelled",
    }
    assert len(done.tasks[0].attempts) == 1
    wait_for(lambda: not postgres.active(mark), 5)


@pytest.fixture
def slow_server() -> Iterator[str]:
    """An HTTP server that never answers."""
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"


def test_a_terminated_worker_hands_over_its_tasks(place: Site) -> None:
    place.save(
        "name: handed\ntasks:\n  t: {type: sql, connection: warehouse, "
        "statement: 'select one from nap3'}\n"
    )
    run = place.run("handed")
    worker = busy_worker(place, run, "t")
    hit = place.task(run, "t").state == "running"
    worker.terminate()
    print(f"terminated in the middle of a statement: {hit:d} of 1")
    assert hit
    done = place.ended(run, 20)
    assert done.state == "succeeded"
    assert [each.state for each in done.tasks[0].attempts] == ["held", "succeeded"]
    assert done.tasks[0].attempts[0].code == "worker_stopped"

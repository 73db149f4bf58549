"""The peers of ``pipelines.py``: each runs the same graph, in the peers' own environment.

``python pipeline_peers.py <peer>`` reads a job from stdin and prints, for each round, the seconds
from submitting the graph to the end of its last task, and how many tasks were done. It uses nothing
of the Workbench; a task is `select 1` by psycopg, on a connection that its thread keeps open.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Needs = dict[str, list[str]]
_kept = threading.local()
# Seconds after which a round counts as stalled.
_STALLED = 20.0


def select_one() -> int:
    """What each task does."""
    import psycopg

    connection = getattr(_kept, "connection", None)
    if connection is None or connection.closed:
        connection = _kept.connection = psycopg.connect(
            os.environ["BENCH_POSTGRES"], autocommit=True
        )
    return int(connection.execute("select 1").fetchone()[0])


class Done:
    """Counts completed tasks."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0

    def add(self) -> None:
        with self._lock:
            self.count += 1


def _rounds(job: dict[str, Any], once: Callable[[Needs], int]) -> list[dict[str, float]]:
    """Runs a warm-up round, then the measured ones."""
    once(job["needs"])
    found = []
    for _ in range(job["rounds"]):
        began = time.time()
        done = once(job["needs"])
        found.append({"seconds": time.time() - began, "done": done})
    return found


def prefect(job: dict[str, Any]) -> list[dict[str, float]]:
    """A Prefect flow on its own server (SQLite), with as many threads as our workers have slots."""
    from prefect import flow, task
    from prefect.task_runners import ThreadPoolTaskRunner

    done = Done()

    @task
    def one() -> int:
        value = select_one()
        done.add()
        return value

    @flow(task_runner=ThreadPoolTaskRunner(max_workers=job["slots"]), log_prints=False)
    def graph(needs: Needs) -> None:
        futures: dict[str, Any] = {}
        for name, before in needs.items():
            futures[name] = one.submit(wait_for=[futures[each] for each in before])
        for future in futures.values():
            future.result()

    def once(needs: Needs) -> int:
        before = done.count
        graph(needs)
        return done.count - before

    return _rounds(job, once)


def dagster(job: dict[str, Any]) -> list[dict[str, float]]:
    """A Dagster graph, executed in process, with its instance in a folder (SQLite)."""
    import dagster as dg

    counted = Done()

    def op(name: str, before: list[str]) -> Any:
        @dg.op(name=name, ins={f"after_{each}": dg.In(dg.Nothing) for each in before})
        def one() -> None:
            select_one()
            counted.add()

        return one

    needs: Needs = job["needs"]
    graph = dg.GraphDefinition(
        name="bench",
        node_defs=[op(name, before) for name, before in needs.items()],
        dependencies={
            name: {f"after_{each}": dg.DependencyDefinition(each) for each in before}
            for name, before in needs.items()
        },
    )
    made = graph.to_job(executor_def=dg.in_process_executor)
    quiet = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}
    with dg.DagsterInstance.local_temp(job["folder"]) as instance:

        def once(_: Needs) -> int:
            before = counted.count
            assert made.execute_in_process(instance=instance, run_config=quiet).success
            return counted.count - before

        return _rounds(job, once)


def _finished(job: Any) -> bool:
    return bool(job.get_status(refresh=True) == "finished")


def _rq(job: dict[str, Any], worker_class: str) -> list[dict[str, float]]:
    # Imported under the name by which RQ's workers find it.
    from pipeline_peers import select_one as task
    from redis import Redis
    from rq import Queue

    folder = Path(job["folder"])
    workers = [
        subprocess.Popen(
            [
                str(Path(sys.executable).with_name("rq")), "worker", "-q", "-u", job["redis"],
                "-w", worker_class, "bench",
            ],
            cwd=Path(__file__).parent,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parent)},
            stdout=subprocess.DEVNULL,
            stderr=(folder / f"rq{number}.log").open("w"),
        )
        for number in range(2)
    ]  # fmt: skip
    try:
        with Redis.from_url(job["redis"]) as redis:
            queue = Queue("bench", connection=redis)

            def once(needs: Needs) -> int:
                jobs: dict[str, Any] = {}
                for name, before in needs.items():
                    after = [jobs[each] for each in before] or None
                    jobs[name] = queue.enqueue(task, depends_on=after, result_ttl=600)
                end = time.monotonic() + _STALLED
                # Poll only the last one: until it is done, no other needs asking.
                open_ = list(jobs.values())
                while open_ and time.monotonic() < end:
                    time.sleep(0.01)
                    while open_ and _finished(open_[-1]):
                        open_.pop()
                done = len(jobs) - sum(not _finished(each) for each in open_)
                for each in open_:  # keeps stalled jobs out of the next round
                    each.delete()
                return done

            return _rounds(job, once)
    finally:
        for worker in workers:
            worker.terminate()
        for worker in workers:
            worker.wait(20)


def rq_forking(job: dict[str, Any]) -> list[dict[str, float]]:
    """Plain RQ: two default workers, which fork for each job, and `depends_on`."""
    return _rq(job, "rq.Worker")


def rq_simple(job: dict[str, Any]) -> list[dict[str, float]]:
    """RQ with two workers that don't fork."""
    return _rq(job, "rq.SimpleWorker")


def nbclient(job: dict[str, Any]) -> list[dict[str, float]]:
    """Notebooks run by nbclient, each in its own kernel."""
    import nbformat
    from nbclient import NotebookClient

    def once(cells: list[str]) -> int:
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
            metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
        )
        asyncio.run(NotebookClient(notebook, kernel_name="python3").async_execute())
        return len(cells)

    once(["1"])
    found = []
    for cells in job["notebooks"]:
        for _ in range(job["rounds"]):
            began = time.time()
            found.append({"cells": len(cells), "done": once(cells), "seconds": time.time() - began})
    return found


PEERS = {
    "prefect": prefect,
    "dagster": dagster,
    "rq_forking": rq_forking,
    "rq_simple": rq_simple,
    "nbclient": nbclient,
}

if __name__ == "__main__":
    result = PEERS[sys.argv[1]](json.loads(sys.stdin.read()))
    print(json.dumps(result))

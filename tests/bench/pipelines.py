"""``./wb bench pipelines``: runs of pipelines beside Prefect, Dagster and RQ, in one run.

A fresh PostgreSQL (whose commits wait for the disk), two workers and a scheduler, with the metadata
database once in SQLite and once in that PostgreSQL. The peers run the same graph, each task one
`select 1` on the same PostgreSQL. They have their own environment below `.wb/peers`, which is created
if missing and is not part of the Workbench. Times are medians of rounds.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parents[1]
sys.path[:0] = [str(BENCH.parent)]

import figures
import psutil
from figures import Figure, spread
from support.jupyter import embedded
from support.postgres import Cluster, cluster
from support.site import ACTOR, Redis, Site, site

from wb_server.kit import clock
from wb_server.pipelines.runs.models import RunDetail

PEERS = ROOT / ".wb" / "peers" / "pipelines"
# Prefect 3.8 is incompatible with FastAPI 0.140 and later.
WANTED = (
    "prefect>=3.8,<3.9", "fastapi>=0.139,<0.140", "dagster>=1.13,<1.14", "rq==3.0.0",
    "psycopg[binary]", "nbclient", "ipykernel",
)  # fmt: skip
GRAPHS = {
    "prefect": "Prefect 3, one process, 8 threads, its server on SQLite",
    "dagster": "Dagster, in process, its instance on SQLite",
    "rq_forking": "RQ 3, two workers, depends_on",
    "rq_simple": "RQ 3, two workers that don't fork",
}
WIDE, DEEP = 20, 5
SLOTS = 4
CHAIN = 40
ONE_CELL = ["x = 1"]
TWENTY_CELLS = ["x = 1", *(f"x += {n}\nprint(x)" for n in range(19))]
# Time for the spare kernel to become ready, as when notebooks run only now and then.
SPARE_SECONDS = 4.0


def needs() -> dict[str, list[str]]:
    """The graph: each task of a layer needs two tasks of the layer before."""
    return {
        f"t{layer}_{place}": [f"t{layer - 1}_{place}", f"t{layer - 1}_{(place + 1) % WIDE}"]
        if layer
        else []
        for layer in range(DEEP)
        for place in range(WIDE)
    }


def pipeline(name: str, tasks: dict[str, list[str]], statement: str = "select 1") -> str:
    """A pipeline whose tasks all run one statement."""
    lines = [f"name: {name}", "tasks:"]
    lines += [
        f"  {task}: {{type: sql, connection: source, statement: '{statement}', "
        f"needs: [{', '.join(before)}]}}"
        for task, before in tasks.items()
    ]
    return "\n".join(lines) + "\n"


@dataclass
class Ours:
    """Measurements of the Workbench on one metadata database, in seconds except for counts."""

    graph: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)
    handed: list[float] = field(default_factory=list)
    rung: list[float] = field(default_factory=list)
    statements: list[float] = field(default_factory=list)
    queueing: float = 0.0
    queued: int = 0
    pages: list[float] = field(default_factory=list)
    notebooks: dict[int, list[float]] = field(default_factory=dict)


def say(text: str) -> None:
    """Prints progress to stderr, apart from the report."""
    print(text, file=sys.stderr, flush=True)


def seconds(run: RunDetail, began: datetime) -> float:
    """Seconds from ``began`` to the run's end."""
    if run.state != "succeeded" or run.finished_at is None:
        raise RuntimeError(f"the run ended as {run.state}: {run.message}")
    return (run.finished_at - began) / timedelta(seconds=1)


def timed(it: Site, name: str) -> tuple[RunDetail, float]:
    """Starts a run and waits for it; returns the run and its seconds."""
    began = clock.now()
    run = it.ended(it.run(name), 120)
    return run, seconds(run, began)


def processor(it: Site) -> float:
    """Seconds of CPU time that the workers have used."""
    times = [psutil.Process(each.pid).cpu_times() for each in it.workers]
    return sum(each.user + each.system for each in times)


def graphs(it: Site, rounds: int, found: Ours) -> None:
    """Measures the graph of 100 tasks, a chain, and a fan whose tasks start by a ring."""
    it.save(pipeline("graph", needs()))
    chain: dict[str, list[str]] = {f"c{n}": [f"c{n - 1}"] if n else [] for n in range(CHAIN)}
    it.save(pipeline("chain", chain, "select extract(epoch from clock_timestamp())::float8 as at"))
    it.save(pipeline("fan", {"root": [], **{f"leaf{n}": ["root"] for n in range(SLOTS)}}))
    for name in ("graph", "graph", "chain", "fan"):
        timed(it, name)  # warms up
    for _ in range(rounds):
        before = processor(it)
        found.graph.append(timed(it, "graph")[1])
        found.processor.append(processor(it) - before)
        run, _ = timed(it, "chain")
        at = [task.outputs["at"] for task in run.tasks]
        found.statements += [after - earlier for earlier, after in itertools.pairwise(at)]
        tries = [task.attempts[-1] for task in run.tasks]
        found.handed += [_gap(one, two) for one, two in itertools.pairwise(tries)]
        for _ in range(5):
            run, _ = timed(it, "fan")
            root, *leaves = [task.attempts[-1] for task in run.tasks]
            # The first one continues in the root's slot.
            found.rung += sorted(_gap(root, leaf) for leaf in leaves)[1:]


def _gap(before: Any, after: Any) -> float:
    return float((after.started_at - before.finished_at) / timedelta(seconds=1))


def notebooks(it: Site, rounds: int, found: Ours) -> None:
    """Measures notebooks on a worker with a spare kernel, which it has after its first notebook."""
    for name, cells in (("one", ONE_CELL), ("twenty", TWENTY_CELLS)):
        it.save(f"name: {name}\ntasks:\n  n: {{type: notebook, notebook: {name}.ipynb}}\n",
                **{name: cells})  # fmt: skip
    timed(it, "one")
    for name, cells in (("one", ONE_CELL), ("twenty", TWENTY_CELLS)):
        for _ in range(rounds):
            time.sleep(SPARE_SECONDS)
            found.notebooks.setdefault(len(cells), []).append(timed(it, name)[1])


def queue(it: Site, count: int, found: Ours) -> None:
    """Measures starting ``count`` runs, none of which is executed, and listing them over the API."""
    it.save(pipeline("waiting", {"t": []}))
    saved = it.pipelines.saved(ACTOR, "waiting")
    began = time.perf_counter()
    for _ in range(count):
        it.runs.start(saved, "manual", "local", clock.now())
    found.queueing, found.queued = time.perf_counter() - began, count
    folder = it.folder / "api"
    folder.mkdir()
    variables = {name: value for name, value in it.environment.items() if name.startswith("WB_")}
    # A Jupyter server in local mode: the whole API in one process, over HTTP.
    with embedded(folder, variables=variables) as api:
        asked: Sequence[dict[str, Any]] = (
            {}, {"pipeline": "waiting"}, {"state": "queued"}, {"state": "queued", "limit": 200},
        )  # fmt: skip
        for number in range(204):
            query, cursor = asked[number % len(asked)], None
            for _ in range(2):  # a page and the next one
                began = time.perf_counter()
                page = api.ok("GET", "/runs", **query, **({"cursor": cursor} if cursor else {}))
                found.pages.append(time.perf_counter() - began)
                cursor = page["next"]
                assert page["items"] and cursor
        del found.pages[:8]


def ours(folder: Path, source: Cluster, url: str, options: argparse.Namespace) -> Ours:
    """All measurements of the Workbench on one metadata database."""
    found = Ours()
    folder.mkdir()
    with site(folder, url, WB_LEASE_SECONDS="15", WB_WORKER_SLOTS=str(SLOTS)) as it:
        it.connect("source", source.config())
        workers = [it.start_worker(), it.start_worker()]
        it.start_scheduler()
        say("    the graph")
        graphs(it, options.rounds, found)
        it.kill(workers[0])
        say("    notebooks")
        notebooks(it, options.rounds, found)
        for process in [*it.workers, *it.schedulers]:
            it.kill(process)
        say(f"    {options.queued:,} runs")
        queue(it, options.queued, found)
    return found


@contextlib.contextmanager
def metadata(kind: str, source: Cluster) -> Iterator[str]:
    """The URL of an empty metadata database."""
    if kind == "SQLite":
        yield ""
        return
    with source.connect() as connection:
        connection.execute("create database metadata")
    url = source.url.replace("postgresql://", "postgresql+psycopg://")
    yield url.replace(f"/{source.database}", "/metadata")


# --- peers -----------------------------------------------------------------------------------------


def peers_python() -> Path:
    """The Python of the peers' environment, which is created if missing."""
    python, stamp = PEERS / "bin" / "python", PEERS / "wanted"
    wanted = "\n".join(WANTED)
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    say(f"  installing the peers into {PEERS.relative_to(ROOT)} (not part of the Workbench)")
    subprocess.run([sys.executable, "-m", "venv", str(PEERS)], check=True)
    subprocess.run([str(python), "-m", "pip", "install", "-q", *WANTED], check=True)
    stamp.write_text(wanted)
    return python


def peer(name: str, folder: Path, source: Cluster, redis: str, rounds: int) -> list[dict[str, Any]]:
    """A peer's results. Raises ``RuntimeError`` with the peer's stderr if it failed."""
    python = peers_python()
    home = folder / name
    home.mkdir()
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("WB_", "JUPYTER", "PREFECT"))}
    job = {
        "needs": needs(), "rounds": rounds, "slots": 2 * SLOTS, "redis": redis,
        "folder": str(home), "notebooks": [ONE_CELL, TWENTY_CELLS],
    }  # fmt: skip
    done = subprocess.run(
        [str(python), str(BENCH / "pipeline_peers.py"), name],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        env={
            **kept,
            "HOME": str(home),
            "BENCH_POSTGRES": source.url,
            "PREFECT_HOME": str(home / "prefect"),
            "PREFECT_LOGGING_LEVEL": "ERROR",
            # No telemetry.
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            "DO_NOT_TRACK": "1",
            "DAGSTER_DISABLE_TELEMETRY": "yes",
        },
        timeout=900,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[-1500:])
    result: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return result


def peers(folder: Path, source: Cluster, rounds: int) -> dict[str, list[dict[str, Any]] | str]:
    """Each peer's results, or its error message if it failed."""
    found: dict[str, list[dict[str, Any]] | str] = {}
    for name in (*GRAPHS, "nbclient"):
        say(f"  {name}")
        with tempfile.TemporaryDirectory(prefix="wb-", dir="/tmp") as sockets:
            redis = Redis(Path(sockets))
            try:
                found[name] = peer(name, folder, source, redis.url, rounds)
            except (RuntimeError, subprocess.SubprocessError) as error:
                found[name] = str(error)
            finally:
                redis.kill()
    return found


# --- the report --------------------------------------------------------------------------------------


def cuts(times: Sequence[float]) -> str:
    """p50 and p95 in milliseconds."""
    found = statistics.quantiles(times, n=20, method="inclusive")
    return f"{found[9] * 1000:>9.1f} ms{found[18] * 1000:>9.1f} ms"


def report(
    mine: dict[str, Ours],
    others: dict[str, list[dict[str, Any]] | str],
    loads: Sequence[float],
    options: argparse.Namespace,
) -> str:
    """The figures as text."""
    tasks = WIDE * DEEP
    lines = [
        f"{tasks} tasks of `select 1` ({WIDE} wide, {DEEP} deep), median of {options.rounds} rounds, "
        f"{os.cpu_count()} cores, load {' > '.join(f'{load:.1f}' for load in loads)}.",
        "The peers' environment is .wb/peers; no lock pins it.",
        "",
        f"{'':<62}{'ms per task':>12}",
    ]
    for kind, it in mine.items():
        each = statistics.median(it.graph) / tasks * 1000
        used = statistics.median(it.processor) / tasks * 1000
        said = f"Workbench on {kind}, two workers of {SLOTS} slots"
        lines.append(f"{said:<62}{each:>12.1f}   ({used:.1f} ms of the workers' CPU time)")
    for name, title in GRAPHS.items():
        saw = others.get(name, "not measured")
        if isinstance(saw, str):
            lines.append(f"{title:<62}    failed: {saw.splitlines()[-1] if saw else ''}")
            continue
        whole = [each["seconds"] for each in saw if each["done"] == tasks]
        middle = f"{statistics.median(whole) / tasks * 1000:>12.1f}" if whole else f"{'-':>12}"
        stalled = [f"{each['done']:.0f}" for each in saw if each["done"] != tasks]
        note = f"   (rounds that stalled: with {', '.join(stalled)} tasks done)" if stalled else ""
        lines.append(f"{title:<62}{middle}{note}")
    lines += ["", f"{'From one task to the next':<62}{'p50':>12}{'p95':>12}"]
    for kind, it in mine.items():
        lines += [
            f"{f'{kind}: end of one to start of the next, same slot':<62}{cuts(it.handed)}",
            f"{f'{kind}: the same by a ring, in another slot':<62}{cuts(it.rung)}",
            f"{f'{kind}: statement to statement, as the source sees it':<62}{cuts(it.statements)}",
        ]
    lines += ["", f"{'Lists of runs over the API, two pages each':<62}{'p50':>12}{'p95':>12}"]
    for kind, it in mine.items():
        each = it.queueing / it.queued * 1000
        said = f"{kind}: {it.queued:,} runs waiting ({each:.1f} ms to start each)"
        lines.append(f"{said:<62}{cuts(it.pages)}")
    lines += ["", f"{'Notebooks, seconds':<62}{'1 cell':>12}{'20 cells':>12}"]
    for kind, it in mine.items():
        said = f"Workbench on {kind}, a spare kernel, whole run"
        lines.append(f"{said:<62}{_notebooks(it.notebooks)}")
    saw = others.get("nbclient", "not measured")
    if isinstance(saw, str):
        lines.append(f"nbclient failed: {saw}")
    else:
        by_cells: dict[int, list[float]] = {}
        for each_run in saw:
            by_cells.setdefault(int(each_run["cells"]), []).append(each_run["seconds"])
        lines.append(f"{'nbclient, a new kernel each time':<62}{_notebooks(by_cells)}")
    return "\n".join(lines)


def measured(
    mine: dict[str, Ours], others: dict[str, list[dict[str, Any]] | str]
) -> Iterator[Figure]:
    """The figures, one by one."""
    tasks = WIDE * DEEP
    for kind, it in mine.items():
        yield Figure(f"a task, {kind}", statistics.median(it.graph) / tasks * 1000, "ms")
        used = statistics.median(it.processor) / tasks * 1000
        yield Figure(f"processor of the workers for a task, {kind}", used, "ms")
        yield from spread(f"end of a task to begin of the next, same slot, {kind}", it.handed)
        yield from spread(f"end of a task to begin of the next, by a ring, {kind}", it.rung)
        yield from spread(f"statement to statement, {kind}", it.statements)
        yield Figure(f"start of a run, {kind}", it.queueing / it.queued * 1000, "ms")
        yield from spread(f"a page of runs, {kind}", it.pages)
        for cells, times in it.notebooks.items():
            yield Figure(f"notebook of {cells} cells, {kind}", statistics.median(times), "s")
    for name, saw in others.items():
        if isinstance(saw, str):
            continue
        if name in GRAPHS:
            whole = [each["seconds"] for each in saw if each["done"] == tasks]
            if whole:
                each = statistics.median(whole) / tasks * 1000
                yield Figure("a task", each, "ms", GRAPHS[name])
            yield Figure("rounds that stalled", len(saw) - len(whole), "", GRAPHS[name])
        else:
            for cells in sorted({each["cells"] for each in saw}):
                times = [each["seconds"] for each in saw if each["cells"] == cells]
                yield Figure(f"notebook of {cells} cells", statistics.median(times), "s", name)


def _notebooks(found: dict[int, list[float]]) -> str:
    return "".join(f"{statistics.median(times):>12.2f}" for _, times in sorted(found.items()))


def main() -> int:
    """Measures and prints the report."""
    parser = argparse.ArgumentParser(prog="wb bench pipelines", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--queued", type=int, default=10_000, help="waiting runs")
    parser.add_argument("--no-peers", action="store_true", help="measure the Workbench alone")
    parser.add_argument(
        "--json", action="store_true", help="print each figure as an object instead"
    )
    parser.add_argument(
        "--quick", action="store_true", help="one round, 500 waiting runs, no peers"
    )
    options = parser.parse_args()
    if options.quick:
        options.rounds, options.queued, options.no_peers = 1, 500, True
    if options.queued < 500:
        parser.error("--queued must be at least 500, for two pages of 200")
    loads = [os.getloadavg()[0]]
    mine: dict[str, Ours] = {}
    others: dict[str, list[dict[str, Any]] | str] = {}
    with cluster(durable=True) as source, tempfile.TemporaryDirectory(prefix="wb-bench-") as made:
        folder = Path(made)
        if not options.no_peers:
            others = peers(folder, source, options.rounds)
            loads.append(os.getloadavg()[0])
        for kind in ("SQLite", "PostgreSQL"):
            say(f"  the Workbench on {kind}")
            with metadata(kind, source) as url:
                mine[kind] = ours(folder / kind, source, url, options)
            loads.append(os.getloadavg()[0])
    if options.json:
        figures.show(measured(mine, others))
    else:
        print(report(mine, others, loads, options))
    return 0


if __name__ == "__main__":
    sys.exit(main())

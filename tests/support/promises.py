"""The checks of ``chaos.py``: every guarantee of ``docs/runs.md``."""

from __future__ import annotations

import json
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from wb_server.kit import clock
from wb_server.pipelines.runs.tables import attempts, runs, task_needs, task_runs

from .postgres import Cluster
from .site import Site

COPIED = 50
"""Rows that each copy task copies."""
MINUTE = timedelta(minutes=1)
# A run may fail with these codes after its workers were killed three times. What the Workbench itself holds
# up never fails.
_EXPECTED_FAILURES = frozenset({"worker_lost", "worker_stopped"})


class Receiver:
    """An HTTP server that records each caller and its key, and fails now and then."""

    def __init__(self, dice: random.Random) -> None:
        self.calls: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        lock = threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with lock:
                    key = self.headers["Idempotency-Key"]
                    receiver.calls[body["run"], body["task"]].append(key)
                    ok = dice.random() > 0.1
                self.send_response(200 if ok else 503)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Stops it."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Result:
    """The outcome of a round of chaos.

    Attributes:
        faults: by kind: how many, and how many of them hit something running.
        wrong: the broken guarantees.
    """

    seed: int
    seconds: float = 0.0
    faults: dict[str, list[int]] = field(default_factory=dict)
    states: Counter[str] = field(default_factory=Counter)
    tasks: Counter[str] = field(default_factory=Counter)
    attempts: Counter[str] = field(default_factory=Counter)
    fires: int = 0
    wrong: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The report."""

        def counts(found: Counter[str]) -> str:
            return ", ".join(f"{count:,} {name}" for name, count in sorted(found.items()))

        lines = [
            f"seed {self.seed}: {sum(self.states.values()):,} runs in {self.seconds:.0f} s",
            f"runs: {counts(self.states)}; {self.fires:,} of them fired by schedules",
            f"tasks that succeeded: {counts(self.tasks)}",
            f"attempts: {counts(self.attempts)}",
            "",
            f"{'fault':<34}{'times':>7}{'hit a run':>14}",
        ]
        lines += [f"{kind:<34}{times:>7}{hit:>14}" for kind, (times, hit) in self.faults.items()]
        lines += ["", *(f"WRONG: {each}" for each in self.wrong)]
        if not self.wrong:
            lines.append("Every run ended, every row exists once, every fire happened once.")
        return "\n".join(lines)


def floor(moment: datetime) -> datetime:
    """The start of a moment's minute."""
    return moment.replace(second=0, microsecond=0)


def due(since: datetime) -> int:
    """The number of whole minutes since a moment, without one that has only just begun."""
    return int((floor(clock.now() - timedelta(seconds=5)) - floor(since)) / MINUTE)


class Promises:
    """Checks the guarantees, and records in a result which are broken.

    Args:
        owed: when each schedule's first due minute was, by pipeline name.
        traces: the folder in which notebooks write a file for each of their tasks.
    """

    def __init__(
        self,
        it: Site,
        warehouse: Cluster,
        receiver: Receiver,
        owed: Mapping[str, datetime],
        traces: Path,
        result: Result,
    ) -> None:
        self._it = it
        self._warehouse = warehouse
        self._receiver = receiver
        self._owed = owed
        self._traces = traces
        self.result = result

    def check(self) -> None:
        """Checks every guarantee."""
        result, wrong = self.result, self.result.wrong
        with self._it.database.read() as transaction:
            found = transaction.execute(sa.select(runs)).mappings().all()
            tasks = transaction.execute(sa.select(task_runs)).mappings().all()
            tries = transaction.execute(sa.select(attempts)).mappings().all()
            edges = transaction.execute(sa.select(task_needs)).all()
        result.states.update(run["state"] for run in found)
        result.attempts.update(each["state"] for each in tries)
        result.tasks.update(task["type"] for task in tasks if task["state"] == "succeeded")
        result.fires = sum(run["trigger"] == "schedule" for run in found)
        for run in found:
            if run["state"] in ("queued", "running"):
                wrong.append(f"run {run['id']} is {run['state']}")
            if run["state"] == "failed" and run["code"] not in _EXPECTED_FAILURES:
                wrong.append(f"run {run['id']} failed: {run['code']}, {run['message']}")
            if run["open_tasks"] and run["state"] != "skipped":
                wrong.append(f"run {run['id']} has {run['open_tasks']} open tasks")
        for task in tasks:
            if task["state"] in ("waiting", "queued", "running") or task["lease_until"]:
                wrong.append(f"task run {task['id']} is {task['state']}, its lease open")
        self._check_attempts(tasks, tries, edges)
        self._check_effects(tasks)
        self._check_fires()

    def _check_attempts(self, tasks: Any, tries: Any, edges: Any) -> None:
        wrong = self.result.wrong
        by_task = defaultdict(list)
        for each in tries:
            by_task[each["task_run_id"]].append(each)
            if each["state"] == "running":
                wrong.append(f"attempt {each['id']} still runs")
        known = {task["id"]: task for task in tasks}
        for task in tasks:
            states = [each["state"] for each in by_task[task["id"]]]
            if states.count("succeeded") != (task["state"] == "succeeded"):
                wrong.append(f"task run {task['id']} is {task['state']} with attempts {states}")
        for needed, needing in edges:
            before, after = known[needed], by_task[needing]
            if after and (
                before["state"] != "succeeded"
                or min(each["started_at"] for each in after) < before["finished_at"]
            ):
                wrong.append(f"task run {needing} began before {needed} had succeeded")

    def _check_effects(self, tasks: Any) -> None:
        wrong = self.result.wrong
        with self._warehouse.connect() as connection:
            query = "select run, task, count(*) from {} group by 1, 2"
            counts = {
                kind: {(run, task): count for run, task, count in connection.execute(sql)}
                for kind, sql in (
                    ("sql", query.format("chaos_rows")),
                    ("copy", query.format("chaos_copied")),
                )
            }
        for task in tasks:
            key, kind = (task["run_id"], task["task"]), task["type"]
            succeeded = task["state"] == "succeeded"
            if kind in counts:
                whole = 1 if kind == "sql" else COPIED
                rows = counts[kind].pop(key, 0)
                # A cancelled or lost task may have got as far as its commit.
                if rows not in ((whole,) if succeeded else (0, whole)):
                    wrong.append(f"{kind} of {key} ({task['state']}) left {rows} rows")
            elif kind == "http":
                keys = self._receiver.calls.get(key, [])
                if len(set(keys)) > 1 or (succeeded and not keys):
                    wrong.append(f"http of {key} ({task['state']}) was seen with keys {keys}")
            elif succeeded and not (self._traces / f"{key[0]}-{key[1]}").exists():
                wrong.append(f"notebook of {key} succeeded without a trace")
        wrong += [f"rows of no task: {key}" for left in counts.values() for key in left]

    def _check_fires(self) -> None:
        for name, since in self._owed.items():
            fires, scheduled = self._it.fires(name), self._it.scheduled(name)
            first = floor(since) + MINUTE
            expected = [first + n * MINUTE for n in range(due(since))]
            if (missing := set(expected) - set(fires)) or len(fires) != len(set(fires)):
                self.result.wrong.append(
                    f"{name}: {len(missing)} fires missing, or some duplicated"
                )
            # Another minute may have begun between the two queries.
            if scheduled[: len(fires)] != fires:
                self.result.wrong.append(
                    f"{name}: {len(fires)} fires, but {len(scheduled)} runs for them"
                )

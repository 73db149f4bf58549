"""``./wb chaos``: many runs of random pipelines while their processes are killed, and what is promised.

Chains, fans and diamonds of sql, copy, http and notebook tasks, by hand and by schedules that are
behind; meanwhile workers and schedulers are killed, stopped for longer than their lease or told to
end, Redis is flushed or restarted, runs are cancelled, and a PostgreSQL with the metadata is crashed.
Afterwards everything that ``docs/runs.md`` guarantees is looked up. The seed decides what is done;
when exactly each fault strikes is up to the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))

import sqlalchemy as sa
from support.postgres import Cluster, cluster
from support.site import ACTOR, LEASE, Site, site
from support.wait import wait_for

from wb_server.kit import clock
from wb_server.kit.errors import Conflict, WorkbenchError
from wb_server.pipelines.runs.store import attempts, runs, task_needs, task_runs

WORKERS, SCHEDULERS = 3, 2
PIPELINES, SCHEDULED = 9, 3
COPIED = 50
# So many runs go on or wait at the same time.
AT_ONCE = 24
# A run may end so where its worker was killed three times.
EXPECTED_FAILURES = frozenset({"worker_lost", "worker_stopped", "storage_down"})
_MINUTE = timedelta(minutes=1)
# In a notebook: its attempt may only begin when the one before is gone.
_CELL = """import os, pathlib, time
trace = pathlib.Path({folder!r}) / (run + "-" + task)
def alive(pid):
    try:
        return open(f"/proc/{{pid}}/stat").read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
old = [pid for pid in trace.read_text().split() if alive(pid)] if trace.exists() else []
assert not old, f"an earlier attempt still runs: {{old}}"
with trace.open("a") as file:
    file.write(f"{{os.getpid()}}\\n")
time.sleep(0.2)
"""


class Receiver:
    """An HTTP server that notes who called it with which key, and fails now and then."""

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
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Result:
    """What came of it.

    Attributes:
        faults: kind -> how many, and how many of them met something that ran.
        wrong: what is not as promised.
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
            f"{'fault':<34}{'times':>7}{'met what ran':>14}",
        ]
        lines += [f"{kind:<34}{times:>7}{hit:>14}" for kind, (times, hit) in self.faults.items()]
        lines += ["", *(f"WRONG: {each}" for each in self.wrong)]
        if not self.wrong:
            lines.append("Every run ended, every row is there once, every fire came once.")
        return "\n".join(lines)


class Chaos:
    """One go at it.

    Args:
        metadata: the PostgreSQL of the metadata, to be crashed too.
    """

    def __init__(
        self, it: Site, warehouse: Cluster, receiver: Receiver, seed: int, metadata: Cluster | None
    ) -> None:
        self._it = it
        self._warehouse = warehouse
        self._receiver = receiver
        self._dice = random.Random(seed)
        self._metadata = metadata
        self._traces = it.folder / "traces"
        self._traces.mkdir()
        self._names: list[str] = []
        self._owed = {f"minutely{n}": clock.now() for n in range(SCHEDULED)}
        self._paused: list[tuple[float, Any]] = []
        self.result = Result(seed)
        self._faults: list[tuple[str, Callable[[], bool], int]] = [
            ("worker killed", self._kill_worker, 6),
            ("scheduler killed", self._kill_scheduler, 2),
            ("worker stopped past its lease", self._pause_worker, 3),
            ("worker told to end", self._end_worker, 2),
            ("run cancelled", self._cancel, 4),
            ("Redis flushed", self._flush, 2),
            ("Redis crashed", self._crash_redis, 2),
            ("schedule behind", self._owe, 3),
        ]
        if metadata is not None:
            self._faults.append(("metadata database crashed", self._crash_metadata, 1))
        self._order = self._dice.sample(self._faults, len(self._faults))
        self.result.faults = {name: [0, 0] for name, _, _ in self._faults}

    # --- pipelines -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Makes tables, connections and pipelines, and starts the processes."""
        with self._warehouse.connect() as connection:
            connection.execute("create table chaos_rows (run text, task text)")
            connection.execute("create table chaos_copied (run text, task text, n int)")
            connection.execute(
                "create or replace view short_nap as select 1 as one from pg_sleep(0.15)"
            )
        self._it.connect("warehouse", self._warehouse.config())
        for number in range(PIPELINES):
            name = f"chaos{number}"
            self._save(name, self._shape(), "concurrency: queue\n")
            self._names.append(name)
        for name, how in zip(self._owed, ("queue", "skip", "cancel_older"), strict=True):
            head = f'schedule: {{cron: "* * * * *", catch_up: all}}\nconcurrency: {how}\n'
            self._save(name, {"one": [], "two": ["one"]}, head)
        self._it.complete(WORKERS, SCHEDULERS)
        # Until somebody takes work nothing is to be met.
        self._it.ended(self._it.run(self._names[0]))

    def _shape(self) -> dict[str, list[str]]:
        width = self._dice.randint(2, 5)
        middle = [f"m{n}" for n in range(width)]
        return self._dice.choice(
            [
                {name: middle[max(0, n - 1) : n] for n, name in enumerate(middle)},  # a chain
                {"root": [], **{name: ["root"] for name in middle}},  # a fan
                {"root": [], **{name: ["root"] for name in middle}, "end": middle},  # a diamond
            ]
        )

    def _save(self, name: str, shape: dict[str, list[str]], head: str) -> None:
        kinds = ["sql", "copy", "http", "notebook"]
        lines = [f"name: {name}", head + "defaults: {retries: {count: 8, delay: 0s}}", "tasks:"]
        for task, needs in shape.items():
            (kind,) = self._dice.choices(kinds, [10, 5, 4, 1])
            lines.append(f"  {task}: {{needs: [{', '.join(needs)}], {self._task(kind, task)}}}")
        cells = ["run = task = ''", _CELL.format(folder=str(self._traces))]
        self._it.save("\n".join(lines) + "\n", n=cells)

    def _task(self, kind: str, task: str) -> str:
        run = "{{ run.id }}"
        if kind == "sql":
            slow = self._dice.random() < 0.5
            rows = f"select {run}, '{task}' from short_nap" if slow else f"values ({run}, '{task}')"
            return (
                f'type: sql, connection: warehouse, statement: "insert into chaos_rows {rows}"'
            )
        if kind == "copy":
            query = (
                f"select cast({run} as text) as run, '{task}' as task, n "
                f"from generate_series(1, {COPIED}) n, short_nap"
            )
            return (
                f'type: copy, from: {{connection: warehouse, query: "{query}"}}, '
                "to: {connection: warehouse, table: chaos_copied}"
            )
        if kind == "http":
            body = f'{{run: "{run}", task: {task}}}'
            return f"type: http, method: POST, url: '{self._receiver.url}', body: {body}"
        return f'type: notebook, notebook: n.ipynb, parameters: {{run: "{run}", task: {task}}}'

    # --- faults --------------------------------------------------------------------------------

    def go(self, count: int, faults: int) -> None:
        """Starts so many runs by hand, with so many faults spread over them."""
        started = done = 0
        began = time.monotonic()
        while started < count or done < faults:
            self._wake()
            with contextlib.suppress(WorkbenchError):  # its database is away
                going = len(self._it.going())
                if started < count and going < AT_ONCE:
                    self._it.run(self._dice.choice(self._names))
                    started += 1
                # By those that have ended, so that each fault comes while something runs.
                if done < faults and started - going >= (done + 0.5) * count / (faults + 1):
                    self._fault(done)
                    done += 1
            time.sleep(0.01)
        while self._paused:
            self._wake()
            time.sleep(0.05)
        self._it.complete(WORKERS, SCHEDULERS)
        self._settle()
        self.result.seconds = time.monotonic() - began

    def _fault(self, number: int) -> None:
        # Each kind comes once before any comes twice.
        if number < len(self._order):
            name, fault, _ = self._order[number]
        else:
            weights = [weight for _, _, weight in self._faults]
            ((name, fault, _),) = self._dice.choices(self._faults, weights)
        hit = fault()
        self.result.faults[name][0] += 1
        self.result.faults[name][1] += hit

    def _settle(self) -> None:
        """Waits for the last runs; fails when nothing has moved for a minute."""
        left, moved = -1, time.monotonic()
        while going := len(self._it.going()):
            if going != left:
                left, moved = going, time.monotonic()
            if time.monotonic() - moved > 60:
                self.result.wrong.append(f"{going} runs don't end")
                return
            time.sleep(0.1)
        for name, since in self._owed.items():
            with contextlib.suppress(TimeoutError):  # what is missing is told by the check
                wait_for(lambda n=name, s=since: len(self._it.fires(n)) >= _due(s), 30)
        # These made runs too.
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: not self._it.going(), 60)

    def _running(self, pid: int | None = None) -> bool:
        """Whether a task runs, of the worker with this pid or at all."""
        query = sa.select(task_runs.c.id).where(task_runs.c.state == "running")
        if pid is not None:
            query = query.where(task_runs.c.worker.like(f"%-{pid}-%"))
        with self._it.database.read() as transaction:
            return transaction.execute(query.limit(1)).first() is not None

    def _worker(self) -> Any:
        """A worker that isn't stopped, if possible one with work."""
        stopped = {process.pid for _, process in self._paused}
        there = [each for each in self._it.workers if each.pid not in stopped]
        self._dice.shuffle(there)
        end = time.monotonic() + 1
        while there and time.monotonic() < end:
            for each in there:
                if self._running(each.pid):
                    return each
            time.sleep(0.01)
        return there[0] if there else None

    def _kill_worker(self) -> bool:
        worker = self._worker()
        if worker is None:
            return False
        hit = self._running(worker.pid)
        self._it.kill(worker)
        self._it.start_worker()
        return hit

    def _kill_scheduler(self) -> bool:
        hit = self._owe()
        self._it.kill(self._dice.choice(self._it.schedulers))
        self._it.start_scheduler()
        return hit

    def _pause_worker(self) -> bool:
        worker = self._worker()
        if worker is None or len(self._paused) >= WORKERS - 1:
            return False
        hit = self._running(worker.pid)
        worker.send_signal(signal.SIGSTOP)
        self._paused.append((time.monotonic() + LEASE * self._dice.uniform(1.5, 2.5), worker))
        return hit

    def _wake(self) -> None:
        for until, worker in self._paused[:]:
            if time.monotonic() > until:
                worker.send_signal(signal.SIGCONT)
                self._paused.remove((until, worker))

    def _end_worker(self) -> bool:
        worker = self._worker()
        if worker is None:
            return False
        hit = self._running(worker.pid)
        worker.terminate()
        self._it.workers.remove(worker)
        self._it.ending.append(worker)
        self._it.start_worker()
        return hit

    def _cancel(self) -> bool:
        going = self._it.going()
        if not going:
            return False
        run = self._dice.choice(going)
        hit = any(task.state == "running" for task in self._it.detail(run).tasks)
        with contextlib.suppress(Conflict):  # it has ended meanwhile
            self._it.runs.cancel(ACTOR, run)
        return hit

    def _flush(self) -> bool:
        hit = bool(self._it.going())
        self._it.redis.flush()
        return hit

    def _crash_redis(self) -> bool:
        hit = bool(self._it.going())
        self._it.redis.kill()
        time.sleep(self._dice.uniform(0, 1))
        self._it.redis.start()
        return hit

    def _owe(self) -> bool:
        """A schedule finds some more minutes in the past due, and the later ones once more."""
        name = self._dice.choice(list(self._owed))
        self._owed[name] -= self._dice.randint(2, 6) * _MINUTE
        self._it.owe(name, self._owed[name])
        return True

    def _crash_metadata(self) -> bool:
        assert self._metadata is not None
        hit = self._running()
        self._metadata.stop("immediate")
        time.sleep(self._dice.uniform(0, 1))
        self._metadata.start()
        return hit

    # --- what is promised ----------------------------------------------------------------------

    def check(self) -> None:
        """Looks up everything that has to be so, and notes what isn't."""
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
            if run["state"] == "failed" and run["code"] not in EXPECTED_FAILURES:
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
                # One that was cancelled, or lost for good, may have come as far as its commit.
                if rows not in ((whole,) if succeeded else (0, whole)):
                    wrong.append(f"{kind} of {key} ({task['state']}) left {rows} rows")
            elif kind == "http":
                keys = self._receiver.calls.get(key, [])
                if len(set(keys)) > 1 or (succeeded and not keys):
                    wrong.append(f"http of {key} ({task['state']}) was seen with keys {keys}")
            elif succeeded and not (self._traces / f"{key[0]}-{key[1]}").exists():
                wrong.append(f"notebook of {key} succeeded without a trace")
        wrong += [f"rows of nobody: {key}" for left in counts.values() for key in left]

    def _check_fires(self) -> None:
        for name, since in self._owed.items():
            fires, scheduled = self._it.fires(name), self._it.scheduled(name)
            first = _floor(since) + _MINUTE
            expected = [first + n * _MINUTE for n in range(_due(since))]
            if (missing := set(expected) - set(fires)) or len(fires) != len(set(fires)):
                self.result.wrong.append(f"{name}: {len(missing)} fires are missing or doubled")
            if scheduled != fires:
                self.result.wrong.append(
                    f"{name}: {len(fires)} fires, but {len(scheduled)} runs for them"
                )


def _floor(moment: Any) -> Any:
    return moment.replace(second=0, microsecond=0)


def _due(since: Any) -> int:
    """How many whole minutes there were since a moment, but for one that is just beginning."""
    return int((_floor(clock.now() - timedelta(seconds=5)) - _floor(since)) / _MINUTE)


@contextlib.contextmanager
def _metadata(kind: str) -> Iterator[Cluster | None]:
    if kind == "sqlite":
        yield None
        return
    with cluster(durable=True) as it:
        yield it


def chaos(
    folder: Path, warehouse: Cluster, kind: str, count: int, faults: int, seed: int
) -> Result:
    """Does all of it, and says what came of it.

    Args:
        kind: of the metadata database, ``sqlite`` or ``postgresql``.
        count: runs that are started by hand; schedules add theirs.
    """
    receiver = Receiver(random.Random(seed))
    try:
        with _metadata(kind) as metadata:
            url = metadata.url if metadata is not None else ""
            url = url.replace("postgresql://", "postgresql+psycopg://")
            with site(folder, url) as it:
                go = Chaos(it, warehouse, receiver, seed, metadata)
                go.prepare()
                go.go(count, faults)
                go.check()
                return go.result
    finally:
        receiver.close()


def main() -> int:
    """Does it, prints the report, and returns 1 where something is not as promised."""
    parser = argparse.ArgumentParser(prog="wb chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=200, help="started by hand")
    parser.add_argument("--faults", type=int, default=40)
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(3)))
    parser.add_argument("--database", choices=["sqlite", "postgresql"], default="postgresql")
    options = parser.parse_args()
    print(f"  seed {options.seed}", file=sys.stderr, flush=True)
    with cluster() as warehouse, tempfile.TemporaryDirectory(prefix="wb-chaos-") as folder:
        result = chaos(
            Path(folder), warehouse, options.database, options.runs, options.faults, options.seed
        )
        if result.wrong:
            for name in ("worker", "scheduler"):
                log = Path(folder) / f"{name}.log"
                print(f"--- {name}\n{log.read_text()[-5000:]}", file=sys.stderr)
    print(result.text())
    return 1 if result.wrong else 0


if __name__ == "__main__":
    sys.exit(main())

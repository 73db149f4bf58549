"""``./wb chaos``: runs random pipelines while their processes are killed, then checks the guarantees.

Chains, fans and diamonds of sql, copy, http and notebook tasks, started by hand and by overdue
schedules. Meanwhile workers and schedulers are killed, stopped for longer than their lease or
terminated, Redis is flushed or restarted, runs are cancelled, the disk is full, and the PostgreSQL with the
metadata is crashed. Afterwards every guarantee of ``docs/runs.md`` is checked. The seed decides what happens; the
exact moment of each fault depends on the machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parent))

import sqlalchemy as sa
from support.disk import fill, small_disk
from support.postgres import Cluster, cluster
from support.promises import COPIED, MINUTE, Promises, Receiver, Result, due
from support.site import ACTOR, LEASE, Site, site
from support.wait import wait_for

from wb_server.kit import clock
from wb_server.kit.errors import Conflict, WorkbenchError
from wb_server.pipelines.runs.tables import task_runs

WORKERS, SCHEDULERS = 3, 2
PIPELINES, SCHEDULED = 9, 3
# The maximum of runs that are running or waiting at the same time.
AT_ONCE = 24
# The size of the data folder's disk, in MiB.
_DISK = 128
# A notebook's cell: fails if the kernel of an earlier attempt is still alive.
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


class Chaos:
    """One round of chaos.

    Args:
        metadata: the PostgreSQL of the metadata, to be crashed as well.
        disk: whether the data folder is on a small disk of its own, to be filled.

    Attributes:
        owed: when each schedule's first due minute was, by pipeline name.
        traces: the folder in which notebooks write a file for each of their tasks.
    """

    def __init__(
        self,
        it: Site,
        warehouse: Cluster,
        receiver: Receiver,
        seed: int,
        metadata: Cluster | None,
        disk: bool,
    ) -> None:
        self._it = it
        self._warehouse = warehouse
        self._receiver = receiver
        self._dice = random.Random(seed)
        self._metadata = metadata
        self.traces = it.folder / "traces"
        self.traces.mkdir()
        self._names: list[str] = []
        self.owed = {f"minutely{n}": clock.now() for n in range(SCHEDULED)}
        self._paused: list[tuple[float, Any]] = []
        self.result = Result(seed)
        self._faults: list[tuple[str, Callable[[], bool], int]] = [
            ("worker killed", self._kill_worker, 6),
            ("scheduler killed", self._kill_scheduler, 2),
            ("worker stopped past its lease", self._pause_worker, 3),
            ("worker terminated", self._end_worker, 2),
            ("run cancelled", self._cancel, 4),
            ("Redis flushed", self._flush, 2),
            ("Redis crashed", self._crash_redis, 2),
            ("schedule overdue", self._owe, 3),
        ]
        if metadata is not None:
            self._faults.append(("metadata database crashed", self._crash_metadata, 1))
        if disk:
            self._faults.append(("disk full", self._fill_disk, 2))
        self._order = self._dice.sample(self._faults, len(self._faults))
        self.result.faults = {name: [0, 0] for name, _, _ in self._faults}

    # --- pipelines -----------------------------------------------------------------------------

    def prepare(self) -> None:
        """Creates tables, connections and pipelines, and starts the processes."""
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
        for name, how in zip(self.owed, ("queue", "skip", "cancel_older"), strict=True):
            head = f'schedule: {{cron: "* * * * *", catch_up: all}}\nconcurrency: {how}\n'
            self._save(name, {"one": [], "two": ["one"]}, head)
        self._it.complete(WORKERS, SCHEDULERS)
        # Faults hit nothing until some worker takes work.
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
        cells = ["run = task = ''", _CELL.format(folder=str(self.traces))]
        self._it.save("\n".join(lines) + "\n", n=cells)

    def _task(self, kind: str, task: str) -> str:
        run = "{{ run.id }}"
        if kind == "sql":
            slow = self._dice.random() < 0.5
            rows = f"select {run}, '{task}' from short_nap" if slow else f"values ({run}, '{task}')"
            return f'type: sql, connection: warehouse, statement: "insert into chaos_rows {rows}"'
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
        """Starts ``count`` runs by hand, with ``faults`` faults spread over them."""
        started = done = 0
        began = time.monotonic()
        while started < count or done < faults:
            self._wake()
            with contextlib.suppress(WorkbenchError):  # the metadata database is down
                going = len(self._it.going())
                if started < count and going < AT_ONCE:
                    self._it.run(self._dice.choice(self._names))
                    started += 1
                # Paced by ended runs, so that each fault strikes while something runs.
                if done < faults and started - going >= (done + 0.5) * count / (faults + 1):
                    self._fault(done)
                    done += 1
            time.sleep(0.01)
        while self._paused:
            self._wake()
            time.sleep(0.05)
        ended = [
            each for each in (*self._it.workers, *self._it.schedulers) if each.poll() is not None
        ]
        self.result.wrong += [f"process {each.pid} exited on its own" for each in ended]
        self._it.complete(WORKERS, SCHEDULERS)
        self._settle()
        self.result.seconds = time.monotonic() - began

    def _fault(self, number: int) -> None:
        # Each fault strikes once before any strikes twice.
        if number < len(self._order):
            name, fault, _ = self._order[number]
        else:
            weights = [weight for _, _, weight in self._faults]
            ((name, fault, _),) = self._dice.choices(self._faults, weights)
        hit = fault()
        self.result.faults[name][0] += 1
        self.result.faults[name][1] += hit

    def _settle(self) -> None:
        """Waits for the last runs; gives up after a minute without progress."""
        left, moved = -1, time.monotonic()
        while going := len(self._it.going()):
            if going != left:
                left, moved = going, time.monotonic()
            if time.monotonic() - moved > 60:
                self.result.wrong.append(f"{going} runs don't end")
                return
            time.sleep(0.1)
        for name, since in self.owed.items():
            with contextlib.suppress(TimeoutError):  # the check reports what is missing
                wait_for(lambda n=name, s=since: len(self._it.fires(n)) >= due(s), 30)
        # These fires started runs, too.
        with contextlib.suppress(TimeoutError):
            wait_for(lambda: not self._it.going(), 60)

    def _running(self, pid: int | None = None) -> bool:
        """True if a task is running, on the worker with this pid or on any."""
        query = sa.select(task_runs.c.id).where(task_runs.c.state == "running")
        if pid is not None:
            query = query.where(task_runs.c.worker.like(f"%-{pid}-%"))
        with self._it.database.read() as transaction:
            return transaction.execute(query.limit(1)).first() is not None

    def _worker(self) -> Any:
        """A worker that isn't stopped, preferably a busy one."""
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
        query = sa.select(task_runs.c.run_id).where(task_runs.c.state == "running")
        with self._it.database.read() as transaction:
            running = sorted(set(transaction.execute(query).scalars()))
        going = running or self._it.going()
        if not going:
            return False
        run = self._dice.choice(going)
        with contextlib.suppress(Conflict):  # it has just ended
            self._it.runs.cancel(ACTOR, run)
        return run in running

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
        """Moves a schedule's due time some minutes into the past; later minutes come due again."""
        name = self._dice.choice(list(self.owed))
        self.owed[name] -= self._dice.randint(2, 6) * MINUTE
        self._it.owe(name, self.owed[name])
        return True

    def _fill_disk(self) -> bool:
        """For longer than a lease, now and then: tasks wait, whatever they were about to store."""
        hit = self._running()
        filler = fill(self._it.folder / "data")
        time.sleep(LEASE * self._dice.uniform(0.5, 2))
        filler.unlink()
        return hit

    def _crash_metadata(self) -> bool:
        assert self._metadata is not None
        hit = self._running()
        self._metadata.stop("immediate")
        time.sleep(self._dice.uniform(0, 1))
        self._metadata.start()
        # A process that was just starting exits with 1; a supervisor would restart it.
        time.sleep(1)
        for each in (*self._it.workers, *self._it.schedulers):
            if each.poll() == 1:
                (self._it.start_worker if each in self._it.workers else self._it.start_scheduler)()
        for kind in (self._it.workers, self._it.schedulers):
            kind[:] = [each for each in kind if each.poll() != 1]
        return hit


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
    """Runs the chaos and the checks, and returns the result.

    Args:
        kind: the metadata database, ``sqlite`` or ``postgresql``.
        count: runs started by hand; schedules add theirs.
    """
    receiver = Receiver(random.Random(seed))
    try:
        with _metadata(kind) as metadata:
            url = metadata.url if metadata is not None else ""
            url = url.replace("postgresql://", "postgresql+psycopg://")
            # Only root can mount one.
            disk = os.geteuid() == 0
            with (
                small_disk(folder / "data", _DISK) if disk else contextlib.nullcontext(),
                site(folder, url) as it,
            ):
                go = Chaos(it, warehouse, receiver, seed, metadata, disk)
                go.prepare()
                go.go(count, faults)
                Promises(it, warehouse, receiver, go.owed, go.traces, go.result).check()
                return go.result
    finally:
        receiver.close()


def main() -> int:
    """Runs the chaos, prints the report, and returns 1 if a guarantee was broken."""
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

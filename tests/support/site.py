"""Pipelines on real processes: workers, schedulers and Redis, which tests kill, start and flush.

There is no Hub: the only user is ``local``, and notebooks run in kernels on the worker's machine. The
test's process acts as the service: it creates pipelines and starts runs through the same code.
"""

from __future__ import annotations

import base64
import contextlib
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import nbformat
import psutil
import redis
import sqlalchemy as sa

from wb_server.composition import Workbench, build
from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.pipelines.models import PipelineSave
from wb_server.pipelines.runs.models import ENDED, RunDetail, RunRequest, TaskRunView
from wb_server.pipelines.runs.service import RunService
from wb_server.pipelines.runs.tables import runs, schedule_fires
from wb_server.pipelines.service import PipelineService
from wb_server.pipelines.store import pipelines
from wb_server.settings import Settings

from .command import Command, start
from .metadata import migrate_new
from .wait import wait_for

ACTOR = Actor("local", frozenset({"admin"}), frozenset({"use"}), "local")
# Long enough for a worker on a busy machine to renew it.
LEASE = 4.0


class Redis:
    """A temporary Redis on a socket, without persistence."""

    def __init__(self, folder: Path) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        server = str(Path(sys.executable).parent / "redis-server")
        options = [
            "--port",
            "0",
            "--unixsocket",
            str(self.socket),
            "--save",
            "",
            "--appendonly",
            "no",
        ]
        self._process = subprocess.Popen(
            [server, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_for(self._answers)

    def _answers(self) -> bool:
        try:
            with redis.Redis.from_url(self.url) as client:
                return bool(client.ping())
        except redis.RedisError:
            return False

    def flush(self) -> None:
        """Deletes everything in it."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()

    def queued(self) -> int:
        """The number of rings in its queues."""
        with redis.Redis.from_url(self.url) as client:
            queues = list(client.scan_iter("rq:queue:*", _type="list"))
            return sum(client.llen(each) for each in queues)

    def kill(self) -> None:
        """Kills it with SIGKILL."""
        assert self._process is not None
        self._process.kill()
        self._process.wait()

    def restart(self) -> None:
        """Kills and starts it; everything in it is lost."""
        self.kill()
        self.start()


@dataclass
class Site:
    """An installation with its processes.

    Attributes:
        database: the metadata database, for inspection.
        ending: terminated processes that are still to be waited for.
    """

    folder: Path
    settings: Settings
    workbench: Workbench
    database: Database
    redis: Redis
    environment: dict[str, str]
    workers: list[Command] = field(default_factory=list)
    schedulers: list[Command] = field(default_factory=list)
    ending: list[Command] = field(default_factory=list)

    # --- processes -----------------------------------------------------------------------------

    def _start(self, command: str, environment: Mapping[str, str]) -> Command:
        with (self.folder / f"{command}.log").open("ab") as log:
            return start([command], {**self.environment, **environment}, log)

    def start_worker(self, **environment: str) -> Command:
        """Starts another worker."""
        self.workers.append(self._start("worker", environment))
        return self.workers[-1]

    def start_scheduler(self, **environment: str) -> Command:
        """Starts another scheduler."""
        self.schedulers.append(self._start("scheduler", environment))
        return self.schedulers[-1]

    def kill(self, process: Command) -> None:
        """Kills a worker or a scheduler with SIGKILL."""
        process.send_signal(signal.SIGKILL)
        process.wait()
        for kind in (self.workers, self.schedulers):
            if process in kind:
                kind.remove(process)

    def complete(self, workers: int, schedulers: int) -> None:
        """Brings the processes to these numbers: replaces killed ones, resumes stopped ones."""
        for kind, count, another in (
            (self.workers, workers, self.start_worker),
            (self.schedulers, schedulers, self.start_scheduler),
        ):
            kind[:] = [each for each in kind if each.poll() is None]
            for each in kind:
                each.send_signal(signal.SIGCONT)
            for each in kind[count:]:
                self.kill(each)
            for _ in range(count - len(kind)):
                another()

    def stop(self, *workers: Command | psutil.Process) -> None:
        """Stops workers with SIGSTOP, at a moment when none holds a lock in the metadata database."""

        def stopped() -> bool:
            for worker in workers:
                worker.send_signal(signal.SIGSTOP)
            if self._unlocked():
                return True
            for worker in workers:
                worker.send_signal(signal.SIGCONT)
            # On a busy machine it takes a while to continue and release the lock.
            time.sleep(0.2)
            return False

        wait_for(stopped, 40)

    def _unlocked(self) -> bool:
        url = self.database.engine.url
        if url.get_backend_name() == "sqlite":
            try:
                with contextlib.closing(sqlite3.connect(str(url.database), timeout=0.1)) as own:
                    own.execute("begin immediate")
                    own.rollback()
            except sqlite3.OperationalError:
                return False
            return True
        busy = "select 1 from pg_stat_activity where state = 'idle in transaction'"
        with self.database.read() as transaction:
            return transaction.execute(sa.text(busy)).first() is None

    def restart_service(self) -> None:
        """Restarts the service; workers and schedulers keep running."""
        self.workbench.close()
        self.workbench = build(self.settings)

    def forget(self) -> None:
        """Deletes all pipelines, which cancels their runs, and waits for the runs' end."""
        for saved in self.pipelines.names(ACTOR):
            self.pipelines.delete(ACTOR, saved)
        wait_for(lambda: not self.going(), 30)

    def going(self) -> list[str]:
        """The ids of queued and running runs."""
        with self.database.read() as transaction:
            return list(
                transaction.execute(
                    sa.select(runs.c.id).where(runs.c.state.in_(("queued", "running")))
                ).scalars()
            )

    def log(self, command: str) -> str:
        """The log of the workers or the schedulers."""
        path = self.folder / f"{command}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def close(self) -> None:
        """Stops everything."""
        for process in [*self.workers, *self.schedulers]:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        for process in [*self.workers, *self.schedulers, *self.ending]:
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.workbench.close()
        self.database.close()
        self.redis.kill()

    # --- pipelines -----------------------------------------------------------------------------

    @property
    def pipelines(self) -> PipelineService:
        return self.workbench.api.services.get(PipelineService)

    @property
    def runs(self) -> RunService:
        return self.workbench.api.services.get(RunService)

    def connect(self, name: str, config: dict[str, object], connector: str = "postgres") -> None:
        """Adds a connection."""
        self.workbench.api.services.get(ConnectionService).create(
            ACTOR, ConnectionCreate(name=name, connector=connector, config=config)
        )

    def save(self, text: str, **notebooks: list[str]) -> str:
        """Creates a pipeline with notebooks of these cells; returns its id."""
        files = {f"{name}.ipynb": notebook(*cells) for name, cells in notebooks.items()}
        return self.pipelines.create(ACTOR, PipelineSave(text=text, files=files)).id

    def run(self, name: str, **parameters: Any) -> str:
        """Starts a run and returns its id."""
        pipeline = self.pipelines.saved(ACTOR, name)
        return self.runs.trigger(ACTOR, pipeline, RunRequest(parameters=parameters)).id

    def detail(self, run_id: str) -> RunDetail:
        """A run's current state."""
        return self.runs.get(ACTOR, run_id)

    def task(self, run_id: str, name: str) -> TaskRunView:
        """The current state of a run's task."""
        return next(task for task in self.detail(run_id).tasks if task.task == name)

    def ended(self, run_id: str, seconds: float = 60) -> RunDetail:
        """Waits for a run's end and returns it."""
        wait_for(lambda: self.detail(run_id).state in ENDED, seconds)
        return self.detail(run_id)

    def running(self, run_id: str, name: str, number: int = 1, seconds: float = 30) -> TaskRunView:
        """Waits until a task's attempt with this number is running, and returns the task."""

        def begun() -> bool:
            tries = self.task(run_id, name).attempts
            return bool(tries) and tries[-1].number >= number and tries[-1].state == "running"

        wait_for(begun, seconds)
        return self.task(run_id, name)

    def owe(self, name: str, since: datetime) -> None:
        """Makes all fires since a moment due, as if no scheduler had run since then."""
        with self.database.write() as transaction:
            transaction.execute(
                pipelines.update()
                .where(pipelines.c.name == name, pipelines.c.deleted_at.is_(None))
                .values(fired_to=since, next_fire_at=since + timedelta(minutes=1))
            )

    def fires(self, name: str) -> list[datetime]:
        """The times at which a schedule fired, in order."""
        with self.database.read() as transaction:
            return list(
                transaction.execute(
                    sa.select(schedule_fires.c.fire_at)
                    .join(pipelines, pipelines.c.id == schedule_fires.c.pipeline_id)
                    .where(pipelines.c.name == name, pipelines.c.deleted_at.is_(None))
                    .order_by(schedule_fires.c.fire_at)
                ).scalars()
            )

    def scheduled(self, name: str) -> list[datetime]:
        """The logical times of a schedule's runs, in order."""
        with self.database.read() as transaction:
            return list(
                transaction.execute(
                    sa.select(runs.c.logical_at)
                    .join(pipelines, pipelines.c.id == runs.c.pipeline_id)
                    .where(
                        pipelines.c.name == name,
                        pipelines.c.deleted_at.is_(None),
                        runs.c.trigger == "schedule",
                    )
                    .order_by(runs.c.logical_at)
                ).scalars()
            )

    def logs(self, run_id: str, name: str) -> str:
        """The logs of all attempts of a task."""
        return "".join(
            self.runs.log(ACTOR, attempt.id, 0).text for attempt in self.task(run_id, name).attempts
        )


def notebook(*cells: str) -> str:
    """A notebook in Base64; its first cell is the parameters cell."""
    made = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    )
    made.cells[0].metadata["tags"] = ["parameters"]
    return base64.b64encode(nbformat.writes(made).encode()).decode()


@contextlib.contextmanager
def site(folder: Path, database_url: str = "", **environment: str) -> Iterator[Site]:
    """Creates an installation while the block runs, initially without workers.

    Args:
        database_url: an empty metadata database; by default SQLite in the folder.
        environment: settings, such as ``WB_WORKER_SLOTS``.
    """
    data = folder / "data"
    data.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wb-", dir="/tmp") as sockets:
        queue = Redis(Path(sockets))
        values = {
            "WB_DATA_DIR": str(data),
            "WB_DATABASE_URL": database_url,
            "WB_MODE": "local",
            "WB_ALLOW_LOOPBACK": "1",
            "WB_REDIS_URL": queue.url,
            "WB_LEASE_SECONDS": str(LEASE),
            "WB_QUEUE_WAIT": "1",
            **environment,
        }
        settings = Settings.from_environment(values)
        vault.generate(settings.key_path)
        migrate_new(settings.database)
        workbench = build(settings, "command")
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("WB_", "JUPYTERHUB_"))
        }
        database = Database(settings.database)
        it = Site(folder, settings, workbench, database, queue, {**inherited, **values})
        try:
            yield it
        finally:
            it.close()

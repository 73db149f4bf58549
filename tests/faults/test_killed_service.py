"""The service is killed in the middle of its work, and the Hub restarts it."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from running_hub import Running
from support.apart import hub as hub
from support.apart import people as people
from support.api import Api
from support.people import People
from support.postgres import Cluster
from support.wait import wait_for

from wb_server.client import Client, QueryError

LONG = "select count(*) as {mark} from generate_series(1, 1000000) a, generate_series(1, 1000000) b"
RESTART_SECONDS = 60
# Takes much longer to write than the database takes to notice that its client is gone.
ROWS = 20_000_000


@dataclass
class Scene:
    """A Workbench, and a user with a connection who has done nothing else there."""

    hub: Running
    people: People
    api: Api
    token: str

    def client(self) -> Client:
        """A client like a kernel's."""
        return Client(f"{self.people.url}/services/workbench", self.token)

    def service(self) -> psutil.Process:
        """The service's process."""
        return next(
            process
            for process in self.hub.descendants()
            if process.is_running() and process.cmdline()[-2:] == ["wb_server.cli", "service"]
        )

    def kill_service(self) -> None:
        """Kills the service with SIGKILL, and waits until the process is gone."""
        old = self.service()
        os.kill(old.pid, signal.SIGKILL)
        wait_for(lambda: not old.is_running() or old.status() == psutil.STATUS_ZOMBIE)

    def wait_for_service(self) -> None:
        """Waits until the service answers again."""
        wait_for(lambda: self.api.call("GET", "/health").status_code == 200, RESTART_SECONDS)


@dataclass
class Killed:
    """The errors that clients saw, by what they were doing."""

    errors: dict[str, QueryError] = field(default_factory=dict)


@pytest.fixture(scope="module")
def scene(hub: Running, people: People, postgres: Cluster) -> Iterator[Scene]:
    name = people.add("witness", "engineer")
    api = people.api(name)
    body = {"name": "witnessed", "connector": "postgres", "config": postgres.config()}
    api.ok("POST", "/connections", body)
    yield Scene(hub, people, api, people.token(name))
    api.close()


@pytest.fixture(scope="module")
def killed(scene: Scene, postgres: Cluster) -> Killed:
    """The fate of a long query, a half-read stream and a write when the service is killed."""
    with postgres.connect() as connection:
        connection.execute("drop table if exists killed; create table killed (n bigint)")
    seen = Killed()
    clients = [scene.client() for _ in range(3)]

    def attempt(name: str, client: Client, sql: str) -> None:
        try:
            client.query("witnessed", sql)
        except QueryError as error:
            seen.errors[name] = error

    threads = [
        threading.Thread(
            target=attempt, args=("query", clients[0], LONG.format(mark="killed_query"))
        ),
        threading.Thread(
            target=attempt,
            args=(
                "write",
                clients[1],
                f"insert into killed select * from generate_series(1, {ROWS})",
            ),
        ),
    ]
    threads[0].start()
    batches = (
        clients[2].query("witnessed", "select * from generate_series(1, 50000000) g").batches()
    )
    assert next(batches).num_rows > 0
    wait_for(lambda: postgres.active("killed_query"))
    # Last, because it would finish on its own.
    threads[1].start()
    wait_for(lambda: postgres.active("NSERT INTO"))
    scene.kill_service()
    try:
        for _ in batches:
            pass
    except QueryError as error:
        seen.errors["stream"] = error
    for thread in threads:
        thread.join(30)
    for client in clients:
        client.close()
    # Nothing cancels the statements: the database checks whether its client is still connected.
    for mark in ("killed_query", "NSERT INTO", "50000000"):
        wait_for(lambda mark=mark: postgres.active(mark) == 0, 30)
    scene.wait_for_service()
    return seen


def test_every_waiting_client_gets_an_error(killed: Killed) -> None:
    assert set(killed.errors) == {"query", "write", "stream"}
    assert "was cut" in killed.errors["stream"].message


def test_interrupted_queries_are_closed_as_unknown_in_the_audit_log(
    scene: Scene, killed: Killed
) -> None:
    begun = scene.api.ok("GET", "/audit/mine", event="started", limit=10)["items"]
    ends = scene.api.ok("GET", "/audit/mine", outcome="unknown", limit=10)["items"]
    assert {row["record"] for row in begun if row["action"].startswith("query.")} == {
        row["record"] for row in ends
    }
    assert len(ends) == 3


def test_the_write_is_complete_or_absent(killed: Killed, postgres: Cluster) -> None:
    with postgres.connect() as connection:
        row = connection.execute("select count(*) from killed").fetchone()
        connection.execute("drop table killed")
    assert row is not None and row[0] in (0, ROWS)


def test_queries_work_again(scene: Scene, killed: Killed) -> None:
    table, _ = scene.api.query("witnessed", "select 1 as one")
    assert table.to_pylist() == [{"one": 1}]


def test_the_data_folder_is_sound(scene: Scene, killed: Killed) -> None:
    path: Path = scene.hub.data_dir / "workbench.db"
    with sqlite3.connect(path) as database:
        assert database.execute("pragma integrity_check").fetchall() == [("ok",)]


def test_the_kernels_of_tasks_wait_for_the_service(
    scene: Scene, killed: Killed, postgres: Cluster, capfd: pytest.CaptureFixture[str]
) -> None:
    """What only reads is asked again; what may have been committed isn't."""
    with postgres.connect() as connection:
        connection.execute(
            "create table patient (n bigint);"
            "create view patient_nap as select 1 as one from pg_sleep(2)"
        )
    clients = [scene.client() for _ in range(4)]
    for client in clients:
        client._in_task = True  # as in the kernel of an attempt
    seen: dict[str, object] = {}

    def ask(name: str, client: Client, sql: str) -> None:
        try:
            seen[name] = client.query("witnessed", sql).arrow().num_rows
        except QueryError as error:
            seen[name] = error.code

    half_read = clients[2].query("witnessed", "select * from generate_series(1, 5000000) g")
    threads = [
        threading.Thread(target=ask, args=("read", clients[0], "select one from patient_nap")),
        threading.Thread(
            target=ask,
            args=(
                "write",
                clients[1],
                f"insert into patient select * from generate_series(1, {ROWS})",
            ),
        ),
    ]
    for thread in threads:
        thread.start()
    wait_for(lambda: postgres.active("patient_nap") and postgres.active("NSERT INTO"))
    scene.kill_service()
    threads.append(threading.Thread(target=ask, args=("later", clients[3], "select 1 as one")))
    threads[-1].start()
    assert half_read.arrow().num_rows == 5_000_000
    for thread in threads:
        thread.join(RESTART_SECONDS)
    for client in clients:
        client.close()
    assert seen == {"read": 1, "later": 1, "write": "outcome_unknown"}
    assert "waits for the Workbench" in capfd.readouterr().err
    wait_for(lambda: postgres.active("NSERT INTO") == 0, 30)
    with postgres.connect() as connection:
        row = connection.execute("select count(*) from patient").fetchone()
        connection.execute("drop view patient_nap; drop table patient")
    assert row is not None and row[0] in (0, ROWS)


def test_the_fate_of_a_query(scene: Scene, killed: Killed) -> None:
    made = scene.api.call("POST", "/query", {"connection": "witnessed", "sql": "select 1 as one"})
    fate = scene.api.ok("GET", f"/query/{made.headers['Workbench-Query-Id']}")
    assert fate == {"state": "ended", "kind": "read", "outcome": "ok"}
    unknown = "00000000-0000-0000-0000-000000000000"
    assert scene.api.refused(404, "GET", f"/query/{unknown}")["code"] == "unknown_id"

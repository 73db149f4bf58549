"""The master key is rotated while services run, are killed and restarted, and queries continue."""

from __future__ import annotations

import contextlib
import signal
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet, InvalidToken
from support.api import Api, read
from support.metadata import migrated
from support.output import Output
from support.people import People
from support.postgres import Cluster
from support.service import Installation, Service, installation
from support.wait import wait_for

from wb_server.composition import build
from wb_server.connections.credentials.store import credentials
from wb_server.governance.secrets import keyfile
from wb_server.governance.secrets.vault import Vault
from wb_server.kit import clock
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.queries.broker import Broker
from wb_server.queries.models import QueryRequest
from wb_server.settings import Settings

# A busy machine takes a minute for one of these.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

# Enough for the rotation to take a while: the tests look at what happens meanwhile.
MANY = 2500
CONNECTIONS = 6
PAUSE_SECONDS = 0.1


@pytest.fixture
def kind() -> str:
    """The kind of metadata database."""
    return "sqlite"


@pytest.fixture
def place(kind: str, people: People, postgres: Cluster, tmp_path: Path) -> Iterator[Installation]:
    """An installation with many users' credentials in it."""
    settings = {}
    if kind == "postgresql":
        settings["WB_DATABASE_URL"] = migrated(postgres)
    with installation(people, tmp_path, settings) as it:
        yield it


def settings_of(place: Installation) -> Settings:
    return Settings.from_environment(place.environment)


def database_of(place: Installation) -> Database:
    return Database(settings_of(place).database)


def connect(api: Api, postgres: Cluster) -> str:
    """Creates a connection to the cluster; returns its name."""
    name = f"live_{uuid.uuid4().hex[:8]}"
    api.ok(
        "POST", "/connections", {"name": name, "connector": "postgres", "config": postgres.config()}
    )
    return name


def fill(place: Installation, connection_id: str) -> None:
    """Stores many users' personal credentials, as their forms would."""
    database = database_of(place)
    vault = Vault(keyfile.read(place.key_file))
    moment = clock.now()
    with database.write() as transaction:
        rows: list[dict[str, Any]] = []
        for index in range(MANY):
            row, user = str(uuid.uuid4()), f"user{index}"
            name = f"credentials/{row}/{connection_id}/{user}"
            sealed = vault.seal(transaction, name, {"user": "x", "password": f"of {user}"})
            rows.append(
                {"id": row, "connection_id": connection_id, "user": user, "ciphertext": sealed,
                 "updated_at": moment, "expires_at": None}
            )  # fmt: skip
        transaction.execute(credentials.insert(), rows)
    database.close()


def opened_by(place: Installation, key: str) -> int:
    """How many of the users' credentials a key opens."""
    fernet, count, database = Fernet(key), 0, database_of(place)
    with database.read() as transaction:
        found = list(transaction.scalars(sa.select(credentials.c.ciphertext)))
    database.close()
    for ciphertext in found:
        with contextlib.suppress(InvalidToken):
            fernet.decrypt(ciphertext)
            count += 1
    return count


class Traffic:
    """Constant queries and changes on some services, until the block ends.

    Every request has to succeed; the first that doesn't ends its thread and fails the block.
    """

    def __init__(self, services: list[Service], postgres: Cluster, names: list[str]) -> None:
        self.queries = 0
        self.stored = 0
        self._failed: list[BaseException] = []
        self._stop = threading.Event()
        self._threads = []
        for service in services:
            for work in (self._query, self._store):
                api = service.api("a-engineer")
                thread = threading.Thread(target=self._guard, args=(work, api, postgres, names))
                self._threads.append(thread)

    def __enter__(self) -> Traffic:
        for thread in self._threads:
            thread.start()
        self.wait_for_more()
        return self

    def __exit__(self, *raised: object) -> None:
        if not any(raised):
            self.wait_for_more()
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if self._failed:
            raise self._failed[0]

    def wait_for_more(self) -> None:
        """Waits until some more requests of every kind have been answered."""
        queries, stored = self.queries, self.stored
        wait_for(
            lambda: self._failed or (self.queries > queries + 5 and self.stored > stored + 2), 60
        )

    def _guard(self, work: Any, api: Api, postgres: Cluster, names: list[str]) -> None:
        try:
            # Without the pauses there would be little CPU time left for the rotation.
            while not self._stop.wait(PAUSE_SECONDS):
                work(api, postgres, names)
        except BaseException as error:
            self._failed.append(error)
        finally:
            api.close()

    def _query(self, api: Api, postgres: Cluster, names: list[str]) -> None:
        name = names[self.queries % len(names)]
        table, end = api.query(name, "select 6 * 7 as answer")
        assert (table.to_pylist(), end.get("error")) == ([{"answer": 42}], None)
        self.queries += 1

    def _store(self, api: Api, postgres: Cluster, names: list[str]) -> None:
        # Sealed with whichever key is current, and read by a query at once.
        name = connect(api, postgres)
        table, _ = api.query(name, "select 1 as one")
        assert table.to_pylist() == [{"one": 1}]
        (view,) = api.ok("GET", "/connections", search=name)["items"]
        api.ok("PATCH", f"/connections/{view['id']}", {"config": postgres.config()})
        assert api.query(name, "select 2 as two")[0].to_pylist() == [{"two": 2}]
        api.ok("DELETE", f"/connections/{view['id']}")
        self.stored += 1


def start(place: Installation, postgres: Cluster, number: int) -> tuple[list[Service], list[str]]:
    """Starts services and creates the engineer's connections, the first with many users' credentials."""
    services = [place.start() for _ in range(number)]
    api = services[0].api("a-engineer")
    names = [connect(api, postgres) for _ in range(CONNECTIONS)]
    (first,) = api.ok("GET", "/connections", search=names[0])["items"]
    fill(place, first["id"])
    api.close()
    return services, names


@pytest.mark.parametrize("kind", ["postgresql"])
def test_no_query_fails_while_the_key_is_rotated(place: Installation, postgres: Cluster) -> None:
    """With two services."""
    services, names = start(place, postgres, 2)
    first = keyfile.read(place.key_file)[0]
    with Traffic(services, postgres, names) as traffic:
        assert "proved: the new key alone opens all" in place.run("rotate-key")
        traffic.wait_for_more()
    (new,) = keyfile.read(place.key_file)
    assert opened_by(place, first) == 0
    assert opened_by(place, new) >= MANY + CONNECTIONS


def test_no_query_fails_while_a_rotation_is_killed_and_resumed(
    place: Installation, postgres: Cluster
) -> None:
    """The command and one of two services are killed midway."""
    services, names = start(place, postgres, 2)
    (old,) = keyfile.read(place.key_file)
    with Traffic(services[:1], postgres, names) as traffic:
        with Output() as output:
            process = place.command("rotate-key", output=output.writer)
            output.read_until(b"above the old one\n")
            output.fill()
            # It blocks while reporting that the first 2,000 are re-sealed.
            wait_for(lambda: opened_by(place, old) < MANY - 1900, 60)
            assert opened_by(place, old) > 0
            traffic.wait_for_more()
            process.send_signal(signal.SIGKILL)
            process.wait(20)
        services[1].end(signal.SIGKILL)
        # Both keys are needed now. The surviving service has them, and so has one that starts.
        with Traffic([place.start()], postgres, names):
            assert "resuming the rotation" in place.run("rotate-key")
        traffic.wait_for_more()
    (new,) = keyfile.read(place.key_file)
    assert opened_by(place, old) == 0
    assert opened_by(place, new) >= MANY + CONNECTIONS
    # A process that starts now has the new key alone, and reads everything.
    with closing(build(settings_of(place), "command")) as workbench:
        broker = workbench.api.services.get(Broker)
        engineer = Actor("a-engineer", frozenset({"engineer"}))
        for name in names:
            request = QueryRequest(connection=name, sql="select 1 as one")
            stream = broker.statements.query(engineer, Origin("", ""), request, HangUp())
            assert read(b"".join(stream))[0].to_pylist() == [{"one": 1}]

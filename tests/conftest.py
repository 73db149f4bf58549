"""Fixtures shared by all tests: real servers, each started once a session."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from running_hub import Running
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry
from support import shared
from support.mariadb import MariaDB
from support.metadata import migrate_new, migrated
from support.people import People
from support.postgres import Cluster
from support.s3 import ObjectStore
from support.spread import Leader, spread
from support.summary import left, rates

from wb_hub.quick import postpone
from wb_server.kit import db
from wb_server.kit.db import Database

# As at the start of the service: before anything imports jsonschema.
postpone()

# Fixtures that start a server or a browser; `--no-servers` deselects the tests that use them.
_SERVERS = {
    "postgres",
    "postgres_url",
    "mariadb",
    "postgres_engine",
    "mysql_engine",
    "s3_store",
    "hub",
    "hub_apart",
    "people",
    "page",
    "embedded_api",
    "service_api",
    "gateway_api",
    "api",
    # Kernels take as long.
    "local",
    "kernel",
}
# A fixture that requests a server itself, and with which parameters.
_SERVERS_OF = {"place": {"postgres", "mysql", "postgresql"}}


@pytest.fixture(autouse=True)
def _umask() -> Iterator[None]:
    """Restores the umask that a command changed: other tests' servers use other accounts."""
    before = os.umask(0o022)
    os.umask(before)
    yield
    os.umask(before)


@pytest.fixture(autouse=True, scope="session")
def _unsynced() -> Iterator[None]:
    """SQLite doesn't wait for the disk, as the PostgreSQL of a run doesn't: a power cut isn't tested."""
    prepare = db._prepare_sqlite

    def unsynced(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
        prepare(connection, record)
        with contextlib.closing(connection.cursor()) as cursor:
            cursor.execute("PRAGMA synchronous = OFF")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(db, "_prepare_sqlite", unsynced)
        yield


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options of these tests; ``./wb test --fast`` uses ``--no-servers``."""
    parser.addoption("--no-servers", action="store_true", help="deselect tests with servers")
    parser.addoption(
        "--systems",
        default="",
        help="systems of tests/systems to fetch and test against, such as mysql",
    )
    group = parser.getgroup("values", "tests/values")
    group.addoption("--values", type=int, default=1500, help="values to compare per connector")
    group.addoption("--seed", type=int, help="seed of the random tables")
    group.addoption("--cases", help="a JSON file of cases to run instead of the built-in ones")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Ignores systems that were not requested: testing one fetches it."""
    if collection_path.parent.name != "systems":
        return None
    wanted = str(config.getoption("--systems")).replace(",", " ").split()
    return None if collection_path.name in wanted else True


def pytest_configure(config: pytest.Config) -> None:
    """Starts the shared servers' process, in the controller of a parallel run."""
    if config.getoption("numprocesses", None) and not hasattr(config, "workerinput"):
        holder = contextlib.ExitStack()
        holder.enter_context(shared.held())
        config.add_cleanup(holder.close)
        config.pluginmanager.register(Leader(config))
    if hasattr(config, "workerinput"):
        # execnet workers ignore interrupts, and their child processes would inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Distributes the tests over processes; deselects those with servers if asked to."""
    if config.getoption("--no-servers"):
        _leave_servers_out(config, items)
    if hasattr(config, "workerinput"):
        spread(config, items)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Sends the summary lines to the controller."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["lines"] = left(session.config)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints the rates and counts that ``./wb test`` shows."""
    for line in (*rates(terminalreporter), *left(terminalreporter.config)):
        terminalreporter.write_line(line)


def _leave_servers_out(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept, left = [], []
    for item in items:
        names = set(getattr(item, "fixturenames", ()))
        parameters = getattr(getattr(item, "callspec", None), "params", {})
        servers = (
            names & _SERVERS
            or any(
                isinstance(it := parameters.get(name), str) and it in kinds
                for name, kinds in _SERVERS_OF.items()
            )
            or any(isinstance(it, str) and it == "postgresql" for it in parameters.values())
            or item.get_closest_marker("slow") is not None
        )
        (left if servers else kept).append(item)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


@pytest.fixture(scope="session")
def process_name(request: pytest.FixtureRequest) -> str | None:
    """The name of this of several processes that run tests."""
    worker = getattr(request.config, "workerinput", None)
    return None if worker is None else str(worker["workerid"])


@pytest.fixture(scope="session")
def postgres(process_name: str | None) -> Iterator[Cluster]:
    """The run's PostgreSQL: a database and a superuser of this process's own."""
    with shared.database(process_name) as it:
        yield it


@pytest.fixture(scope="session")
def postgres_url(postgres: Cluster) -> str:
    """The database's URL, for libpq."""
    return postgres.url


@pytest.fixture(scope="session")
def mariadb(process_name: str | None) -> Iterator[MariaDB]:
    """The run's MariaDB: a database and a user of this process's own."""
    with shared.mysql_database(process_name) as it:
        yield it


@pytest.fixture(scope="session")
def s3_store() -> Iterator[ObjectStore]:
    """The run's S3-compatible store, with tables in its bucket ``lake``."""
    with shared.borrow("s3") as it:
        yield it


@pytest.fixture(scope="session")
def hub_and_people() -> Iterator[tuple[Running, People]]:
    """The run's Workbench with the sample, as `./wb up --sample` makes it, and who is there."""
    with shared.borrow("hub") as it:
        yield it


@pytest.fixture(scope="session")
def hub(hub_and_people: tuple[Running, People]) -> Running:
    """The run's Workbench."""
    return hub_and_people[0]


@pytest.fixture(scope="session")
def people(hub_and_people: tuple[Running, People]) -> People:
    """The Hub's people: one for each role, and one without any."""
    return hub_and_people[1]


@pytest.fixture(scope="session")
def hub_apart() -> Iterator[tuple[Running, People]]:
    """Another Workbench, which no other test uses at the same time."""
    with shared.hub() as it:
        yield it


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A migrated, empty metadata database, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'workbench.db'}"
        migrate_new(url)
    else:
        url = migrated(request.getfixturevalue("postgres"))
    it = Database(url)
    yield it
    it.close()

"""Fixtures that all tests share: real servers, started once for a session."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running_hub import Running, start_up
from support.mariadb import MariaDB, server
from support.metadata import migrate_new, migrated
from support.people import People, people_of
from support.postgres import Cluster, cluster
from support.s3 import ObjectStore, fill_lake, object_store

from wb_hub.quick import postpone
from wb_server.kit.db import Database

# As the service is started: before anything imports jsonschema.
postpone()

# Fixtures that start a server or a browser; `--no-servers` leaves out the tests that use them.
_SERVERS = {
    "postgres",
    "postgres_url",
    "mariadb",
    "s3_store",
    "hub",
    "page",
    "embedded_api",
    "service_api",
    "gateway_api",
    "api",
    # Kernels, which take as long.
    "local",
    "kernel",
}
# A fixture that asks for a server by itself, and with which of its parameters.
_SERVERS_OF = {"place": {"postgres", "mysql", "postgresql"}}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds what these tests can be told; ``--no-servers`` is for `./wb test --fast`."""
    parser.addoption("--no-servers", action="store_true", help="leave out tests with servers")
    parser.addoption(
        "--systems", default="", help="systems to fetch and test with, such as mysql: tests/systems"
    )
    group = parser.getgroup("values", "tests/values")
    group.addoption("--values", type=int, default=1500, help="values to compare, of each connector")
    group.addoption("--seed", type=int, help="of the random tables")
    group.addoption("--cases", help="a JSON file of cases to run instead of the own ones")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Leaves out the systems that weren't asked for: they are fetched when they are tested."""
    if collection_path.parent.name != "systems":
        return None
    wanted = str(config.getoption("--systems")).replace(",", " ").split()
    return None if collection_path.name in wanted else True


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects what starts a server when that isn't wanted."""
    if not config.getoption("--no-servers"):
        return
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
def postgres() -> Iterator[Cluster]:
    """A PostgreSQL cluster of our own."""
    with cluster() as it:
        yield it


@pytest.fixture(scope="session")
def postgres_url(postgres: Cluster) -> str:
    """The cluster's URL, for libpq."""
    return postgres.url


@pytest.fixture(scope="session")
def s3_store() -> Iterator[ObjectStore]:
    """An S3-compatible store of our own, with tables in its bucket ``lake``."""
    with object_store() as it:
        fill_lake(it)
        yield it


@pytest.fixture(scope="session")
def mariadb() -> Iterator[MariaDB]:
    """A MariaDB server of our own."""
    with server() as it:
        yield it


@pytest.fixture(scope="session")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A started Workbench with the sample, as `./wb up --sample` makes it."""
    with start_up(tmp_path_factory.mktemp("wb") / "data", "--sample") as running:
        yield running


@pytest.fixture(scope="session")
def people(hub: Running) -> People:
    """The Hub's people: one for each role, and one without any."""
    return people_of(hub)


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

"""Fixtures: the API as its clients reach it, and connectors to real sources."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import psycopg
import pytest
from support.api import Api
from support.house import house_at
from support.in_process import served
from support.jupyter import embedded
from support.mariadb import MariaDB
from support.people import People
from support.postgres import Cluster
from support.s3 import ObjectStore, of
from support.source import Source

from wb_server.connectors.base import Target
from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.mysql.connector import MySQLConfig, MySQLConnector
from wb_server.connectors.postgres.connector import PostgresConfig, PostgresConnector
from wb_server.connectors.s3.connector import S3Connector
from wb_server.kit.network import NetworkPolicy


@pytest.fixture(scope="session")
def embedded_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API embedded in a Jupyter server: local mode."""
    with embedded(tmp_path_factory.mktemp("local")) as api:
        yield api


@pytest.fixture(scope="session")
def service_api(people: People) -> Iterator[Api]:
    """The API of the service, behind the Hub's proxy, as an engineer."""
    api = people.api("a-engineer")
    yield api
    api.close()


@pytest.fixture(scope="session")
def gateway_api(people: People) -> Iterator[Api]:
    """The API through the gateway in an engineer's own server."""
    people.start_server("a-engineer")
    api = people.gateway("a-engineer")
    yield api
    api.close()


@pytest.fixture(scope="session")
def in_process_api(tmp_path_factory: pytest.TempPathFactory, postgres: Cluster) -> Iterator[Api]:
    """The API of a service in this process, as an engineer."""
    with (
        house_at(tmp_path_factory.mktemp("house"), postgres) as house,
        served(house.workbench) as host,
        closing(host.api(house["ana"])) as api,
    ):
        yield api


@pytest.fixture(scope="session")
def api(request: pytest.FixtureRequest) -> Api:
    """The API: of a service in this process, or on a host that ``support.api.every_host`` names."""
    it: Api = request.getfixturevalue(f"{getattr(request, 'param', 'in_process')}_api")
    return it


@pytest.fixture
def postgres_connector() -> Iterator[PostgresConnector]:
    """A connector that may dial this machine."""
    connector = PostgresConnector(NetworkPolicy(allow_loopback=True))
    yield connector
    connector.close()


@pytest.fixture
def source(postgres: Cluster, postgres_connector: PostgresConnector) -> Source:
    """The cluster, through the connector."""
    config = PostgresConfig.model_validate(postgres.config())
    return Source(postgres_connector, Target("c1", 1, config))


@pytest.fixture
def direct(postgres: Cluster) -> Iterator[psycopg.Connection]:
    """A connection without the connector, to see what the connector did."""
    with postgres.connect() as connection:
        yield connection


@pytest.fixture
def source_mysql(mariadb: MariaDB) -> Iterator[Source]:
    """MariaDB, through its connector."""
    connector = MySQLConnector(NetworkPolicy(allow_loopback=True))
    yield Source(connector, Target("m1", 1, MySQLConfig.model_validate(mariadb.config())))
    connector.close()


class _Lasting(Workers):
    """Outlives the connectors that it serves: its nursery takes a third of a second of CPU to start."""

    def close(self) -> None:
        """Does nothing: a connector closes the workers that it was given."""

    def end(self) -> None:
        super().close()


@pytest.fixture(scope="session")
def workers() -> Iterator[Workers]:
    """Makes the processes for DuckDB, for all tests."""
    it = _Lasting()
    yield it
    it.end()


@pytest.fixture(scope="module")
def s3_connector(workers: Workers) -> Iterator[S3Connector]:
    """A connector that may dial this machine."""
    connector = S3Connector(NetworkPolicy(allow_loopback=True), workers)
    yield connector
    connector.close()


@pytest.fixture
def lake(s3_connector: S3Connector, s3_store: ObjectStore) -> Source:
    """The bucket ``lake``, through the connector."""
    return of(s3_connector, s3_store.config())

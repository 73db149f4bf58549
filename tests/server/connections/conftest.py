"""Connectors on servers of our own."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from support.postgres import Cluster
from support.source import Source

from wb_server.connections.connectors.base import Target
from wb_server.connections.connectors.postgres import PostgresConfig, PostgresConnector
from wb_server.connections.network import NetworkPolicy


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
def beside(postgres: Cluster) -> Iterator[psycopg.Connection]:
    """A plain connection, to look at what the connector did."""
    with postgres.connect() as connection:
        yield connection

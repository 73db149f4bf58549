"""The connectors to which the contract of ``tests/contracts/test_connectors.py`` applies.

A new connector adds a case to ``CASES``: a function that yields a ``Case``, with its source and the
queries of its dialect. See ``docs/developers/add-a-connector.md``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from wb_server.connectors.base import Target
from wb_server.connectors.duckdb.connector import DuckdbFileConfig, DuckdbFileConnector
from wb_server.connectors.embedded.workers import Workers
from wb_server.connectors.files.connector import FilesConfig, FilesConnector
from wb_server.connectors.mysql.connector import MySQLConfig, MySQLConnector
from wb_server.connectors.postgres.connector import PostgresConfig, PostgresConnector
from wb_server.connectors.s3.connector import S3Config, S3Connector
from wb_server.kit.network import NetworkPolicy

from .mariadb import MariaDB
from .postgres import Cluster
from .s3 import ObjectStore
from .source import Source


@dataclass
class Case:
    """A connector on a source that has the table ``people (id, name)`` with ids 1, 2 and 3.

    Attributes:
        many: a query that returns 300,000 rows with one integer column, ``i``.
        endless: a query that runs for minutes.
        bad_value: a query with a literal that its type doesn't accept.
        reset: makes ``people`` anew, where a test could have changed it.
    """

    source: Source
    schema: str
    many: str
    endless: str
    bad_value: str = "select cast('x' as int) as x"
    reset: Callable[[], object] = lambda: None


def postgres_case(request: pytest.FixtureRequest, folder: Path) -> Iterator[Case]:
    cluster: Cluster = request.getfixturevalue("postgres")
    connector = PostgresConnector(NetworkPolicy(allow_loopback=True))
    config = PostgresConfig.model_validate(cluster.config())
    with cluster.connect() as connection:
        yield Case(
            Source(connector, Target("c1", 1, config)),
            "public",
            "select i from generate_series(1, 300000) i",
            "select count(*) from generate_series(1, 100000) a, generate_series(1, 1000000) b",
            reset=lambda: connection.execute(
                "drop table if exists people, workbench_ledger;"
                "create table people (id int, name text);"
                "insert into people values (1, 'a'), (2, 'b'), (3, 'c')"
            ),
        )
        connector.close()
        connection.execute("drop table if exists people, workbench_ledger")


def files_case(request: pytest.FixtureRequest, folder: Path) -> Iterator[Case]:
    (folder / "people.csv").write_text("id,name\n1,a\n2,b\n3,c\n")
    connector = FilesConnector([folder], Workers())
    yield Case(
        Source(connector, Target("c1", 1, FilesConfig(folder=str(folder)))),
        "files",
        "select i from range(300000) r(i)",
        "select count(*) from range(1000000) a(i), range(1000000) b(i) where a.i % 7 = b.i % 5",
    )
    connector.close()


def duckdb_case(request: pytest.FixtureRequest, folder: Path) -> Iterator[Case]:
    path = folder / "shop.duckdb"
    with duckdb.connect(str(path)) as database:
        database.execute("create table people (id int, name text)")
        database.execute("insert into people values (1, 'a'), (2, 'b'), (3, 'c')")
    connector = DuckdbFileConnector([folder], Workers())
    yield Case(
        Source(connector, Target("c1", 1, DuckdbFileConfig(path=str(path)))),
        "main",
        "select i from range(300000) r(i)",
        "select count(*) from range(1000000) a(i), range(1000000) b(i) where a.i % 7 = b.i % 5",
    )
    connector.close()


def mysql_case(request: pytest.FixtureRequest, folder: Path) -> Iterator[Case]:
    server: MariaDB = request.getfixturevalue("mariadb")
    connector = MySQLConnector(NetworkPolicy(allow_loopback=True))
    yield Case(
        Source(connector, Target("c1", 1, MySQLConfig.model_validate(server.config()))),
        server.database,
        "select seq as i from seq_1_to_300000",
        "select count(*) from seq_1_to_1000000 a, seq_1_to_1000000 b where a.seq % 7 = b.seq % 5",
        # MySQL casts text that isn't a number to 0, with a warning.
        bad_value="select date '2026-02-30' as x",
        reset=lambda: server.execute(
            "drop table if exists workbench_ledger",
            "create or replace table people (id int, name text)",
            "insert into people values (1, 'a'), (2, 'b'), (3, 'c')",
        ),
    )
    connector.close()
    server.execute("drop table if exists people, workbench_ledger")


def s3_case(request: pytest.FixtureRequest, folder: Path) -> Iterator[Case]:
    store: ObjectStore = request.getfixturevalue("s3_store")
    (store.bucket("contract") / "people.csv").write_text("id,name\n1,a\n2,b\n3,c\n")
    connector = S3Connector(NetworkPolicy(allow_loopback=True), Workers())
    config = S3Config.model_validate(
        store.config(bucket="contract", session_token="temporary-token")
    )
    yield Case(
        Source(connector, Target("c1", 1, config)),
        "files",
        "select i from range(300000) r(i)",
        "select count(*) from range(1000000) a(i), range(1000000) b(i) where a.i % 7 = b.i % 5",
    )
    connector.close()


CASES = {
    "postgres": postgres_case,
    "files": files_case,
    "duckdb": duckdb_case,
    "mysql": mysql_case,
    "s3": s3_case,
}
SERVERS = ("postgres", "mysql", "s3")

"""Attempts to get past the gate: each is refused or harmless, and each does harm without the gate.

The attempts are in ``smuggling/*.toml``. Each runs on the real engine, in its own place with canary
rows and secrets: first through the broker, with a login that may do everything there, then directly
on the database with the same login. So an attempt that would do no harm anyway fails the test too.
"""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from support.api import read
from support.mariadb import server
from support.metadata import migrate_new
from support.postgres import cluster
from support.smuggling.attempt import Attempt, Place, attempts, harmed, interpolated
from support.smuggling.duckdb import DuckdbEngine
from support.smuggling.mysql import MysqlEngine
from support.smuggling.postgres import PostgresEngine

from wb_server.composition import Workbench, build
from wb_server.connections.models import ConnectionCreate, Owner, Share
from wb_server.connections.service import ConnectionService
from wb_server.connections.store import ConnectionStore
from wb_server.governance.secrets import vault
from wb_server.kit import clock
from wb_server.kit.actor import Actor
from wb_server.kit.db import Database
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.kit.errors import WorkbenchError
from wb_server.queries.broker import Broker
from wb_server.queries.models import QueryRequest
from wb_server.settings import Settings

pytestmark = pytest.mark.slow

OWNER = Actor("owner", frozenset({"engineer"}))
SMUGGLER = Actor("smuggler", frozenset({"analyst"}))
_names = (f"place_{number}" for number in itertools.count())


@pytest.fixture(scope="module")
def workbench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workbench]:
    """The service's own parts, with a short time limit for statements."""
    folder = tmp_path_factory.mktemp("workbench")
    settings = Settings(
        data_dir=str(folder), mode="local", allow_loopback=True, query_timeout=10.0,
        file_roots=[str(tmp_path_factory.getbasetemp())],
    )  # fmt: skip
    vault.generate(settings.key_path)
    migrate_new(settings.database)
    it = build(settings)
    yield it
    it.close()


def smuggle(workbench: Workbench, place: Place, attempt: Attempt) -> tuple[str, str]:
    """Runs an attempt through the broker; returns the error's code, or "ok", and the whole answer."""
    connections = workbench.api.services.get(ConnectionService)
    made = connections.create_for(
        OWNER,
        ConnectionCreate(name=next(_names), connector=place.connector, config=place.config),
        Owner(kind="user", name=OWNER.name),
    )
    database = Database(workbench.settings.database)
    share = Share(kind="user", name=SMUGGLER.name, level=attempt.level)
    with database.write() as transaction:
        ConnectionStore(database).share(transaction, made.id, share, OWNER.name, clock.now())
    database.close()
    if attempt.routines:
        connections.set_routines(OWNER, made.id, list(attempt.routines))
    request = QueryRequest(
        connection=made.name,
        sql=attempt.sql,
        params=attempt.params or None,
    )
    try:
        stream = workbench.api.services.get(Broker).statements.query(
            SMUGGLER, Origin("", ""), request, HangUp()
        )
        table, end = read(b"".join(stream))
    except WorkbenchError as error:
        return error.code, f"{error.message} {error.details}"
    finally:
        # Idle sessions would keep the place in use.
        connections.delete(OWNER, made.id)
    error = end.get("error", {})
    return error.get("code", "ok"), f"{_text(table)} {error}"


def _text(table: pa.Table) -> str:
    return "\n".join(str(row) for row in table.to_pylist())


def judge(workbench: Workbench, place: Place, attempt: Attempt) -> None:
    """Runs an attempt with the gate, then without it."""
    attempt = attempt.with_words(place.words)
    if attempt.before:
        place.prepare(attempt.before)
    before = place.state()
    code, answer = smuggle(workbench, place, attempt)
    if attempt.expect != "harmless":
        assert code == attempt.expect, f"{code}: {answer}"
    assert place.state() == before, "something has changed"
    leaked = [secret for secret in place.secrets if secret in answer]
    assert not leaked, answer
    seen = place.run_directly(interpolated(attempt.sql, attempt.params))
    assert harmed(attempt, place, before, seen), f"it does no harm: {seen}"


def _cases(dialect: str, *kinds: str) -> Any:
    """Each attempt of a dialect, on each kind of connection that it is for."""
    found = attempts(dialect)
    assert len({each.technique for each in found}) == len(found)
    return pytest.mark.parametrize(
        ("kind", "attempt"),
        [
            pytest.param(kind, each, id=f"{kind}-{each.technique}")
            for each in found
            for kind in each.on or kinds
        ],
    )


@pytest.fixture(scope="module")
def postgres_engine() -> Iterator[PostgresEngine]:
    """On a server of its own: an attack is judged by all that changed there."""
    folder = Path("/var/tmp") / f"wb-smuggling-{uuid.uuid4().hex}"
    with cluster() as own:
        engine = PostgresEngine(own, folder)
        yield engine
        engine.close()


@pytest.fixture(scope="module")
def duckdb_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DuckdbEngine]:
    engine = DuckdbEngine(tmp_path_factory.mktemp("files"))
    yield engine
    engine.close()


@_cases("postgres", "postgres")
def test_postgres(
    workbench: Workbench, postgres_engine: PostgresEngine, kind: str, attempt: Attempt
) -> None:
    with postgres_engine.place() as place:
        assert place.connector == kind
        judge(workbench, place, attempt)


@_cases("duckdb", "files", "duckdb")
def test_duckdb(
    workbench: Workbench, duckdb_engine: DuckdbEngine, kind: str, attempt: Attempt
) -> None:
    with duckdb_engine.place(kind) as place:
        judge(workbench, place, attempt)


@pytest.fixture(scope="module")
def mysql_engine() -> Iterator[MysqlEngine]:
    """On a separate server, too."""
    # Not below /tmp/pytest-…, which is closed to the server's account.
    folder = Path("/var/tmp") / f"wb-smuggling-mysql-{uuid.uuid4().hex}"
    with server() as own:
        engine = MysqlEngine(own, folder)
        yield engine
        engine.close()


@_cases("mysql", "mysql")
def test_mysql(
    workbench: Workbench, mysql_engine: MysqlEngine, kind: str, attempt: Attempt
) -> None:
    with mysql_engine.place() as place:
        assert place.connector == kind
        judge(workbench, place, attempt)


@_cases("mariadb", "mysql")
def test_mariadb(
    workbench: Workbench, mysql_engine: MysqlEngine, kind: str, attempt: Attempt
) -> None:
    with mysql_engine.place() as place:
        assert place.connector == kind
        judge(workbench, place, attempt)


def test_there_are_enough_techniques() -> None:
    dialects = ("postgres", "duckdb", "mysql", "mariadb")
    assert sum(len(attempts(dialect)) for dialect in dialects) >= 150

"""The service with connections to real servers, without its web server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from wb_server.composition import Workbench, build
from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.gate.loads import LoadRequest, LoadResult, Once, WriteResult
from wb_server.governance.audit.models import AuditQuery, AuditRow
from wb_server.governance.audit.service import AuditService
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.queries.broker import Broker
from wb_server.queries.models import QueryRequest
from wb_server.queries.stream import Reading
from wb_server.settings import Settings

from .mariadb import MariaDB
from .metadata import migrate_new
from .postgres import Cluster

ENGINEER = Actor("engineer", frozenset({"engineer"}))
WHERE = Origin("", "")


class Wired:
    """A service with the connections ``shop`` (PostgreSQL), ``mart`` (MariaDB) and ``files``."""

    def __init__(self, workbench: Workbench) -> None:
        self.workbench = workbench
        self.broker = workbench.api.services.get(Broker)

    def read(self, sql: str, connection: str = "shop", hang_up: HangUp | None = None) -> Reading:
        request = QueryRequest(connection=connection, sql=sql)
        return self.broker.statements.read(ENGINEER, WHERE, request, hang_up or HangUp())

    def load(
        self,
        table: str,
        rows: Any,
        connection: str = "shop",
        *,
        actor: Actor = ENGINEER,
        hang_up: HangUp | None = None,
        once: Once | None = None,
        progress: Callable[[int], None] | None = None,
        **more: Any,
    ) -> LoadResult:
        request = LoadRequest(connection=connection, table=table, **{"mode": "append", **more})
        return self.broker.loads.load(
            actor, WHERE, request, rows, hang_up or HangUp(), once, progress
        )

    def write(self, sql: str, connection: str = "shop", key: str | None = None) -> WriteResult:
        request = QueryRequest(connection=connection, sql=sql)
        once = None if key is None else Once(key=key)
        statements = self.broker.statements
        with statements.run(ENGINEER, WHERE, request, HangUp(), once) as reading:
            return reading.written()

    def log(self, event: str) -> list[AuditRow]:
        """The audit log's rows of this event, oldest first."""
        found = self.workbench.api.services.get(AuditService).search(AuditQuery(event=event))
        return list(reversed(found.items))


@contextmanager
def schemas(postgres: Cluster, mariadb: MariaDB) -> Iterator[None]:
    """Creates an empty schema ``l`` in both servers while the block runs."""
    with postgres.connect() as connection:
        connection.execute("drop schema if exists l cascade; create schema l")
        mariadb.execute("drop database if exists l", "create database l")
        yield
        connection.execute("drop schema l cascade")
    mariadb.execute("drop database l")


@contextmanager
def wire(tmp_path: Path, postgres: Cluster, mariadb: MariaDB, **changes: Any) -> Iterator[Wired]:
    """The service, with changed settings."""
    files = tmp_path / "files"
    files.mkdir(exist_ok=True)
    (files / "people.csv").write_text("id,name\n1,a\n2,b\n")
    settings = Settings(
        data_dir=str(tmp_path), allow_loopback=True, file_roots=str(files), **changes
    )
    vault.generate(settings.key_path)
    migrate_new(settings.database)
    workbench = build(settings)
    connections = workbench.api.services.get(ConnectionService)
    for name, kind, config in (
        ("shop", "postgres", postgres.config()),
        ("mart", "mysql", mariadb.config(database="l")),
        ("files", "files", {"folder": str(files)}),
    ):
        connections.create(ENGINEER, ConnectionCreate(name=name, connector=kind, config=config))
    try:
        yield Wired(workbench)
    finally:
        workbench.close()

"""A PostgreSQL of our own for the session, and permits without a gate."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wb_server.connections import gate
from wb_server.connections.connectors.postgres import PostgresConnector
from wb_server.connections.network import NetworkPolicy

MakePermit = Callable[..., gate.Permit]


def _binaries() -> Path:
    found = shutil.which("initdb")
    if found:
        return Path(found).parent
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert folders, "PostgreSQL is not installed"
    return folders[-1]


def _as_postgres(*command: str | Path) -> None:
    """PostgreSQL refuses to run as root: then it runs as its own user."""
    prefix = []
    if os.geteuid() == 0:
        prefix = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    subprocess.run([*prefix, *map(str, command)], check=True, stdout=subprocess.DEVNULL, cwd="/")


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """``postgresql://user:password@127.0.0.1:port/dbname``, of a superuser."""
    binaries = _binaries()
    folder = Path(tempfile.mkdtemp(prefix="wb-postgres-"))
    password = "fixture"
    (folder / "password").write_text(password)
    if os.geteuid() == 0:
        for path in (folder, folder / "password"):
            shutil.chown(path, "postgres")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data = folder / "data"
    try:
        _as_postgres(
            binaries / "initdb", "-D", data, "-U", "boss", f"--pwfile={folder / 'password'}",
            "-A", "scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync",
        )  # fmt: skip
        options = (
            f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off "
            "-c max_locks_per_transaction=256"
        )
        log = folder / "log"
        try:
            _as_postgres(binaries / "pg_ctl", "-D", data, "-w", "-o", options, "-l", log, "start")
            yield f"postgresql://boss:{password}@127.0.0.1:{port}/postgres"
        finally:
            _as_postgres(binaries / "pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def make_permit() -> MakePermit:
    """Permits as the gate makes them, for tests of what comes after it."""

    def make(
        sql: str = "", *, kind: gate.PermitKind = "read", connection_id: str = "c1"
    ) -> gate.Permit:
        return gate.Permit(
            str(uuid.uuid4()), "ana", connection_id, kind, sql, seal=gate._SEAL
        )

    return make


@pytest.fixture
def postgres_connector() -> Iterator[PostgresConnector]:
    connector = PostgresConnector(NetworkPolicy(allow_loopback=True))
    yield connector
    connector.close()

"""An installation with data of every kind, and ``wb`` commands on it."""

from __future__ import annotations

import contextlib
import io
import os
import sqlite3
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import sqlalchemy as sa

from wb_server import cli
from wb_server.composition import build
from wb_server.connections.models import ConnectionCreate, Owner
from wb_server.connections.service import ConnectionService
from wb_server.governance.audit.service import AuditService
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.kit.blobs import Blobs
from wb_server.kit.endpoint import Origin
from wb_server.settings import Settings

from .metadata import migrate_new

PASSPHRASE = "eleven plain words and one more"
PASSWORD = "s3cret-of-the-shop"
# The modification time of the script in the home.
WRITTEN = 1_700_000_000
ADMIN = Actor("ana", frozenset({"admin"}), via="test")

Rows = dict[str, list[tuple[object, ...]]]


def rows_of(url: str) -> Rows:
    """Every row of every table, in a fixed order."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        names = sa.inspect(connection).get_table_names()
        found = {
            name: sorted(
                map(tuple, connection.execute(sa.text(f'SELECT * FROM "{name}"'))), key=str
            )
            for name in names
        }
    engine.dispose()
    return found


@dataclass
class Installation:
    """A data folder and its database."""

    data: Path
    database_url: str
    passphrase_file: Path
    blobs: list[str]

    @property
    def settings(self) -> Settings:
        """The settings that the service would have."""
        return Settings(data_dir=str(self.data), database_url=self.database_url)

    def run(self, *arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs a ``wb`` command on it."""
        return wb(*arguments, WB_DATA_DIR=str(self.data), WB_DATABASE_URL=self.database_url, **env)

    def backup(self, target: Path, *options: str) -> subprocess.CompletedProcess[str]:
        """Runs ``wb backup`` with the passphrase file."""
        return self.run("backup", target, "--passphrase-file", self.passphrase_file, *options)

    def rows(self) -> Rows:
        """Every row of its database."""
        return rows_of(self.database_url)


def environment(**env: str) -> dict[str, str]:
    """This process's environment without the Workbench's settings, plus the given variables."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WB_")}
    return {**kept, **env}


def wb(*arguments: object, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a command in this process, without a terminal: starting a process would take longer."""
    before, mask = dict(os.environ), os.umask(0o022)
    out, errors = io.StringIO(), io.StringIO()
    os.environ.clear()
    os.environ.update(environment(**env))
    try:
        with (
            open(os.devnull) as nothing,
            patch.object(sys, "stdin", nothing),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(errors),
        ):
            status = cli.main(list(map(str, arguments)))
    finally:
        os.umask(mask)
        os.environ.clear()
        os.environ.update(before)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), errors.getvalue())


def refusal(done: subprocess.CompletedProcess[str]) -> str:
    """Asserts that a command refused; returns its message, which is the last line."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("wb: ")
    return line


def install(data: Path, url: str, passphrase_file: Path) -> Installation:
    """Creates and fills a data folder."""
    data.mkdir(mode=0o700)
    vault.generate(data / "master.key")
    migrate_new(url)
    it = Installation(data, url, passphrase_file, [])
    settings = it.settings
    (data / "files" / "mine").mkdir(parents=True)
    (data / "files" / "mine" / "a.csv").write_text("x\n1\n")
    workbench = build(settings)
    try:
        services = workbench.api.services
        connections = services.get(ConnectionService)
        shop = {"host": "10.9.8.7", "port": 5432, "database": "shop", "user": "reader"}
        for number in range(3):
            connections.create_for(
                ADMIN,
                ConnectionCreate(
                    name=f"shop_{number}",
                    connector="postgres",
                    config={**shop, "password": f"{PASSWORD}-{number}"},
                ),
                Owner(kind="user", name="ana"),
            )
        connections.create_for(
            ADMIN,
            ConnectionCreate(
                name="mine", connector="files", config={"folder": str(data / "files" / "mine")}
            ),
            Owner(kind="user", name="ana"),
        )
        audit = services.get(AuditService)
        for number in range(20):
            record = audit.started(ADMIN, Origin("127.0.0.1", str(number)), "connection.query")
            audit.finished(record, "ok", rows=number)
        blobs = services.get(Blobs)
        for content in (b"", b"one", b"two" * 100_000):
            it.blobs.append(blobs.put([content]))
        database = services.get(Blobs)._database
        with database.write() as transaction:
            for digest in it.blobs:
                blobs.refer(transaction, digest)
    finally:
        workbench.close()
    home = data / "users" / "ana"
    (home / "empty").mkdir(parents=True)
    (home / "work.ipynb").write_text("{}")
    (home / "run.sh").write_text("#!/bin/sh\n")
    (home / "run.sh").chmod(0o755)
    os.utime(home / "run.sh", (WRITTEN, WRITTEN))
    (home / "link").symlink_to("work.ipynb")
    (home / "out").symlink_to("/etc/hostname")
    os.mkfifo(home / "pipe")
    # A name that isn't valid UTF-8.
    Path(os.fsdecode(os.fsencode(home) + b"/caf\xe9.txt")).write_text("latin")
    (data / "logs").mkdir()
    hub = data / "hub"
    hub.mkdir(mode=0o700)
    (hub / "cookie_secret").write_text("c00kie")
    _hub_database(hub / "jupyterhub.sqlite")
    (data / "jupyterhub_config.d").mkdir()
    (data / "jupyterhub_config.d" / "own.py").write_text("c.JupyterHub.log_level = 30\n")
    return it


def _hub_database(path: Path) -> None:
    """Creates the tables of JupyterHub that matter here, with a running server."""
    with sqlite3.connect(path) as hub:
        hub.executescript(
            """
            create table users (id integer primary key, name text);
            create table servers (id integer primary key, port integer);
            create table spawners (
                id integer primary key, user_id integer, server_id integer, state text);
            insert into users values (1, 'ana'), (2, 'bo');
            insert into servers values (1, 8081), (2, 50001);
            insert into spawners values (1, 1, 2, '{"pid": 4711}'), (2, 2, null, '{}');
            """
        )
    hub.close()

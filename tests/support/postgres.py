"""A temporary PostgreSQL cluster, from the system's package, on a free loopback port."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from .ports import free_port


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its port, and its superuser's login."""

    port: int
    password: str
    user: str = "owner"
    database: str = "shop"
    folder: Path = Path()
    durable: bool = False

    @property
    def url(self) -> str:
        """A URL for libpq."""
        return f"postgresql://{self.user}:{self.password}@127.0.0.1:{self.port}/{self.database}"

    def url_of(self, database: str) -> str:
        """A database's URL, for SQLAlchemy."""
        return f"postgresql+psycopg://{self.user}:{self.password}@127.0.0.1:{self.port}/{database}"

    def connect(self) -> psycopg.Connection:
        """A connection of the superuser, with autocommit."""
        return psycopg.connect(self.url, autocommit=True)

    def active(self, mark: str) -> int:
        """The number of running statements that contain this text."""
        with self.connect() as connection:
            row = connection.execute(
                "select count(*) from pg_stat_activity where state = 'active' and query like %s "
                "and datname = current_database() and pid <> pg_backend_pid()",
                (f"%{mark}%",),
            ).fetchone()
        assert row is not None
        return int(row[0])

    def stop(self, mode: str = "fast") -> None:
        """Stops the server; ``immediate`` is a crash."""
        self._control("-m", mode, "-w", "stop")

    def start(self) -> None:
        """Starts the server, with the same options each time."""
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 "
            f"-c unix_socket_directories={self.folder} "
            "-c max_connections=120 -c timezone=UTC"
        )
        if not self.durable:
            options += " -c fsync=off -c synchronous_commit=off"
        self._control("-w", "-t", "60", "-l", str(self.folder / "log"), "-o", options, "start")

    def _control(self, *arguments: str) -> None:
        _run(self.folder, str(binaries() / "pg_ctl"), "-D", str(self.folder / "data"), *arguments)

    def config(self, **changes: object) -> dict[str, object]:
        """The configuration of a connection to it."""
        return {
            "host": "127.0.0.1",
            "port": self.port,
            "database": self.database,
            "user": self.user,
            "password": self.password,
            **changes,
        }


def binaries() -> Path:
    """The folder of initdb and postgres.

    Raises:
        RuntimeError: PostgreSQL isn't installed; a test that needs it fails and isn't skipped.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if found:
        return found[-1].parent
    if path := shutil.which("initdb"):
        return Path(path).parent
    raise RuntimeError("PostgreSQL is missing: apt install postgresql")


@contextmanager
def cluster(*, durable: bool = False) -> Iterator[Cluster]:
    """Runs a fresh cluster while the block runs.

    Args:
        durable: whether commits survive a crash; slower.
    """
    folder = Path(tempfile.mkdtemp(prefix="wb-pg-"))
    it = Cluster(free_port(), secrets.token_urlsafe(12), folder=folder, durable=durable)
    password_file = folder / "password"
    password_file.write_text(it.password)
    if (owner := _account()) is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
        os.chown(password_file, owner.pw_uid, owner.pw_gid)
    try:
        _run(
            folder,
            str(binaries() / "initdb"), "-D", str(folder / "data"), "-U", it.user,
            "--auth=scram-sha-256", f"--pwfile={password_file}", "-E", "UTF8",
            "--locale=C.UTF-8", "--no-sync",
        )  # fmt: skip
        it.start()
        try:
            first = it.url.replace(f"/{it.database}", "/postgres")
            with psycopg.connect(first, autocommit=True) as connection:
                connection.execute(f"create database {it.database}")
            yield it
        finally:
            it.stop("immediate")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(folder: Path, *command: str) -> None:
    owner = _account()
    switch = {"user": owner.pw_uid, "group": owner.pw_gid} if owner else {}
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=folder,
        env={"LC_ALL": "C.UTF-8"},
        check=False,
        **switch,
    )
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")


def _account() -> pwd.struct_passwd | None:
    """The account to run as: PostgreSQL refuses to run as root; its package creates an account."""
    return pwd.getpwnam("postgres") if os.geteuid() == 0 else None

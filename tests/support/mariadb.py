"""A temporary MariaDB server, from the system's package, on a free loopback port."""

from __future__ import annotations

import fcntl
import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pymysql

from .ports import free_port
from .wait import wait_for

_PLACES = ("/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin")


@dataclass(frozen=True)
class MariaDB:
    """A running server: its port, and the login of a user with all privileges."""

    port: int
    password: str
    folder: Path
    user: str = "owner"
    database: str = "shop"

    def connect(self) -> pymysql.Connection:
        """A plain connection with autocommit."""
        return pymysql.connect(
            host="127.0.0.1",
            port=self.port,
            user=self.user,
            password=self.password,
            database=self.database,
            charset="utf8mb4",
            autocommit=True,
            ssl_disabled=True,  # otherwise each connection loads all of the system's certificates
        )

    def execute(self, *statements: str) -> Sequence[tuple[object, ...]]:
        """Runs statements without the connector; returns the rows of the last one."""
        with self.connect() as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall()

    def active(self, mark: str) -> int:
        """The number of running statements that contain this text."""
        ((number,),) = self.execute(
            "select count(*) from information_schema.processlist "
            f"where info like '%{mark}%' and id <> connection_id()"
        )
        return int(str(number))

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

    @property
    def authority(self) -> str:
        """The CA certificate in PEM; the server's own certificate is for ``db.example.org``."""
        return (self.folder / "ca.pem").read_text()


def server_binary() -> Path:
    """The server's program.

    Raises:
        RuntimeError: MariaDB isn't installed; a test that needs it fails and isn't skipped.
    """
    path = shutil.which("mariadbd", path=os.pathsep.join((*_PLACES, os.environ.get("PATH", ""))))
    if path:
        return Path(path)
    raise RuntimeError("MariaDB is missing: apt install mariadb-server")


def _certificates(folder: Path) -> None:
    """Creates a CA, and a certificate signed by it for ``db.example.org``."""

    def make(name: str, subject: str, *more: str) -> None:
        subprocess.run(
            [
                "openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", f"/CN={subject}",
                "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                "-keyout", f"{name}.key", "-out", f"{name}.pem", *more,
            ],
            check=True,
            capture_output=True,
            cwd=folder,
        )  # fmt: skip

    make("ca", "authority")
    make(
        "server", "server", "-CA", "ca.pem", "-CAkey", "ca.key",
        "-addext", "subjectAltName=DNS:db.example.org", "-addext", "basicConstraints=CA:FALSE",
    )  # fmt: skip


@contextmanager
def answering(it: MariaDB, process: subprocess.Popen[bytes], log: Path) -> Iterator[None]:
    """Waits until a started server answers, and stops it after the block.

    Raises:
        RuntimeError: it exited instead; the message has the end of its log.
    """

    def answers() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args}: {log.read_text()[-2000:]}")
        try:
            it.connect().close()
        except pymysql.OperationalError:
            return False
        return True

    try:
        wait_for(answers, 60)
        yield
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def server(*options: str) -> Iterator[MariaDB]:
    """Runs a fresh server, with these further options, while the block runs."""
    binary = server_binary()
    folder = Path(tempfile.mkdtemp(prefix="wb-maria-"))
    it = MariaDB(free_port(), secrets.token_urlsafe(12), folder)
    # The server refuses to run as root; its package creates an account for it.
    owner = pwd.getpwnam("mysql") if os.geteuid() == 0 else None
    _certificates(folder)
    first = folder / "first.sql"
    first.write_text(
        f"create database {it.database} character set utf8mb4;\n"
        f"create user {it.user}@'%' identified by '{it.password}';\n"
        f"grant all on *.* to {it.user}@'%' with grant option;\n"
    )
    for path in (folder, *folder.iterdir()):
        if owner is not None:
            os.chown(path, owner.pw_uid, owner.pw_gid)
    switch = {"user": owner.pw_uid, "group": owner.pw_gid} if owner else {}
    data = folder / "data"
    # Concurrent installations fail now and then.
    with Path(tempfile.gettempdir(), f"wb-maria-{os.geteuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [
                "mariadb-install-db", "--no-defaults", f"--datadir={data}", "--skip-test-db",
                "--auth-root-authentication-method=socket",
            ],
            capture_output=True,
            text=True,
            cwd=folder,
            **switch,
        )  # fmt: skip
    try:
        if done.returncode:
            raise RuntimeError(f"mariadb-install-db: {done.stdout}{done.stderr}")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    binary, "--no-defaults", f"--datadir={data}", f"--port={it.port}",
                    "--bind-address=127.0.0.1", f"--init-file={first}", f"--socket={folder / 'socket'}",
                    f"--pid-file={folder / 'pid'}", "--skip-name-resolve", "--skip-log-bin",
                    "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M",
                    "--max-connections=120", "--secure-file-priv=",
                    f"--ssl-ca={folder / 'ca.pem'}", f"--ssl-cert={folder / 'server.pem'}",
                    f"--ssl-key={folder / 'server.key'}", *options,
                ],
                cwd=folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                **switch,
            )  # fmt: skip

        with answering(it, process, folder / "log"):
            yield it
    finally:
        shutil.rmtree(folder, ignore_errors=True)

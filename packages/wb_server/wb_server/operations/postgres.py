"""Dumps of PostgreSQL databases, made with PostgreSQL's own programs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg.conninfo import make_conninfo

from .database_state import DatabaseState, read_state
from .report import OperationError

_CHUNK = 1024 * 1024
_VERSION = re.compile(r"\(PostgreSQL\) (\d+)")


@contextmanager
def connected(url: str) -> Iterator[sa.Connection]:
    """A dedicated connection, with no transaction begun.

    Raises:
        OperationError: the server can't be reached or refuses the connection.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    except sa.exc.OperationalError as error:
        raise OperationError(f"The database can't be reached: {_first_line(error.orig)}") from error
    finally:
        engine.dispose()


def dump(
    url: str, target: Path, check: Callable[[sa.Connection], None], step: Callable[[int], None]
) -> tuple[DatabaseState, str]:
    """Writes a consistent dump; returns its content and the server's version.

    Args:
        check: called with a connection on the same snapshot, before the dump.
        step: called for every chunk, with its size in bytes.

    Raises:
        OperationError: pg_dump is missing, too old or fails.
    """
    program = tool("pg_dump")
    with connected(url) as connection:
        connection.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        connection.execute(sa.text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        server = str(connection.execute(sa.text("SHOW server_version")).scalar_one())
        _check_version(program, server)
        found = read_state(connection)
        check(connection)
        # pg_dump sees exactly what was counted.
        snapshot = connection.execute(sa.text("SELECT pg_export_snapshot()")).scalar_one()
        _dump(program, url, target, ["--snapshot", str(snapshot)], step)
    return found, server


def _dump(
    program: str, url: str, target: Path, options: list[str], step: Callable[[int], None]
) -> None:
    conninfo, env = _access(url)
    command = [program, "--format=custom", "--no-password", *options, "--dbname", conninfo]
    handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        # Through a pipe: if this process is killed, pg_dump ends too.
        with (
            os.fdopen(handle, "wb") as file,
            subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=env,
            ) as process,
        ):
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                while chunk := process.stdout.read(_CHUNK):
                    file.write(chunk)
                    step(len(chunk))
            except BaseException:
                process.kill()
                raise
            said = process.stderr.read().decode("utf-8", "replace")
            if process.wait() != 0:
                raise OperationError(f"pg_dump failed: {_reason(said)}")
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def load(url: str, source: Path) -> None:
    """Restores a dump into an empty database, completely or not at all.

    Raises:
        OperationError: pg_restore is missing or fails.
    """
    conninfo, env = _access(url)
    _run(
        [
            tool("pg_restore"),
            "--single-transaction",
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            "--no-password",
            "--dbname",
            conninfo,
            str(source),
        ],
        env,
    )


def put_back(url: str, source: Path) -> None:
    """Replaces the tables of a database with those of a dump, in one transaction.

    Raises:
        OperationError: a program is missing or fails; the database is then unchanged.
    """
    conninfo, env = _access(url)
    script = source.with_name(f".{source.name}.sql")
    try:
        # All tables are dropped: those that the dump lacks could block dropping those it has.
        with connected(url) as connection:
            quote = connection.dialect.identifier_preparer.quote
            tables = ", ".join(map(quote, sa.inspect(connection).get_table_names()))
        restore = [tool("pg_restore"), "--no-owner", "--no-privileges", "--file", str(script)]
        psql = tool("psql")
        _run([*restore, str(source)], env)
        drop = f"DROP TABLE IF EXISTS {tables} CASCADE" if tables else "SELECT 1"
        _run(
            [
                psql,
                "--no-psqlrc",
                "--quiet",
                "--no-password",
                "--single-transaction",
                "--set=ON_ERROR_STOP=1",
                "--output=/dev/null",
                "--command=SET lock_timeout = '10s'",
                f"--command={drop}",
                f"--file={script}",
                f"--dbname={conninfo}",
            ],
            env,
        )
    finally:
        script.unlink(missing_ok=True)


def empty(connection: sa.Connection) -> bool:
    """Whether the database has no relations besides PostgreSQL's own."""
    return not connection.execute(
        sa.text(
            "SELECT EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
            "WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') "
            "AND n.nspname NOT LIKE 'pg_toast%' AND n.nspname NOT LIKE 'pg_temp%')"
        )
    ).scalar_one()


def clear(url: str) -> None:
    """Drops every table of a database that was empty before."""
    with connected(url) as connection, connection.begin():
        quote = connection.dialect.identifier_preparer.quote
        for name in sa.inspect(connection).get_table_names():
            connection.execute(sa.text(f"DROP TABLE IF EXISTS {quote(name)} CASCADE"))


def tool(name: str) -> str:
    """The path of one of PostgreSQL's programs.

    Raises:
        OperationError: it isn't installed.
    """
    found = shutil.which(name)
    if found is None:
        raise OperationError(
            f"{name} is missing. Install PostgreSQL's client programs, at the server's version "
            "or newer (on Debian or Ubuntu: apt install postgresql-client)."
        )
    return found


def _check_version(program: str, server: str) -> None:
    done = subprocess.run(
        [program, "--version"],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    found = _VERSION.search(done.stdout)
    if found is None:
        raise OperationError(f"{program} doesn't run: {_reason(done.stdout + done.stderr)}")
    if int(found[1]) < int(server.split(".")[0].split(" ")[0]):
        raise OperationError(
            f"{program} is from PostgreSQL {found[1]}, but the server runs {server}. Install "
            "client programs of the server's version or newer, and put them first on the PATH."
        )


def _access(url: str) -> tuple[str, dict[str, str]]:
    """The connection string and the environment for libpq's programs. The password goes into the
    environment, where other users can't see it."""
    parsed = sa.engine.make_url(url)
    _, options = parsed.get_dialect()().create_connect_args(parsed)
    password = options.pop("password", None)
    known = {item.keyword.decode() for item in psycopg.pq.Conninfo.get_defaults()}
    env = dict(os.environ)
    if password:
        env["PGPASSWORD"] = str(password)
    return make_conninfo(**{k: v for k, v in options.items() if k in known}), env


def _run(command: list[str], env: dict[str, str]) -> None:
    done = subprocess.run(
        command,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace")
        raise OperationError(f"{Path(command[0]).name} failed: {_reason(said)}")


def _reason(said: str) -> str:
    """The line of a program's output that says what went wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "fatal" in line.lower()]
    return (errors or lines or ["no output"])[0][:500]


def _first_line(error: object) -> str:
    return (str(error).strip().splitlines() or ["no reason given"])[0][:500]

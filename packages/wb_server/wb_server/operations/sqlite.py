"""Copies of SQLite databases, even while others write to them."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from .report import OperationError

_BUSY_SECONDS = 30


def file_of(url: str) -> Path:
    """The file of an SQLite URL.

    Raises:
        OperationError: it names no file.
    """
    name = sa.engine.make_url(url).database
    if not name or name == ":memory:":
        raise OperationError("A database in memory can't be copied.")
    return Path(name)


def copy(source: Path, target: Path) -> None:
    """Makes a consistent copy, readable by its owner only, while writers continue.

    Raises:
        OperationError: the source is missing, damaged or can't be read, or the disk is full.
    """
    if not source.is_file():
        raise OperationError(f"There is no database {source}.")
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    try:
        with _open(source) as live, _open(target) as made:
            # All pages in one step: a single read transaction, which in WAL mode blocks no writer.
            live.backup(made, pages=-1)
            # Leaves one file, without a WAL beside it.
            made.execute("PRAGMA journal_mode = DELETE").fetchall()
        check(target, str(source))
        with target.open("rb") as file:
            os.fsync(file.fileno())
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise OperationError(f"The database {source} can't be copied: {error}.") from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise


def put_back(copy_path: Path, database: Path) -> None:
    """Overwrites a database with a copy, completely or not at all.

    Raises:
        OperationError: the database is in use, or it can't be written.
    """
    try:
        with _open(copy_path) as source, _open(database) as live:
            # Fails if a service has a transaction open.
            live.execute("PRAGMA locking_mode = EXCLUSIVE")
            live.execute("BEGIN EXCLUSIVE")
            live.execute("ROLLBACK")
            source.backup(live, pages=-1)
            live.execute("PRAGMA locking_mode = NORMAL")
    except sqlite3.Error as error:
        raise OperationError(
            f"The database {database} can't be overwritten: {error}. Stop the Workbench first."
        ) from error


def check(path: Path, name: str) -> None:
    """Checks a database for damage.

    Raises:
        OperationError: SQLite finds faults in it.
    """
    try:
        with _open(path) as database:
            faults = [row[0] for row in database.execute("PRAGMA quick_check(1)")]
    except sqlite3.Error as error:
        faults = [str(error)]
    if faults != ["ok"]:
        raise OperationError(f"The database {name} is damaged: {faults[0]}.")


def counts(path: Path) -> dict[str, int]:
    """The number of rows by table."""
    with _open(path) as database:
        names = [
            row[0]
            for row in database.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' "
                "ORDER BY name"
            )
        ]
        return {name: _count(database, name) for name in names}


def _count(database: sqlite3.Connection, table: str) -> int:
    quoted = table.replace('"', '""')
    row = database.execute(f'SELECT count(*) FROM "{quoted}"').fetchone()  # noqa: S608  quoted
    return int(row[0])


@contextmanager
def reading(path: Path) -> Iterator[sa.Connection]:
    """A connection to a copy that nobody else uses."""
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    # Never creates a missing file.
    with contextlib.closing(
        sqlite3.connect(
            f"{path.resolve().as_uri()}?mode=rw",
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
        )
    ) as database:
        yield database

"""The metadata database: one helper for SQLite and PostgreSQL.

SQLite runs in WAL mode, and every write transaction starts with ``BEGIN IMMEDIATE``: with the
default ``BEGIN`` and five writing processes, four of five transactions failed as "locked". No I/O
besides the database's own happens inside a transaction.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from .errors import Unavailable

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(sa.TypeDecorator[datetime]):
    """A time, stored in UTC without a zone and read as timezone-aware UTC."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


class Database:
    """The engine of the metadata database, and its two kinds of transactions.

    Args:
        url: an SQLAlchemy URL, ``sqlite:///…`` or ``postgresql+psycopg://…``.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.sqlite = url.startswith("sqlite")
        options: dict[str, Any] = {"pool_pre_ping": not self.sqlite}
        self.engine = sa.create_engine(url, **options)
        if self.sqlite:
            sa.event.listen(self.engine, "connect", _prepare_sqlite)
            sa.event.listen(self.engine, "begin", _begin_sqlite)
        else:
            sa.event.listen(self.engine, "connect", _prepare_postgresql)
        self._writer = self.engine.execution_options(wb_write=True)
        hasty = sa.create_engine(url, **options)
        sa.event.listen(hasty, "connect", _hurry_sqlite if self.sqlite else _hurry_postgresql)
        if self.sqlite:
            sa.event.listen(hasty, "begin", _begin_sqlite)
        self._hasty = hasty.execution_options(wb_write=True)

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A read transaction."""
        with _storage_errors(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A read transaction that sees one state of the database from beginning to end."""
        engine = self.engine
        if not self.sqlite:  # in SQLite every transaction does
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with _storage_errors(), engine.begin() as connection:
            if not self.sqlite:  # its reader may be slow, and it holds no locks
                connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            yield connection

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[sa.Connection]:
        """A write transaction: committed at the end of the block, rolled back on an error.

        Args:
            durable: whether the commit waits for the disk. If not, a power cut may undo it unless a
                durable one was committed later; it is still atomic and visible to others at once.
        """
        with _storage_errors(), (self._writer if durable else self._hasty).begin() as connection:
            yield connection

    def close(self) -> None:
        """Closes every pooled connection."""
        self.engine.dispose()
        self._hasty.dispose()


# SQLite's error codes for a full disk, or a file that can't be written to.
_SQLITE_FULL = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}

_SQLITE_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


@contextmanager
def _storage_errors() -> Iterator[None]:
    """Turns failures of the database itself into errors that a client understands.

    Raises:
        Unavailable: the disk is full (``storage_full``), the database doesn't answer
            (``storage_down``), or other writers held it for too long (``storage_busy``).
    """
    try:
        yield
    except sa.exc.TimeoutError as error:
        raise Unavailable(
            "The Workbench is busy: its own database has no free connection. Try again.",
            code="storage_busy",
        ) from error
    except sa.exc.DBAPIError as error:
        cause = error.orig
        number = getattr(cause, "sqlite_errorcode", 0) & 0xFF
        if number in _SQLITE_FULL or getattr(cause, "sqlstate", None) == "53100":
            raise Unavailable(
                "The Workbench can't store anything: the disk for its own database is full or "
                "failing. Nothing was changed. Tell an administrator.",
                code="storage_full",
            ) from error
        if number in _SQLITE_BUSY or getattr(cause, "sqlstate", None) == "55P03":
            raise Unavailable(
                "The Workbench is busy: its own database was locked for too long. Try again.",
                code="storage_busy",
            ) from error
        if error.connection_invalidated or (
            isinstance(error, sa.exc.OperationalError) and not isinstance(cause, sqlite3.Error)
        ):
            raise Unavailable(
                "The Workbench's own database does not answer. Try again in a moment.",
                code="storage_down",
            ) from error
        raise


def _prepare_sqlite(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    assert isinstance(connection, sqlite3.Connection)
    # The driver's own transaction handling would send a plain BEGIN; _begin_sqlite sends ours.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "busy_timeout = 30000",
        "foreign_keys = ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _hurry_sqlite(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    _prepare_sqlite(connection, record)
    assert isinstance(connection, sqlite3.Connection)
    # In WAL mode this keeps consistency; only a power cut may lose the last commits.
    connection.execute("PRAGMA synchronous = NORMAL")


def _prepare_postgresql(connection: DBAPIConnection, _record: ConnectionPoolEntry) -> None:
    # A process suspended in the middle of a transaction, with its machine or by a debugger, would hold
    # its locks, and block everybody else, indefinitely.
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("SET idle_in_transaction_session_timeout = '10s'")
        cursor.execute("SET lock_timeout = '30s'")
    connection.commit()


def _hurry_postgresql(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    _prepare_postgresql(connection, record)
    with contextlib.closing(connection.cursor()) as cursor:
        cursor.execute("SET synchronous_commit = off")
    connection.commit()


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("wb_write", False)
    begin = "BEGIN IMMEDIATE" if writes else "BEGIN"
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    try:
        # Sent through the driver: a statement through SQLAlchemy takes many times as long, and each
        # query begins a few transactions.
        driver.execute(begin)
    except sqlite3.Error as error:
        raise sa.exc.DBAPIError.instance(begin, None, error, sqlite3.Error) from error


# Only migrate() imports Alembic. Every process asks for the version as it starts, which needs no more
# than the names of Alembic's files and its table of one row.
_MIGRATIONS = resources.files("wb_server").joinpath("migrations")
_VERSION = sa.table("alembic_version", sa.column("version_num", sa.String))


def migrate(url: str, version: str = "head") -> None:
    """Migrates the database to the newest version of its tables, creating it if missing.

    Args:
        version: an older version to stop at.
    """
    from alembic import command
    from alembic.config import Config

    database = sa.engine.make_url(url)
    if database.drivername.startswith("sqlite") and database.database:
        Path(database.database).parent.mkdir(parents=True, exist_ok=True)
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["url"] = url
    command.upgrade(config, version)


def revisions() -> list[str]:
    """The versions of the tables that the code knows, oldest first: the names of their files."""
    names = (path.name for path in _MIGRATIONS.joinpath("versions").iterdir())
    return sorted(name.removesuffix(".py") for name in names if name[:4].isdigit())


def revision(connection: sa.Connection) -> str | None:
    """The version of the tables in a database; ``None`` if there are none."""
    if not sa.inspect(connection).has_table(_VERSION.name):
        return None
    found: str | None = connection.scalar(sa.select(_VERSION.c.version_num))
    return found


def versions(database: Database) -> tuple[str | None, str]:
    """The version of the tables in the database, and the newest one that the code knows."""
    with database.read() as connection:
        return revision(connection), revisions()[-1]

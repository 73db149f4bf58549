"""The ledger of exactly-once writes in MySQL and MariaDB: see ``docs/connections.md``.

Its row is written first in the write's own transaction. So a second attempt waits at this row for the
first one to end, and reads its outcome there.
"""

from __future__ import annotations

import hashlib
from typing import Final

import pymysql

from ...gate.loads import LEDGER
from ...kit.errors import Conflict
from ..dialled.errors import no_ledger
from .connection import MySQLConnection, literal
from .errors import number_of

_DUPLICATE: Final = 1062
_DENIED: Final = (1044, 1142)


def quoted(name: str) -> str:
    """A name as a quoted identifier."""
    return "`" + name.replace("`", "``") + "`"


def full(schema: str, name: str) -> str:
    """A table's name with its schema, quoted."""
    return f"{quoted(schema)}.{quoted(name)}"


def exists(connection: MySQLConnection, schema: str) -> bool:
    """True if a schema has the ledger."""
    return bool(
        connection.query(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
            schema,
            LEDGER,
        )
    )


def create(connection: MySQLConnection, schema: str) -> None:
    """Creates the ledger in a schema; ends any transaction.

    Raises:
        Forbidden: the login may not create it (``no_ledger``).
        pymysql.Error: the server reports another error.
    """
    try:
        connection.command(
            f"CREATE TABLE IF NOT EXISTS {full(schema, LEDGER)} ("
            "task_run varchar(64) CHARACTER SET ascii COLLATE ascii_bin PRIMARY KEY, `rows` bigint, "
            "written_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP) ENGINE=InnoDB"
        )
    except pymysql.Error as error:
        if number_of(error) in _DENIED:
            raise no_ledger(schema, called="database") from None
        raise


def wait_long(connection: MySQLConnection, timeout: float) -> None:
    """Makes the session wait for locked rows as long as the write itself may take."""
    connection.command(
        f"SET SESSION innodb_lock_wait_timeout = {max(1, min(round(timeout), 10**8))}"
    )


def enter(connection: MySQLConnection, schema: str, key: str) -> int | None:
    """Writes the row of an attempt, before anything else; waits for another with the same key.

    Returns:
        ``None`` to continue. Otherwise an earlier attempt made the write, with this number of rows.
    """
    try:
        connection.command(
            f"INSERT INTO {full(schema, LEDGER)} (task_run) VALUES ({literal(key)})"  # noqa: S608
        )
    except pymysql.Error as error:
        if number_of(error) != _DUPLICATE:
            raise
        return recorded(connection, schema, key) or 0
    return None


def recorded(connection: MySQLConnection, schema: str, key: str) -> int | None:
    """The number of rows that an earlier attempt recorded; ``None`` if none was committed."""
    rows = connection.query(
        f"SELECT `rows` FROM {full(schema, LEDGER)} "  # noqa: S608  names are quoted
        f"WHERE task_run = {literal(key)}"
    )
    return int(rows[0][0] or 0) if rows else None


def record(connection: MySQLConnection, schema: str, key: str, rows: int) -> None:
    """Records the number of rows, before the commit."""
    connection.command(
        f"UPDATE {full(schema, LEDGER)} SET `rows` = {rows:d} "  # noqa: S608  names are quoted
        f"WHERE task_run = {literal(key)}"
    )


def lock(connection: MySQLConnection, key: str, timeout: float) -> None:
    """Locks out other attempts of the same write until the session is reset or ends.

    Raises:
        Conflict: another attempt runs for longer than this may wait (``source_locked``).
    """
    name = "workbench:" + hashlib.sha256(key.encode()).hexdigest()[:40]
    ((got,),) = connection.query(f"SELECT GET_LOCK({literal(name)}, {max(1, round(timeout))})")
    if got != 1:
        raise Conflict("Another attempt of the same write is still running.", code="source_locked")

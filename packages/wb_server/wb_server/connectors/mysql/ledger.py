"""The ledger of writes that are made once, in MySQL and MariaDB: see ``docs/connections.md``.

The row is written first in the write's own transaction. So a second try waits for the first one's
end at this row, and sees there what came of it.
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


def is_there(connection: MySQLConnection, schema: str) -> bool:
    """Whether the ledger exists in a schema."""
    return bool(
        connection.query(
            "SELECT 1 FROM information_schema.tables WHERE table_schema = %s AND table_name = %s",
            schema,
            LEDGER,
        )
    )


def create(connection: MySQLConnection, schema: str) -> None:
    """Makes the ledger in a schema; ends any transaction.

    Raises:
        Forbidden: the login may not (``no_ledger``).
        pymysql.Error: what the server says.
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
    """Waits for rows that others hold as long as the write itself may take."""
    connection.command(
        f"SET SESSION innodb_lock_wait_timeout = {max(1, min(round(timeout), 10**8))}"
    )


def enter(connection: MySQLConnection, schema: str, key: str) -> int | None:
    """Writes the row of a try, first of all; waits for one that runs under the same key.

    Returns:
        ``None``: go on. Else an earlier try made the write, with so many rows.
    """
    try:
        connection.command(
            f"INSERT INTO {full(schema, LEDGER)} (task_run) VALUES ({literal(key)})"  # noqa: S608
        )
    except pymysql.Error as error:
        if number_of(error) != _DUPLICATE:
            raise
        return found(connection, schema, key) or 0
    return None


def found(connection: MySQLConnection, schema: str, key: str) -> int | None:
    """The rows that an earlier try noted; ``None``: there was none that ended."""
    rows = connection.query(
        f"SELECT `rows` FROM {full(schema, LEDGER)} "  # noqa: S608  names are quoted
        f"WHERE task_run = {literal(key)}"
    )
    return int(rows[0][0] or 0) if rows else None


def note(connection: MySQLConnection, schema: str, key: str, rows: int) -> None:
    """Writes how many rows it were, before the commit."""
    connection.command(
        f"UPDATE {full(schema, LEDGER)} SET `rows` = {rows:d} "  # noqa: S608  names are quoted
        f"WHERE task_run = {literal(key)}"
    )


def lock(connection: MySQLConnection, key: str, timeout: float) -> None:
    """Keeps other tries of the same write away, until the session is reset or ends.

    Raises:
        Conflict: another one runs for longer than this may wait (``source_locked``).
    """
    name = "workbench:" + hashlib.sha256(key.encode()).hexdigest()[:40]
    ((got,),) = connection.query(f"SELECT GET_LOCK({literal(name)}, {max(1, round(timeout))})")
    if got != 1:
        raise Conflict("Another try of the same write still runs.", code="source_locked")

"""The ledger of exactly-once writes in PostgreSQL: see ``docs/connections.md``.

Its row is written first in the write's own transaction. So a second attempt waits at this row for the
first one to end, and reads its outcome there.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from ...gate.loads import LEDGER
from ...kit.errors import InvalidInput
from ..dialled.errors import no_ledger

# If two sessions create it at once, the later one fails with one of these: the table exists then.
_EXISTS_NOW: Final = ("23505", "42P07", "42710")


class Queryable(Protocol):
    """A connection to a database; ``$1``, ``$2`` … are the values."""

    def command(self, sql: str) -> object: ...

    def query(self, sql: str, *values: str | None) -> list[tuple[Any, ...]]: ...


def quoted(name: str) -> str:
    """A name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def full(schema: str, name: str) -> str:
    """A table's name with its schema, quoted."""
    return f"{quoted(schema)}.{quoted(name)}"


def current_schema(connection: Queryable) -> str:
    """The schema in which the login creates unqualified names.

    Raises:
        InvalidInput: there is none (``unknown_schema``).
    """
    ((name,),) = connection.query("SELECT pg_catalog.current_schema()::pg_catalog.text")
    if name is None:
        raise InvalidInput(
            "The login has no default schema: name the table as schema.table.",
            code="unknown_schema",
            name="",
        )
    return str(name)


def exists(connection: Queryable, schema: str) -> bool:
    """True if a schema has the ledger."""
    ((there,),) = connection.query(
        "SELECT (pg_catalog.to_regclass($1) IS NOT NULL)::pg_catalog.text", full(schema, LEDGER)
    )
    return str(there) == "true"


def create(connection: Queryable, schema: str) -> None:
    """Creates the ledger in a schema, outside any transaction.

    Raises:
        Forbidden: the login may not create it (``no_ledger``).
        Exception: the driver reports another error.
    """
    try:
        connection.command(
            f"CREATE TABLE IF NOT EXISTS {full(schema, LEDGER)} ("
            'task_run varchar(64) PRIMARY KEY, "rows" bigint, '
            "written_at timestamptz NOT NULL DEFAULT pg_catalog.now())"
        )
    except Exception as error:
        state = getattr(error, "sqlstate", None)
        if state == "42501":
            raise no_ledger(schema) from None
        if state not in _EXISTS_NOW:
            raise


def enter(connection: Queryable, schema: str, key: str) -> int | None:
    """Writes the row of an attempt, before anything else; waits for another with the same key.

    Returns:
        ``None`` to continue. Otherwise an earlier attempt made the write, with this number of rows.
    """
    entered = connection.query(
        f"INSERT INTO {full(schema, LEDGER)} (task_run) VALUES ($1) "  # noqa: S608  names are quoted
        "ON CONFLICT DO NOTHING RETURNING task_run",
        key,
    )
    if entered:
        return None
    ((rows,),) = connection.query(
        f'SELECT "rows" FROM {full(schema, LEDGER)} WHERE task_run OPERATOR(pg_catalog.=) $1',  # noqa: S608
        key,
    )
    return int(rows or 0)


def record(connection: Queryable, schema: str, key: str, rows: int) -> None:
    """Records the number of rows, before the commit."""
    connection.query(
        f'UPDATE {full(schema, LEDGER)} SET "rows" = $2::pg_catalog.int8 '  # noqa: S608
        "WHERE task_run OPERATOR(pg_catalog.=) $1 RETURNING task_run",
        key,
        str(rows),
    )

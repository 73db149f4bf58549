"""The ledger of writes that are made once, in PostgreSQL: see ``docs/connections.md``.

The row is written first in the write's own transaction. So a second try waits for the first one's
end at this row, and sees there what came of it.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from ...gate.loads import LEDGER
from ...kit.errors import InvalidInput
from ..dialled.errors import no_ledger

# Made by two at once, the later one fails on one of these: the table is there then.
_THERE_NOW: Final = ("23505", "42P07", "42710")


class Asks(Protocol):
    """A connection to a database; ``$1``, ``$2`` … stand for the values."""

    def command(self, sql: str) -> object: ...

    def query(self, sql: str, *values: str | None) -> list[tuple[Any, ...]]: ...


def quoted(name: str) -> str:
    """A name as a quoted identifier."""
    return '"' + name.replace('"', '""') + '"'


def full(schema: str, name: str) -> str:
    """A table's name with its schema, quoted."""
    return f"{quoted(schema)}.{quoted(name)}"


def current_schema(asks: Asks) -> str:
    """Where the login makes what it names without a schema.

    Raises:
        InvalidInput: nowhere (``unknown_schema``).
    """
    ((name,),) = asks.query("SELECT pg_catalog.current_schema()::pg_catalog.text")
    if name is None:
        raise InvalidInput(
            "The login has no schema of its own: name the table as schema.table.",
            code="unknown_schema",
            name="",
        )
    return str(name)


def is_there(asks: Asks, schema: str) -> bool:
    """Whether the ledger exists in a schema."""
    ((there,),) = asks.query(
        "SELECT (pg_catalog.to_regclass($1) IS NOT NULL)::pg_catalog.text", full(schema, LEDGER)
    )
    return str(there) == "true"


def create(asks: Asks, schema: str) -> None:
    """Makes the ledger in a schema, outside of any transaction.

    Raises:
        Forbidden: the login may not (``no_ledger``).
        Exception: what the driver says.
    """
    try:
        asks.command(
            f"CREATE TABLE IF NOT EXISTS {full(schema, LEDGER)} ("
            'task_run varchar(64) PRIMARY KEY, "rows" bigint, '
            "written_at timestamptz NOT NULL DEFAULT pg_catalog.now())"
        )
    except Exception as error:
        state = getattr(error, "sqlstate", None)
        if state == "42501":
            raise no_ledger(schema) from None
        if state not in _THERE_NOW:
            raise


def enter(asks: Asks, schema: str, key: str) -> int | None:
    """Writes the row of a try, first of all; waits for one that runs under the same key.

    Returns:
        ``None``: go on. Else an earlier try made the write, with so many rows.
    """
    entered = asks.query(
        f"INSERT INTO {full(schema, LEDGER)} (task_run) VALUES ($1) "  # noqa: S608  names are quoted
        "ON CONFLICT DO NOTHING RETURNING task_run",
        key,
    )
    if entered:
        return None
    ((rows,),) = asks.query(
        f'SELECT "rows" FROM {full(schema, LEDGER)} WHERE task_run OPERATOR(pg_catalog.=) $1',  # noqa: S608
        key,
    )
    return int(rows or 0)


def note(asks: Asks, schema: str, key: str, rows: int) -> None:
    """Writes how many rows it were, before the commit."""
    asks.query(
        f'UPDATE {full(schema, LEDGER)} SET "rows" = $2::pg_catalog.int8 '  # noqa: S608
        "WHERE task_run OPERATOR(pg_catalog.=) $1 RETURNING task_run",
        key,
        str(rows),
    )

"""The tables of connections and their shares."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from ..governance.owned.store import OwnedStore, owned_columns, shares_table, unique_among_living
from ..kit.db import Database, UtcDateTime, metadata
from .models import Connection, State

connections = sa.Table(
    "connections",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("connector", sa.String(40), nullable=False),
    sa.Column("description", sa.String(500), nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("secrets_set", sa.JSON, nullable=False),
    sa.Column("credentials", sa.String(8), nullable=False),
    sa.Column("routines", sa.JSON, nullable=False, server_default="[]"),
    sa.Column("state_status", sa.String(8), nullable=False),
    sa.Column("state_message", sa.Text, nullable=False),
    sa.Column("state_checked_at", UtcDateTime),
    *owned_columns(),
    unique_among_living("connections"),
)

shares = shares_table("shares", connections, "connection_id")


class ConnectionStore(OwnedStore[Connection]):
    """Reads and writes connections."""

    def __init__(self, database: Database) -> None:
        super().__init__(database, Connection, connections, shares)

    def set_state(self, connection_id: str, state: State) -> None:
        """Writes the result of the last use; doesn't count as a change of the connection."""
        with self.database.write() as transaction:
            transaction.execute(
                connections.update().where(connections.c.id == connection_id).values(_state(state))
            )

    def _fields(self, row: sa.RowMapping) -> dict[str, Any]:
        state = State(
            status=row["state_status"],
            message=row["state_message"],
            checked_at=row["state_checked_at"],
        )
        return super()._fields(row) | {"state": state}

    def _columns(self, thing: Connection) -> dict[str, Any]:
        return super()._columns(thing) | _state(thing.state)


def _state(state: State) -> dict[str, Any]:
    return {
        "state_status": state.status,
        "state_message": state.message,
        "state_checked_at": state.checked_at,
    }

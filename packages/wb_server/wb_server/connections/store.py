"""The tables of connections and their credentials."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..kit.db import Database, UtcDateTime, metadata
from ..kit.errors import Conflict
from .models import Connection, Owner, State

connections = sa.Table(
    "connections",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("name", sa.String(63), nullable=False),
    sa.Column("connector", sa.String(40), nullable=False),
    sa.Column("description", sa.String(500), nullable=False),
    sa.Column("config", sa.JSON, nullable=False),
    sa.Column("secrets_set", sa.JSON, nullable=False),
    sa.Column("owner_kind", sa.String(4), nullable=False),
    sa.Column("owner_name", sa.String(255), nullable=False),
    sa.Column("credentials", sa.String(8), nullable=False),
    sa.Column("state_status", sa.String(8), nullable=False),
    sa.Column("state_message", sa.Text, nullable=False),
    sa.Column("state_checked_at", UtcDateTime),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    # A name is unique among the living: a deleted connection gives its name free.
    sa.Index(
        "uq_connections_name_living",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    ),
)

credentials = sa.Table(
    "credentials",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column(
        "connection_id",
        sa.String(36),
        sa.ForeignKey("connections.id", ondelete="CASCADE"),
        nullable=False,
    ),
    sa.Column("user", sa.String(255)),
    sa.Column("ciphertext", sa.Text, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index(
        "uq_credentials_connection_shared",
        "connection_id",
        unique=True,
        sqlite_where=sa.text('"user" IS NULL'),
        postgresql_where=sa.text('"user" IS NULL'),
    ),
    sa.Index("uq_credentials_connection_user", "connection_id", "user", unique=True),
)


class ConnectionStore:
    """Reads and writes connections. Methods that take a transaction join the caller's."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def living(self) -> list[Connection]:
        """All connections that aren't deleted, by name."""
        return self._select(connections.c.deleted_at.is_(None))

    def deleted(self) -> list[Connection]:
        """All that are deleted and can be restored, by name."""
        return self._select(connections.c.deleted_at.is_not(None))

    def by_id(self, connection_id: str) -> Connection | None:
        """A connection, deleted or not."""
        return next(iter(self._select(connections.c.id == connection_id)), None)

    def by_name(self, name: str) -> Connection | None:
        """A living connection."""
        found = self._select(connections.c.name == name, connections.c.deleted_at.is_(None))
        return next(iter(found), None)

    def ciphertext(self, connection_id: str, user: str | None) -> tuple[str, str] | None:
        """The credential of a connection as (row id, ciphertext): the shared one, or a user's."""
        found = sa.select(credentials.c.id, credentials.c.ciphertext).where(
            credentials.c.connection_id == connection_id,
            credentials.c.user.is_not_distinct_from(user),
        )
        with self.database.read() as transaction:
            row = transaction.execute(found).first()
        return None if row is None else (row.id, row.ciphertext)

    def insert(self, transaction: sa.Connection, connection: Connection) -> None:
        """Adds a connection.

        Raises:
            Conflict: the name is taken (``name_taken``).
        """
        self._unique(
            transaction,
            connections.insert().values(id=connection.id, **_columns(connection)),
            connection.name,
        )

    def update(self, transaction: sa.Connection, connection: Connection, version: int) -> None:
        """Writes a connection over its version ``version``.

        Raises:
            Conflict: the name is taken, or somebody else changed it meanwhile (``changed_meanwhile``).
        """
        changed = self._unique(
            transaction,
            connections.update()
            .where(connections.c.id == connection.id, connections.c.version == version)
            .values(**_columns(connection)),
            connection.name,
        )
        if changed == 0:
            raise Conflict(
                f"“{connection.name}” was changed by somebody else meanwhile. Load it again.",
                code="changed_meanwhile",
            )

    def set_state(self, connection_id: str, state: State) -> None:
        """Writes what the last use said; not a change of the connection itself."""
        with self.database.write() as transaction:
            transaction.execute(
                connections.update()
                .where(connections.c.id == connection_id)
                .values(
                    state_status=state.status,
                    state_message=state.message,
                    state_checked_at=state.checked_at,
                )
            )

    def set_ciphertext(
        self,
        transaction: sa.Connection,
        row: str,
        connection_id: str,
        user: str | None,
        ciphertext: str,
        at: datetime,
    ) -> None:
        """Writes a credential in place of the one before."""
        self.drop_ciphertext(transaction, connection_id, user)
        transaction.execute(
            credentials.insert().values(
                id=row,
                connection_id=connection_id,
                user=user,
                ciphertext=ciphertext,
                updated_at=at,
            )
        )

    def drop_ciphertext(
        self, transaction: sa.Connection, connection_id: str, user: str | None
    ) -> None:
        """Removes a credential."""
        transaction.execute(
            credentials.delete().where(
                credentials.c.connection_id == connection_id,
                credentials.c.user.is_not_distinct_from(user),
            )
        )

    def purge(self, before: datetime) -> int:
        """Removes for good what was deleted before a moment, and returns how many."""
        with self.database.write() as transaction:
            return transaction.execute(
                connections.delete().where(connections.c.deleted_at < before)
            ).rowcount

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Connection]:
        found = sa.select(connections).where(*conditions).order_by(connections.c.name)
        with self.database.read() as transaction:
            return [_connection(row) for row in transaction.execute(found).mappings()]

    @staticmethod
    def _unique(transaction: sa.Connection, statement: sa.Insert | sa.Update, name: str) -> int:
        try:
            return transaction.execute(statement).rowcount
        except sa.exc.IntegrityError as error:
            raise Conflict(
                f"There is a connection named “{name}” already. Names are unique in the Workbench.",
                code="name_taken",
                field="name",
            ) from error


def _columns(connection: Connection) -> dict[str, Any]:
    row = connection.model_dump(exclude={"id", "owner", "state"})
    return row | {
        "owner_kind": connection.owner.kind,
        "owner_name": connection.owner.name,
        "state_status": connection.state.status,
        "state_message": connection.state.message,
        "state_checked_at": connection.state.checked_at,
    }


def _connection(row: sa.RowMapping) -> Connection:
    plain = {name: row[name] for name in _names()}
    return Connection(
        **plain,
        owner=Owner(kind=row["owner_kind"], name=row["owner_name"]),
        state=State(
            status=row["state_status"],
            message=row["state_message"],
            checked_at=row["state_checked_at"],
        ),
    )


def _names() -> Iterable[str]:
    return (name for name in Connection.model_fields if name not in ("owner", "state"))

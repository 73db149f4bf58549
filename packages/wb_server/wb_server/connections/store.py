"""The tables of connections and of whom they are shared with."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from ..kit.db import Database, UtcDateTime, metadata
from ..kit.errors import Conflict
from .models import Connection, Owner, Share, State

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

shares = sa.Table(
    "shares",
    metadata,
    sa.Column(
        "connection_id",
        sa.String(36),
        sa.ForeignKey("connections.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("kind", sa.String(5), primary_key=True),
    sa.Column("name", sa.String(255), primary_key=True),
    sa.Column("level", sa.String(6), nullable=False),
    sa.Column("shared_by", sa.String(255), nullable=False),
    sa.Column("shared_at", UtcDateTime, nullable=False),
)

# Made once: building them takes longer than the database does.
_ROWS = (
    sa.select(connections, shares.c.kind, shares.c.name.label("share_name"), shares.c.level)
    .join_from(connections, shares, isouter=True)
    .order_by(connections.c.name, connections.c.id, shares.c.kind.desc(), shares.c.name)
)
_LIVING = _ROWS.where(connections.c.deleted_at.is_(None))
_DELETED = _ROWS.where(connections.c.deleted_at.is_not(None))
_BY_ID = _ROWS.where(connections.c.id == sa.bindparam("id"))
_BY_NAME = _LIVING.where(connections.c.name == sa.bindparam("name"))

_HELD = sa.select(connections.c.id).where(connections.c.id == sa.bindparam("id")).with_for_update()


class ConnectionStore:
    """Reads and writes connections. Methods that take a transaction join the caller's."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def living(self) -> list[Connection]:
        """All connections that aren't deleted, by name."""
        return self._select(_LIVING)

    def deleted(self) -> list[Connection]:
        """All that are deleted and can be restored, by name."""
        return self._select(_DELETED)

    def by_id(self, connection_id: str) -> Connection | None:
        """A connection, deleted or not."""
        return next(iter(self._select(_BY_ID, id=connection_id)), None)

    def by_name(self, name: str) -> Connection | None:
        """A living connection."""
        return next(iter(self._select(_BY_NAME, name=name)), None)

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

    def hold(self, transaction: sa.Connection, connection_id: str) -> None:
        """Keeps a connection as it is until the transaction ends."""
        transaction.execute(_HELD, {"id": connection_id})

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

    def share(
        self, transaction: sa.Connection, connection_id: str, share: Share, by: str, at: datetime
    ) -> None:
        """Gives somebody a level, in place of the one that they had."""
        self.unshare(transaction, connection_id, share.kind, share.name)
        transaction.execute(
            shares.insert().values(
                connection_id=connection_id, **share.model_dump(), shared_by=by, shared_at=at
            )
        )

    def unshare(self, transaction: sa.Connection, connection_id: str, kind: str, name: str) -> bool:
        """Takes a share back, and says whether there was one."""
        return (
            transaction.execute(
                shares.delete().where(
                    shares.c.connection_id == connection_id,
                    shares.c.kind == kind,
                    shares.c.name == name,
                )
            ).rowcount
            > 0
        )

    def purge(self, before: datetime) -> int:
        """Removes for good what was deleted before a moment, and returns how many."""
        with self.database.write() as transaction:
            return transaction.execute(
                connections.delete().where(connections.c.deleted_at < before)
            ).rowcount

    def _select(self, rows: sa.Select[Any], **values: str) -> list[Connection]:
        found: dict[str, Connection] = {}
        with self.database.read() as transaction:
            for row in transaction.execute(rows, values).mappings():
                connection = found.get(row["id"])
                if connection is None:
                    connection = found[row["id"]] = _connection(row)
                if row["kind"] is not None:
                    connection.shares.append(
                        Share(kind=row["kind"], name=row["share_name"], level=row["level"])
                    )
        return list(found.values())

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
    row = connection.model_dump(exclude={"id", "owner", "shares", "state"})
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
        shares=[],
        owner=Owner(kind=row["owner_kind"], name=row["owner_name"]),
        state=State(
            status=row["state_status"],
            message=row["state_message"],
            checked_at=row["state_checked_at"],
        ),
    )


def _names() -> Iterable[str]:
    return (n for n in Connection.model_fields if n not in ("owner", "shares", "state"))

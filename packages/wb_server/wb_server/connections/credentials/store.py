"""The table of credentials: one row for a connection's shared ones, one for each user's own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from ...governance.people.namesakes import names_user
from ...governance.secrets.vault import SEALED
from ...kit.db import Database, UtcDateTime, metadata

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
    sa.Column("user", sa.String(255), info=names_user(gives="credentials of their own")),
    sa.Column("ciphertext", sa.Text, nullable=False, info=SEALED),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Index(
        "uq_credentials_connection_shared",
        "connection_id",
        unique=True,
        sqlite_where=sa.text('"user" IS NULL'),
        postgresql_where=sa.text('"user" IS NULL'),
    ),
    sa.Index("uq_credentials_connection_user", "connection_id", "user", unique=True),
)

# The memory of password rotations: a connection's second login, and passwords that may already be in
# force although they aren't stored yet.
rotations = sa.Table(
    "credential_rotations",
    metadata,
    sa.Column(
        "connection_id",
        sa.String(36),
        sa.ForeignKey("connections.id", ondelete="CASCADE"),
        primary_key=True,
    ),
    sa.Column("ciphertext", sa.Text, nullable=False, info=SEALED),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)


@dataclass(frozen=True)
class SealedCredential:
    """A stored row."""

    id: str
    ciphertext: str
    updated_at: datetime
    expires_at: datetime | None


class CredentialStore:
    """Reads and writes credentials. ``user`` is ``None`` for a connection's shared one."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def get(self, connection_id: str, user: str | None) -> SealedCredential | None:
        """One credential."""
        found = sa.select(
            credentials.c.id,
            credentials.c.ciphertext,
            credentials.c.updated_at,
            credentials.c.expires_at,
        ).where(_of(connection_id, user))
        with self.database.read() as transaction:
            row = transaction.execute(found).first()
        return None if row is None else SealedCredential(**row._mapping)

    def of_user(self, user: str) -> dict[str, tuple[datetime, datetime | None]]:
        """When a user's own credentials were stored and when they expire, by connection."""
        found = sa.select(
            credentials.c.connection_id, credentials.c.updated_at, credentials.c.expires_at
        ).where(credentials.c.user == user)
        with self.database.read() as transaction:
            return {
                row.connection_id: (row.updated_at, row.expires_at)
                for row in transaction.execute(found)
            }

    def shared_ends(self) -> dict[str, datetime]:
        """When shared credentials expire, by connection; without those that don't."""
        found = sa.select(credentials.c.connection_id, credentials.c.expires_at).where(
            credentials.c.user.is_(None), credentials.c.expires_at.is_not(None)
        )
        with self.database.read() as transaction:
            return {row.connection_id: row.expires_at for row in transaction.execute(found)}

    def put(
        self,
        transaction: sa.Connection,
        row: str,
        connection_id: str,
        user: str | None,
        ciphertext: str,
        at: datetime,
        expires_at: datetime | None,
    ) -> None:
        """Writes a credential, replacing the previous one."""
        self.drop(transaction, connection_id, user)
        transaction.execute(
            credentials.insert().values(
                id=row,
                connection_id=connection_id,
                user=user,
                ciphertext=ciphertext,
                updated_at=at,
                expires_at=expires_at,
            )
        )

    def drop(self, transaction: sa.Connection, connection_id: str, user: str | None) -> bool:
        """Removes a credential, and returns whether there was one."""
        return (
            transaction.execute(credentials.delete().where(_of(connection_id, user))).rowcount > 0
        )

    def rotation(self, transaction: sa.Connection, connection_id: str) -> str | None:
        """The sealed memory of a connection's rotation."""
        found = sa.select(rotations.c.ciphertext).where(rotations.c.connection_id == connection_id)
        return transaction.execute(found).scalar()

    def put_rotation(
        self, transaction: sa.Connection, connection_id: str, ciphertext: str | None, at: datetime
    ) -> None:
        """Replaces the memory of a rotation; ``None`` removes it."""
        transaction.execute(rotations.delete().where(rotations.c.connection_id == connection_id))
        if ciphertext is not None:
            transaction.execute(
                rotations.insert().values(
                    connection_id=connection_id, ciphertext=ciphertext, updated_at=at
                )
            )

    def drop_personal(self, transaction: sa.Connection, connection_id: str) -> None:
        """Removes all users' own credentials of a connection."""
        transaction.execute(
            credentials.delete().where(
                credentials.c.connection_id == connection_id, credentials.c.user.is_not(None)
            )
        )


def _of(connection_id: str, user: str | None) -> sa.ColumnElement[bool]:
    return sa.and_(
        credentials.c.connection_id == connection_id,
        credentials.c.user.is_not_distinct_from(user),
    )

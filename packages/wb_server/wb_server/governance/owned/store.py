"""The tables of owned things, one for each kind and one for its shares, and their queries."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

import sqlalchemy as sa

from ...kit.db import Database, UtcDateTime
from ...kit.errors import Conflict
from ..people.namesakes import names_group, names_user
from .models import OwnedThing, Owner, Share


def owned_columns() -> list[sa.Column[Any]]:
    """The columns that the table of every owned thing has."""
    return [
        sa.Column("owner_kind", sa.String(4), nullable=False),
        sa.Column(
            "owner_name",
            sa.String(255),
            nullable=False,
            info=names_user(kind="owner_kind") | names_group(kind="owner_kind"),
        ),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("deleted_at", UtcDateTime),
    ]


def unique_among_living(table: str) -> sa.Index:
    """An index that makes names unique among undeleted things: deleting one frees its name."""
    return sa.Index(
        f"uq_{table}_name_living",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def shares_table(name: str, things: sa.Table, key: str) -> sa.Table:
    """The table of the shares of these things.

    Args:
        key: the column that names the thing.
    """
    return sa.Table(
        name,
        things.metadata,
        sa.Column(
            key,
            sa.String(36),
            sa.ForeignKey(things.c.id, ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("kind", sa.String(5), primary_key=True),
        sa.Column(
            "name",
            sa.String(255),
            primary_key=True,
            info=names_user(kind="kind", gives=f"shares of {things.name}")
            | names_group(kind="kind", gives=f"shares of {things.name}"),
        ),
        sa.Column("level", sa.String(6), nullable=False),
        sa.Column("shared_by", sa.String(255), nullable=False, info=names_user()),
        sa.Column("shared_at", UtcDateTime, nullable=False),
    )


T = TypeVar("T", bound=OwnedThing)


class OwnedStore(Generic[T]):
    """Reads and writes things of one kind. Methods that take a transaction join the caller's.

    Each field of a thing is stored in the column of the same name.

    Args:
        model: the class of the things.
        table: their table.
        shares: the table of their shares, whose first column names the thing.
    """

    def __init__(
        self, database: Database, model: type[T], table: sa.Table, shares: sa.Table
    ) -> None:
        self.database = database
        self.model = model
        self._table = table
        self._shares = shares
        self._key = next(iter(shares.columns))
        self._stored = {name for name in model.model_fields if name in table.c}
        # Built once: building these queries takes longer than running them.
        rows = (
            sa.select(
                table,
                shares.c.kind.label("share_kind"),
                shares.c.name.label("share_name"),
                shares.c.level.label("share_level"),
            )
            .join_from(table, shares, isouter=True)
            .order_by(table.c.name, table.c.id, shares.c.kind.desc(), shares.c.name)
        )
        self._living = rows.where(table.c.deleted_at.is_(None))
        self._deleted = rows.where(table.c.deleted_at.is_not(None))
        self._by_id = rows.where(table.c.id == sa.bindparam("id"))
        self._by_name = self._living.where(table.c.name == sa.bindparam("name"))
        self._held = sa.select(table.c.id).where(table.c.id == sa.bindparam("id")).with_for_update()

    def _fields(self, row: sa.RowMapping) -> dict[str, Any]:
        """The fields of the thing in a row, without its owner and its shares."""
        return {name: row[name] for name in self._stored}

    def _columns(self, thing: T) -> dict[str, Any]:
        """The columns of a thing, without its owner and its shares."""
        return thing.model_dump(include=self._stored)

    def living(self) -> list[T]:
        """All undeleted things, by name."""
        return self._select(self._living)

    def deleted(self) -> list[T]:
        """All deleted things that can be restored, by name."""
        return self._select(self._deleted)

    def by_id(self, thing_id: str) -> T | None:
        """A thing by its id, deleted or not."""
        return next(iter(self._select(self._by_id, id=thing_id)), None)

    def by_name(self, name: str) -> T | None:
        """An undeleted thing by its name."""
        return next(iter(self._select(self._by_name, name=name)), None)

    def insert(self, transaction: sa.Connection, thing: T) -> None:
        """Adds a thing.

        Raises:
            Conflict: the name is taken (``name_taken``).
        """
        self._unique(transaction, self._table.insert().values(self._values(thing)), thing.name)

    def update(self, transaction: sa.Connection, thing: T, version: int) -> None:
        """Replaces version ``version`` of a thing.

        Raises:
            Conflict: the name is taken, or somebody else changed it meanwhile (``changed_meanwhile``).
        """
        changed = self._unique(
            transaction,
            self._table.update()
            .where(self._table.c.id == thing.id, self._table.c.version == version)
            .values(self._values(thing)),
            thing.name,
        )
        if changed == 0:
            raise Conflict(
                f"“{thing.name}” was changed by someone else in the meantime. Reload it.",
                code="changed_meanwhile",
            )

    def hold(self, transaction: sa.Connection, thing_id: str) -> None:
        """Locks a thing against changes until the transaction ends."""
        transaction.execute(self._held, {"id": thing_id})

    def share(
        self, transaction: sa.Connection, thing_id: str, share: Share, by: str, at: datetime
    ) -> None:
        """Gives a user or group a level, replacing the one that they had."""
        self.unshare(transaction, thing_id, share.kind, share.name)
        row = {self._key.name: thing_id, **share.model_dump(), "shared_by": by, "shared_at": at}
        transaction.execute(self._shares.insert().values(row))

    def unshare(self, transaction: sa.Connection, thing_id: str, kind: str, name: str) -> bool:
        """Revokes a share. True if there was one."""
        return (
            transaction.execute(
                self._shares.delete().where(
                    self._key == thing_id,
                    self._shares.c.kind == kind,
                    self._shares.c.name == name,
                )
            ).rowcount
            > 0
        )

    def purge(self, before: datetime) -> int:
        """Permanently removes things deleted before this time, and returns how many."""
        with self.database.write() as transaction:
            return transaction.execute(
                self._table.delete().where(self._table.c.deleted_at < before)
            ).rowcount

    def _select(self, rows: sa.Select[Any], **values: str) -> list[T]:
        found: dict[str, T] = {}
        with self.database.read() as transaction:
            for row in transaction.execute(rows, values).mappings():
                thing = found.get(row["id"])
                if thing is None:
                    owner = Owner(kind=row["owner_kind"], name=row["owner_name"])
                    thing = self.model(**self._fields(row), owner=owner, shares=[])
                    found[thing.id] = thing
                if row["share_kind"] is not None:
                    share = {name: row[f"share_{name}"] for name in Share.model_fields}
                    thing.shares.append(Share(**share))
        return list(found.values())

    def _values(self, thing: T) -> dict[str, Any]:
        owner = {"owner_kind": thing.owner.kind, "owner_name": thing.owner.name}
        return self._columns(thing) | owner

    def _unique(
        self, transaction: sa.Connection, statement: sa.Insert | sa.Update, name: str
    ) -> int:
        try:
            return transaction.execute(statement).rowcount
        except sa.exc.IntegrityError as error:
            raise Conflict(
                f"There is a {self.model.thing} named “{name}” already. Names must be unique.",
                code="name_taken",
                field="name",
            ) from error

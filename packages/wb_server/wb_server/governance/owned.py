"""What connections and pipelines have in common: an owner, shares, a unique name, an undoable end.

Each has a table of its own and one of its shares; the queries on them are written once, here.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar, Generic, Literal, TypeVar

import sqlalchemy as sa
from pydantic import BaseModel

from ..kit.action import Level, Thing
from ..kit.db import Database, UtcDateTime, metadata
from ..kit.errors import Conflict


class Owner(BaseModel):
    """A user, or a team account (a Hub group)."""

    kind: Literal["user", "team"]
    name: str


class Share(BaseModel):
    """What a user, or each member of a group, holds of a thing."""

    kind: Literal["user", "group"]
    name: str
    level: Level


class OwnedThing(BaseModel):
    """What every such thing has, as rooms hand it to each other."""

    thing: ClassVar[Thing]

    id: str
    name: str
    owner: Owner
    shares: list[Share] = []
    version: int = 1
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None


def owned_columns() -> list[sa.Column[Any]]:
    """The columns that every such thing's table has."""
    return [
        sa.Column("owner_kind", sa.String(4), nullable=False),
        sa.Column("owner_name", sa.String(255), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Column("updated_at", UtcDateTime, nullable=False),
        sa.Column("deleted_at", UtcDateTime),
    ]


def unique_among_living(table: str) -> sa.Index:
    """A name is unique among the living: a deleted thing gives its name free."""
    return sa.Index(
        f"uq_{table}_name_living",
        "name",
        unique=True,
        sqlite_where=sa.text("deleted_at IS NULL"),
        postgresql_where=sa.text("deleted_at IS NULL"),
    )


def shares_table(name: str, things: str, key: str) -> sa.Table:
    """The table of the shares of a table of things."""
    return sa.Table(
        name,
        metadata,
        sa.Column(
            key,
            sa.String(36),
            sa.ForeignKey(f"{things}.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("kind", sa.String(5), primary_key=True),
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("level", sa.String(6), nullable=False),
        sa.Column("shared_by", sa.String(255), nullable=False),
        sa.Column("shared_at", UtcDateTime, nullable=False),
    )


T = TypeVar("T", bound=OwnedThing)


class OwnedStore(ABC, Generic[T]):
    """Reads and writes things of one kind. Methods that take a transaction join the caller's.

    Args:
        table: of the things.
        shares: of their shares, which name the thing in their first column.
        noun: what one is called in messages.
    """

    def __init__(self, database: Database, table: sa.Table, shares: sa.Table, noun: Thing) -> None:
        self.database = database
        self._table = table
        self._shares = shares
        self._key = next(iter(shares.columns))
        self._noun = noun
        # Made once: building them takes longer than the database does.
        rows = (
            sa.select(table, shares.c.kind, shares.c.name.label("share_name"), shares.c.level)
            .join_from(table, shares, isouter=True)
            .order_by(table.c.name, table.c.id, shares.c.kind.desc(), shares.c.name)
        )
        self._living = rows.where(table.c.deleted_at.is_(None))
        self._deleted = rows.where(table.c.deleted_at.is_not(None))
        self._by_id = rows.where(table.c.id == sa.bindparam("id"))
        self._by_name = self._living.where(table.c.name == sa.bindparam("name"))
        self._held = sa.select(table.c.id).where(table.c.id == sa.bindparam("id")).with_for_update()

    @abstractmethod
    def _thing(self, row: sa.RowMapping, owner: Owner) -> T:
        """A row as the thing, without its shares."""

    @abstractmethod
    def _columns(self, thing: T) -> dict[str, Any]:
        """The columns of a thing besides its id, its owner and its shares."""

    def living(self) -> list[T]:
        """All that aren't deleted, by name."""
        return self._select(self._living)

    def deleted(self) -> list[T]:
        """All that are deleted and can be restored, by name."""
        return self._select(self._deleted)

    def by_id(self, thing_id: str) -> T | None:
        """A thing, deleted or not."""
        return next(iter(self._select(self._by_id, id=thing_id)), None)

    def by_name(self, name: str) -> T | None:
        """A living thing."""
        return next(iter(self._select(self._by_name, name=name)), None)

    def insert(self, transaction: sa.Connection, thing: T) -> None:
        """Adds a thing.

        Raises:
            Conflict: the name is taken (``name_taken``).
        """
        values = self._values(thing) | {"id": thing.id}
        self._unique(transaction, self._table.insert().values(values), thing.name)

    def update(self, transaction: sa.Connection, thing: T, version: int) -> None:
        """Writes a thing over its version ``version``.

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
                f"“{thing.name}” was changed by somebody else meanwhile. Load it again.",
                code="changed_meanwhile",
            )

    def hold(self, transaction: sa.Connection, thing_id: str) -> None:
        """Keeps a thing as it is until the transaction ends."""
        transaction.execute(self._held, {"id": thing_id})

    def share(
        self, transaction: sa.Connection, thing_id: str, share: Share, by: str, at: datetime
    ) -> None:
        """Gives somebody a level, in place of the one that they had."""
        self.unshare(transaction, thing_id, share.kind, share.name)
        row = {self._key.name: thing_id, **share.model_dump(), "shared_by": by, "shared_at": at}
        transaction.execute(self._shares.insert().values(row))

    def unshare(self, transaction: sa.Connection, thing_id: str, kind: str, name: str) -> bool:
        """Takes a share back, and says whether there was one."""
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
        """Removes for good what was deleted before a moment, and returns how many."""
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
                    thing = found[row["id"]] = self._thing(row, owner)
                if row["kind"] is not None:
                    thing.shares.append(
                        Share(kind=row["kind"], name=row["share_name"], level=row["level"])
                    )
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
                f"There is a {self._noun} named “{name}” already. Names are unique in the "
                "Workbench.",
                code="name_taken",
                field="name",
            ) from error

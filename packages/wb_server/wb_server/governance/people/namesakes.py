"""Tells apart users, and groups, that bear the same name one after the other.

The Hub may delete a user or a group and later create another one with the same name. What named the first
one must not become the second one's. The Hub says when it created each, which is the identity here. When
a name appears with a later moment, everything that bore the name is settled first: what gave access (a
share, a credential, a limit) is removed, and what records who did something, or who owns something, gets
a name that nobody has.

Columns declare themselves with :func:`names_user` and :func:`names_group`, so a new table takes part by
itself.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ...kit import clock
from ...kit.db import Database, metadata
from ...kit.events import Bus

# Above this number of names it is faster to read all of them.
_MOST_NAMED = 100


def _register(name: str) -> sa.Table:
    """A table of the last bearer of each name."""
    return sa.Table(
        name,
        metadata,
        sa.Column("name", sa.String(255), primary_key=True),
        # When the Hub created it, as the Hub writes it; empty if the Hub didn't note it.
        sa.Column("since", sa.String(40), nullable=False),
    )


people = _register("people")
teams = _register("teams")


@dataclass(frozen=True)
class Kind:
    """What bears names: users, or groups.

    Attributes:
        info: the key in the ``info`` of columns with their names.
        register: the table of those known last.
        kinds: what a column says that tells users from groups.
        gone: what is added to a former bearer's name, before the day.
    """

    info: str
    register: sa.Table
    kinds: tuple[str, ...]
    gone: str


USERS = Kind("names_user", people, ("user",), "left by")
GROUPS = Kind("names_group", teams, ("group", "team"), "deleted by")


@dataclass(frozen=True)
class _Trace:
    kind: str | None
    prefix: str
    gives: str | None


def names_user(
    *, kind: str | None = None, prefix: str = "", gives: str | None = None
) -> dict[str, _Trace]:
    """The ``info`` of a column with a user's name.

    Args:
        kind: the column of the same table that says ``user`` where the name is one.
        prefix: what comes before the name if it is a user's.
        gives: what the row gives the user, in the plural, if it ends with them.
    """
    return {USERS.info: _Trace(kind, prefix, gives)}


def names_group(
    *, kind: str | None = None, prefix: str = "", gives: str | None = None
) -> dict[str, _Trace]:
    """The ``info`` of a column with a group's name; the arguments are those of ``names_user``."""
    return {GROUPS.info: _Trace(kind, prefix, gives)}


@dataclass(frozen=True)
class _Column:
    table: sa.Table
    column: sa.Column[Any]
    trace: _Trace
    kinds: tuple[str, ...]

    def of(self, name: str) -> sa.ColumnElement[bool]:
        """The condition that a row names this user or group."""
        found = self.column == f"{self.trace.prefix}{name}"
        if self.trace.kind is None:
            return found
        return sa.and_(found, self.table.c[self.trace.kind].in_(self.kinds))


def _columns(kind: Kind) -> list[_Column]:
    """Every column with names of this kind, those that give something first."""
    found = [
        _Column(table, column, column.info[kind.info], kind.kinds)
        for table in metadata.sorted_tables
        for column in table.columns
        if kind.info in column.info
    ]
    return sorted(found, key=lambda each: each.trace.gives is None)


class Namesakes:
    """Knows which user or group bears a name now, and settles what a former bearer left."""

    def __init__(self, database: Database, bus: Bus, kind: Kind = USERS) -> None:
        self._kind = kind
        self._database = database
        self._bus = bus
        self._since: dict[str, str] = {}
        self._lock = threading.Lock()

    def known(self, name: str, since: str) -> bool:
        """Whether this is the one last seen under the name; asks nothing outside this process."""
        return self._since.get(name) == since

    def settle(self, seen: Mapping[str, str]) -> None:
        """Makes sure that what these names have belongs to those who bear them now.

        Afterwards each is ``known``, except one of whom the database knows a successor already.

        Args:
            seen: name -> when the Hub created its bearer.
        """
        with self._lock:
            new = {name: since for name, since in seen.items() if not self.known(name, since)}
            if not new:
                return
            with self._database.read() as transaction:
                stored = self._stored(transaction, new)
            if _changed(new, stored):
                try:
                    stored, passed = self._write(new)
                except sa.exc.IntegrityError:  # another process has just written the same
                    stored, passed = self._write(new)
                if passed:
                    for topic in self._bus.topics:
                        self._bus.publish(topic)
            self._since |= stored

    def _write(self, seen: Mapping[str, str]) -> tuple[dict[str, str], bool]:
        """Returns who is known afterwards, and whether a name passed to another one."""
        register = self._kind.register
        with self._database.write() as transaction:
            stored = self._stored(transaction, seen, hold=True)
            changed = _changed(seen, stored)
            for name, since in changed.items():
                if name in stored:
                    _rename(transaction, self._kind, name, stored[name])
                    transaction.execute(register.delete().where(register.c.name == name))
                transaction.execute(register.insert().values(name=name, since=since))
        return stored | changed, bool(changed.keys() & stored.keys())

    def _stored(
        self, transaction: sa.Connection, names: Mapping[str, str], *, hold: bool = False
    ) -> dict[str, str]:
        register = self._kind.register
        found = sa.select(register.c.name, register.c.since)
        if len(names) < _MOST_NAMED:
            found = found.where(register.c.name.in_(names))
        rows = transaction.execute(found.with_for_update() if hold else found)
        return {row.name: row.since for row in rows if row.name in names}

    def holdings(self, name: str) -> dict[str, int]:
        """What ends when this user leaves, besides what they own, and how much of it there is."""
        counted: dict[str, int] = {}
        with self._database.read() as transaction:
            for each in _columns(self._kind):
                if each.trace.gives is None:
                    continue
                rows = sa.select(sa.func.count()).select_from(each.table).where(each.of(name))
                if count := transaction.scalar(rows):
                    counted[each.trace.gives] = counted.get(each.trace.gives, 0) + count
        return counted


def _changed(seen: Mapping[str, str], stored: Mapping[str, str]) -> dict[str, str]:
    """Those whom the database doesn't know, or whose predecessor it knows."""
    return {n: since for n, since in seen.items() if n not in stored or stored[n] < since}


def end_holdings(transaction: sa.Connection, name: str, kind: Kind = USERS) -> None:
    """Removes what gives access to a user, or to a group: shares, credentials, limits."""
    for each in _columns(kind):
        if each.trace.gives is not None:
            transaction.execute(each.table.delete().where(each.of(name)))


def _rename(transaction: sa.Connection, kind: Kind, name: str, since: str) -> None:
    """Ends what a former bearer held, and gives the rest a name that nobody has."""
    end_holdings(transaction, name, kind)
    register = kind.register
    # The Hub's user names have no spaces.
    plain = f"{name[:200]} ({kind.gone} {clock.now():%Y-%m-%d})"
    like = register.c.name.like(f"% ({kind.gone} %")
    taken = set(transaction.scalars(sa.select(register.c.name).where(like)))
    former, number = plain, 2
    while former in taken:
        former, number = f"{plain} {number}", number + 1
    transaction.execute(register.insert().values(name=former, since=since))
    for each in _columns(kind):
        if each.trace.gives is None:
            value = {each.column: f"{each.trace.prefix}{former}"}
            transaction.execute(each.table.update().where(each.of(name)).values(value))

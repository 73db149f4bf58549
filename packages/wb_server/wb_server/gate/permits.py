"""Permits: leave for one use of one connection, which only the gate gives.

``Connector.open`` takes a permit, so code that has not passed the gate has nothing to open a connector
with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar, Literal

from .dialects.fields import Named
from .dialects.tables import TableRef
from .loads import LoadMode, TableName
from .models import DialectName
from .seal import SEAL

PermitKind = Literal["read", "write", "browse", "test"]


@dataclass(frozen=True)
class Permit:
    """Leave for one use of one connection.

    Attributes:
        query_id: the id under which the use is audited and can be cancelled.
        actor: the name of the one who acts.
        connection_id: the connection that may be opened; empty for a test, which uses no pool.
        kind: what may be done: a read, a write, a look at the catalog, a test.
        sql: the only text that may be sent; empty for ``browse``, whose SQL is the connector's own.
        returns_rows: whether the statement answers with rows.
        tables: the tables that it reads or writes.
        written: those that it writes.
        structural: whether it changes structure: some databases commit before and after such.
        once: the key under which a write is made once; ``None``: as often as it is asked for.
        dialect: of ``sql``.
        named: what only the database can tell to be no code of its own.
        shows_texts: it answers with a plan, which may only be shown if no view is among the tables.
    """

    query_id: str
    actor: str
    connection_id: str
    kind: PermitKind
    sql: str = ""
    returns_rows: bool = True
    tables: tuple[TableRef, ...] = ()
    written: tuple[TableRef, ...] = ()
    structural: bool = False
    once: str | None = None
    dialect: DialectName | None = None
    shows_texts: bool = False
    named: Named = Named()  # noqa: RUF009  frozen
    seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not SEAL:
            raise TypeError("a Permit is made by the gate only")


@dataclass(frozen=True)
class LoadPermit:
    """Leave to put rows into one table, by the connector's own statements.

    Attributes:
        table: where to; a name, which the connector quotes.
        mode: what becomes of the rows that are there.
        key: the columns that say which row it is, for an upsert.
        create: whether a missing table may be made.
        once: the key under which it is loaded once; ``None``: as often as it is asked for.
    """

    query_id: str
    actor: str
    connection_id: str
    table: TableName
    mode: LoadMode
    kind: ClassVar[Literal["write"]] = "write"
    key: tuple[str, ...] = ()
    create: bool = True
    once: str | None = None
    seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not SEAL:
            raise TypeError("a LoadPermit is made by the gate only")


@dataclass(frozen=True)
class PasswordPermit:
    """Leave to give the login of one connection a new password, and for nothing else."""

    connection_id: str
    seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not SEAL:
            raise TypeError("a PasswordPermit is made by the gate only")

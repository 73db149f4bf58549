"""Permits: permission for one use of one connection, granted by the gate alone.

``Connector.open`` takes a permit, so code that has not passed the gate can't open a connector.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    """Permission for one use of one connection.

    Attributes:
        query_id: the id under which the use is audited and can be cancelled.
        actor: the name of the actor.
        connection_id: the connection that may be opened; empty for a test, which uses no pool.
        kind: what may be done: a read, a write, browsing the catalog, a test.
        sql: the only text that may be sent; empty for ``browse``, whose SQL is the connector's own.
        returns_rows: True if the statement returns rows.
        tables: the tables that it reads or writes.
        written: those that it writes.
        structural: True if it changes structure: some databases commit before and after that.
        once: the key under which a write happens once; ``None`` runs it on every request.
        dialect: the dialect of ``sql``.
        named: names that may stand for code in the database, which only the database can rule out.
        shows_texts: it returns a plan, which may only be shown if no view is among the tables.
        steps: the statements of a write that consists of several, in one transaction; ``sql`` is for
            people only then.
        line: of a step: where it begins in the text that was asked.
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
    steps: tuple[Permit, ...] = ()
    line: int = 1
    seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not SEAL:
            raise TypeError("only the gate makes a Permit")

    @property
    def ledger_schema(self) -> str | None:
        """The schema where a write that happens once is recorded; ``None``: the login's default."""
        if self.written:
            # A schema to be created doesn't exist yet.
            return self.written[0].schema if self.written[0].name else None
        return min(self.named.routines).schema if self.named.routines else None


@dataclass(frozen=True)
class LoadPermit:
    """Permission to load rows into one table, by the connector's own statements.

    Attributes:
        table: the target, a name that the connector quotes.
        mode: what happens to the table's existing rows.
        key: the columns that identify a row, for an upsert.
        create: True if a missing table may be created.
        once: the key under which the load happens once; ``None`` runs it on every request.
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
            raise TypeError("only the gate makes a LoadPermit")


@dataclass(frozen=True)
class CallPermit:
    """Permission to send one request to an API.

    Attributes:
        kind: ``read`` for a GET, ``write`` for every other method.
        target: the path below the connection's base URL, with the query, encoded.
        content: the encoded body.
    """

    query_id: str
    actor: str
    connection_id: str
    kind: Literal["read", "write"]
    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not SEAL:
            raise TypeError("only the gate makes a CallPermit")


@dataclass(frozen=True)
class PasswordPermit:
    """Permission to set a new password for the login of one connection, and nothing else."""

    connection_id: str
    seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not SEAL:
            raise TypeError("only the gate makes a PasswordPermit")

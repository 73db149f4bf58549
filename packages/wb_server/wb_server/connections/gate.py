"""The one gate: nothing reads or writes data without a ``Permit``, and only this file makes one.

A permit says who may run which statement on which connection. ``Connector.open`` takes a permit, so
code that has not passed the gate has nothing to open a connector with. Row filters and column masks
will be applied here too, to the parsed statement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

from ..governance.rights import Rights
from ..kit.actor import Actor
from ..kit.errors import Forbidden, InvalidInput
from .analysis import Analyst, Watch
from .dialects.fields import Named
from .dialects.tables import TableRef
from .loads.models import LEDGER, LoadMode, LoadRequest, Once, TableName
from .models import Connection
from .statement import DialectName, table_name

PermitKind = Literal["read", "write", "browse", "test"]

# Only this module holds the seal; ``Permit`` refuses to be made without it.
_SEAL = object()


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
        if self.seal is not _SEAL:
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
        if self.seal is not _SEAL:
            raise TypeError("a LoadPermit is made by the gate only")


@dataclass(frozen=True)
class PasswordPermit:
    """Leave to give the login of one connection a new password, and for nothing else."""

    connection_id: str
    seal: object = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("a PasswordPermit is made by the gate only")


class Gate:
    """Checks a request against the statement's rules and the actor's rights."""

    def __init__(self, rights: Rights, analyst: Analyst) -> None:
        self._rights = rights
        self._analyst = analyst

    def query(
        self,
        actor: Actor,
        connection: Connection,
        dialect: DialectName,
        sql: str,
        params: Mapping[str, Any] | None,
        *,
        query_id: str,
        limit: int | None,
        supports_writes: bool,
        supports_once: bool = False,
        once: Once | None = None,
        only: Literal["read", "write"] | None = None,
        watch: Watch | None = None,
    ) -> Permit:
        """A permit for one statement.

        Args:
            limit: at most so many rows are wanted; put into the statement where that is safe.
            once: makes a write once under its key.
            only: what the statement has to be.
            watch: says how long a long statement's analysis may take, and may stop it.

        Raises:
            Conflict, SourceTimeout: the analysis was stopped, or took too long.
            InvalidInput: the statement can't be understood or isn't one that the gate knows.
            Forbidden: the actor lacks the right, or the statement uses what isn't on the lists.
        """
        self._rights.require(actor, "connection.read", connection)
        statement = self._analyst.analyse(sql, dialect, params, limit=limit, watch=watch)
        if only is not None and statement.kind != only:
            raise _not_a_read() if only == "read" else _not_a_write()
        if statement.kind == "write":
            if not supports_writes:
                raise _read_only(connection)
            self._rights.require(actor, "connection.write", connection)
            if once is not None and not supports_once:
                raise Forbidden(
                    f"The connection “{connection.name}” has no ledger of writes, so a write can't be "
                    "made once there.",
                    code="no_ledger",
                )
        return Permit(
            query_id=query_id,
            actor=actor.name,
            connection_id=connection.id,
            kind=statement.kind,
            sql=statement.sql,
            returns_rows=statement.returns_rows,
            tables=statement.tables,
            written=statement.written,
            structural=statement.structural,
            dialect=dialect,
            shows_texts=statement.shows_texts,
            named=statement.named,
            once=once.key if once is not None and statement.kind == "write" else None,
            seal=_SEAL,
        )

    def load(
        self,
        actor: Actor,
        connection: Connection,
        dialect: DialectName,
        request: LoadRequest,
        *,
        query_id: str,
        supports_loads: bool,
        once: Once | None,
    ) -> LoadPermit:
        """A permit to put rows into a table.

        Raises:
            InvalidInput: the table's name can't be read (``bad_table``), or is the ledger's.
            Forbidden: the actor lacks the right, or the table is the database's own.
        """
        self._rights.require(actor, "connection.read", connection)
        if not supports_loads:
            raise _read_only(connection)
        self._rights.require(actor, "connection.write", connection)
        table = table_name(request.table, dialect)
        if table.name.casefold() == LEDGER:
            raise InvalidInput(
                f"The table {LEDGER} says which writes were made; nothing is loaded into it.",
                code="bad_table",
            )
        return LoadPermit(
            query_id,
            actor.name,
            connection.id,
            TableName(table.schema, table.name),
            request.mode,
            tuple(request.key),
            request.create,
            once.key if once is not None else None,
            seal=_SEAL,
        )

    def browse(self, actor: Actor, connection: Connection, *, query_id: str) -> Permit:
        """A permit to list schemas, tables and columns, by the connector's own statements."""
        self._rights.require(actor, "connection.browse", connection)
        return Permit(query_id, actor.name, connection.id, "browse", seal=_SEAL)

    def new_password(self, actor: Actor, connection: Connection) -> PasswordPermit:
        """A permit to give a connection's login a new password."""
        self._rights.require(actor, "connection.update", connection)
        return PasswordPermit(connection.id, seal=_SEAL)

    def test(self, actor: Actor, connection: Connection | None, *, query_id: str) -> Permit:
        """A permit to try a connection, saved or not yet, with ``select 1``."""
        if connection is None:
            self._rights.require(actor, "connection.create")
        else:
            self._rights.require(actor, "connection.test", connection)
        # Without a connection's id nothing is taken from a pool: an old session proves little.
        return Permit(query_id, actor.name, "", "test", "SELECT 1", seal=_SEAL)


def _read_only(connection: Connection) -> Forbidden:
    return Forbidden(
        f"The connection “{connection.name}” can only be read.", code="read_only_connection"
    )


def _not_a_read() -> Forbidden:
    return Forbidden("This statement changes data, and this is a read.", code="not_a_read")


def _not_a_write() -> InvalidInput:
    return InvalidInput("This statement only reads, and this is a write.", code="not_a_write")

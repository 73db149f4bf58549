"""What every connector is: a configuration, and sessions opened with a permit.

A connector is one file in this folder: a pydantic ``Config`` (from which the API's JSON schema and
the form in Lab are made), a ``Connector`` and its ``Session``. ``docs/developers/add-a-connector.md``
walks through one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import ClassVar, Final, Self

import pyarrow as pa

from ..gate.loads import Batches, Progress
from ..gate.loads import TableName as TableName
from ..gate.loads import Written as Written
from ..gate.models import DialectName
from ..gate.permits import LoadPermit, PasswordPermit, Permit
from ..kit.errors import Forbidden, TooLarge, Unprocessable
from .models import Capability, ColumnInfo, SchemaInfo, TableInfo
from .target import ConnectorConfig as ConnectorConfig
from .target import Target as Target

MAX_ROW_BYTES: Final = 32 * 2**20
"""What one row may have on its way here. A row is held whole, and several times, while it is read."""


def row_too_large(advice: str) -> TooLarge:
    """A row has more than ``MAX_ROW_BYTES``."""
    return TooLarge(
        f"A row has more than {MAX_ROW_BYTES // 2**20} MiB, as much as one may have. Ask for fewer "
        f"or shorter values: {advice}.",
        code="too_large",
        limit=MAX_ROW_BYTES,
    )


def require_fit(permit: Permit | LoadPermit, target: Target) -> None:
    """Checks that a permit is for this target. Every connector's ``open`` begins with it.

    Raises:
        Forbidden: it is for another connection, or the credential is another user's.
    """
    if permit.connection_id != target.connection_id:
        raise Forbidden("This permit is for another connection.", code="wrong_permit")
    if target.user is not None and target.user != permit.actor:
        raise Forbidden("This permit is for another user.", code="wrong_permit")


@dataclass(frozen=True)
class Loaded:
    """What a load came to: see ``Written``; and the table's full name."""

    written: Written
    table: TableName


class Answer(ABC):
    """Rows on their way: a schema, then record batches of about one MiB, each asked for.

    Attributes:
        already: of a write that is made once: an earlier try made it, nothing was done now, and the
            answer is that one's ``rows_affected``.
    """

    schema: pa.Schema
    already: bool = False

    @abstractmethod
    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yields the batches in order; raises a ``WorkbenchError`` where the source fails."""


class Use(ABC):
    """One permitted use of a source. A context manager: closing it resets or ends what it used."""

    @abstractmethod
    def cancel(self) -> None:
        """Stops what runs, in the source too. Safe from any thread and at any time."""

    @abstractmethod
    def close(self) -> None:
        """Ends the transaction; gives a reset connection back, or drops it. Never raises."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class Session(Use):
    """A use that reads, writes by a statement, or looks into the catalog."""

    @abstractmethod
    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        """Runs the permit's statement.

        A read runs in its own explicit read-only transaction, which ends when the session closes.
        A write is committed when this returns; its ``RETURNING`` rows (at most ``max_write_rows``)
        or its count as one row ``rows_affected`` are the answer. With ``permit.once`` the ledger's
        row is written in the same transaction, first of all; ``docs/connections.md`` has the rules.

        Args:
            timeout: seconds until the source stops the statement.
            max_write_rows: how many returned rows are kept; more rolls the write back.

        Raises:
            InvalidInput: the source says that the statement is wrong (``unknown_table``,
                ``unknown_column``, ``syntax_error``, ``bad_value``), with ``details``.
            SourceFailed: ``unreachable``, ``sign_in_failed`` (constant text), ``source_failed``.
            SourceTimeout: it took longer than ``timeout``.
        """

    @abstractmethod
    def schemas(self) -> list[SchemaInfo]:
        """The schemas that the login may use."""

    @abstractmethod
    def tables(self, schema: str | None) -> list[TableInfo]:
        """The tables, views and files of a schema, or of all schemas with ``None``."""

    @abstractmethod
    def columns(self, schema: str | None, table: str) -> list[ColumnInfo]:
        """The columns of a table, in their order. Raises ``NotFound`` for an unknown table."""

    @abstractmethod
    def server_version(self) -> str | None:
        """The source's own name and version, for the result of a test."""


class LoadSession(Use):
    """A use that puts rows into one table."""

    @abstractmethod
    def load(self, batches: Batches, *, timeout: float, progress: Progress) -> Loaded:
        """Puts all rows into the permit's table, or none; committed when this returns.

        Holds a few batches at most. Readers of the table see what was there before until the end,
        and then all that came.

        Args:
            timeout: seconds that all of it may take.
            progress: called in this thread after each batch; what it raises ends the load.

        Raises:
            InvalidInput: the columns or a value don't fit (``unknown_column``, ``missing_column``,
                ``type_mismatch``, ``bad_value``, ``no_unique_index``, …), with names in ``details``.
            Conflict: ``constraint``, ``conflicting_change``, ``cancelled``.
            Forbidden: the login may not (``source_refused``).
            SourceFailed, SourceTimeout: as ``Session.run``; with ``once`` a commit whose end isn't
                known is ``unreachable`` too: another try finds out.
            WorkbenchError: what asking for the next batch raises.
        """


class Connector(ABC):
    """A kind of source. One instance lives as long as the service and owns its pools."""

    kind: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    dialect: ClassVar[DialectName]
    supports_writes: ClassVar[bool]
    supports_loads: ClassVar[bool] = False
    """Whether there is ``open_load``, and writes that are made once."""
    supports_schemas: ClassVar[bool] = True
    """Whether a table's name may be written with its schema's: a file is queried by its name alone."""
    Config: ClassVar[type[ConnectorConfig]]
    login_and_password: ClassVar[tuple[str, str] | None] = None
    """The fields of the login's name and password, where ``set_password`` can exchange them."""

    @classmethod
    def capabilities(cls) -> list[Capability]:
        """What can be done with such a source."""
        return ["sql", "browse", "load"] if cls.supports_loads else ["sql", "browse"]

    @abstractmethod
    def check(self, config: ConnectorConfig) -> None:
        """Checks what needs more than types: hosts, folders.

        Raises:
            Unprocessable: an address or a folder that isn't allowed (``details.field`` names the field).
        """

    def destination(self, config: ConnectorConfig) -> object:
        """What decides where the secrets of a configuration go; compared for equality.

        When it changes, stored secrets aren't sent along: they have to be entered again. A
        connector that doesn't say more precisely means its whole configuration.
        """
        return config.model_dump(exclude=set(config.secret_fields()))

    @abstractmethod
    def open(self, permit: Permit, target: Target) -> Session:
        """Opens a session for one permitted use.

        Raises:
            SourceFailed: ``unreachable`` or ``sign_in_failed``.
            Unprocessable: the address that the host resolves to isn't allowed.
        """

    def open_load(self, permit: LoadPermit, target: Target) -> LoadSession:
        """Opens a session for one load.

        Raises:
            SourceFailed, Unprocessable: as ``open``.
            Forbidden: rows can't be loaded into this kind of source.
        """
        raise Forbidden(f"Rows can't be loaded into {self.title}.", code="read_only_connection")

    def set_password(self, permit: PasswordPermit, target: Target, password: str) -> None:
        """Signs in with the target's login and gives that login another password, durably.

        The database may not learn the password in a form that it would write into a log.

        Args:
            password: of letters, digits, ``-`` and ``_``.

        Raises:
            Forbidden: the login may not (``password_refused``).
            SourceFailed: ``unreachable`` or ``sign_in_failed``; with any other code the password may
                be set or not.
        """
        raise Unprocessable(
            f"A login of {self.title} can't be given a new password from here.",
            code="no_password_rotation",
        )

    def forget(self, connection_id: str) -> None:
        """Drops pooled resources of a connection that was changed or deleted."""

    def close(self) -> None:
        """Drops every pooled resource; called once, when the service stops."""


class Connectors(dict[str, Connector]):
    """The connectors by their ``kind``."""

    def __init__(self, connectors: Iterable[Connector]) -> None:
        super().__init__((connector.kind, connector) for connector in connectors)

    def close(self) -> None:
        """Drops every pooled resource."""
        for connector in self.values():
            connector.close()

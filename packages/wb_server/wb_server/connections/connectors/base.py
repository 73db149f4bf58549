"""What every connector is: a configuration, and sessions opened with a permit.

A connector is one file in this folder: a pydantic ``Config`` (from which the API's JSON schema and
the form in Lab are made), a ``Connector`` and its ``Session``. ``docs/developers/add-a-connector.md``
walks through one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from types import TracebackType
from typing import ClassVar, Self

import pyarrow as pa

from ...kit.errors import Forbidden, Unprocessable
from ..gate import PasswordPermit, Permit
from ..models import ColumnInfo, SchemaInfo, TableInfo
from ..statement import DialectName
from ..target import ConnectorConfig as ConnectorConfig
from ..target import Target as Target


def require_fit(permit: Permit, target: Target) -> None:
    """Checks that a permit is for this target. Every connector's ``open`` begins with it.

    Raises:
        Forbidden: it is for another connection, or the credential is another user's.
    """
    if permit.connection_id != target.connection_id:
        raise Forbidden("This permit is for another connection.", code="wrong_permit")
    if target.user is not None and target.user != permit.actor:
        raise Forbidden("This permit is for another user.", code="wrong_permit")


class Answer(ABC):
    """Rows on their way: a schema, then record batches of about one MiB, each asked for."""

    schema: pa.Schema

    @abstractmethod
    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yields the batches in order; raises a ``WorkbenchError`` where the source fails."""


class Session(ABC):
    """One permitted use of a source. A context manager: closing it resets or ends what it used."""

    @abstractmethod
    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        """Runs the permit's statement.

        A read runs in its own explicit read-only transaction, which ends when the session closes.
        A write is committed when this returns; its ``RETURNING`` rows (at most ``max_write_rows``)
        or its count as one row ``rows_affected`` are the answer.

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


class Connector(ABC):
    """A kind of source. One instance lives as long as the service and owns its pools."""

    kind: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    dialect: ClassVar[DialectName]
    supports_writes: ClassVar[bool]
    Config: ClassVar[type[ConnectorConfig]]
    login_and_password: ClassVar[tuple[str, str] | None] = None
    """The fields of the login's name and password, where ``set_password`` can exchange them."""

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


def by_kind(connectors: list[Connector]) -> Mapping[str, Connector]:
    """The connectors by their ``kind``."""
    return {connector.kind: connector for connector in connectors}

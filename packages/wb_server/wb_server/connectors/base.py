"""The interface of connectors: a configuration, and sessions opened with a permit.

A connector is a folder beside this file: a pydantic ``Config`` (from which the API's JSON schema and
the form in Lab are generated), a ``Connector`` and its ``Session``.
``docs/developers/add-a-connector.md`` walks through one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Final, Self

import pyarrow as pa
from pydantic import BaseModel

from ..gate.calls import CallResult
from ..gate.loads import Batches, Progress
from ..gate.loads import TableName as TableName
from ..gate.loads import Written as Written
from ..gate.models import DialectName
from ..gate.permits import CallPermit, LoadPermit, PasswordPermit, Permit
from ..kit.errors import Forbidden, InvalidInput, NotFound, TooLarge, Unprocessable
from .ddl import create_table
from .models import (
    Capability,
    CatalogMatch,
    ColumnInfo,
    Preview,
    SchemaInfo,
    TableDefinition,
    TableInfo,
)
from .target import ConnectorConfig as ConnectorConfig
from .target import Target as Target

MAX_ROW_BYTES: Final = 32 * 2**20
"""The maximum size of one row. A row is held in memory whole, and several times, while it is read."""

SEARCHED_TABLES: Final = 60
"""How many tables a search looks into where each one has to be read for its columns."""


def row_too_large(advice: str) -> TooLarge:
    """The error for a row larger than ``MAX_ROW_BYTES``."""
    return TooLarge(
        f"A row is larger than {MAX_ROW_BYTES // 2**20} MiB, the maximum. Ask for fewer or shorter "
        f"values: {advice}.",
        code="too_large",
        limit=MAX_ROW_BYTES,
    )


def require_fit(permit: Permit | LoadPermit | CallPermit, target: Target) -> None:
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
    """The result of a load: ``Written``, and the table's full name."""

    written: Written
    table: TableName


@dataclass(frozen=True)
class UploadInfo:
    """What follows from the name of an uploaded file.

    Attributes:
        stored_name: the name that it needs on disk to be read as what it is.
        table: a name for a table of its rows.
        options: the JSON schema of the options that matter for it.
    """

    stored_name: str
    table: str
    options: Mapping[str, Any]


@dataclass(frozen=True)
class FirstRows:
    """The first rows of an uploaded file.

    Attributes:
        schema: its columns, as they are loaded.
        suggested: a name for each column in a table.
        rows: the rows, as texts.
    """

    schema: pa.Schema
    suggested: Sequence[str]
    rows: list[list[str | None]]


class Answer(ABC):
    """A stream of rows: a schema, then record batches of about one MiB, produced on demand.

    Attributes:
        already: for a write that happens once: True if an earlier attempt made it. Nothing was done
            now, and the answer is that attempt's ``rows_affected``.
    """

    schema: pa.Schema
    already: bool = False

    @abstractmethod
    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yields the batches in order; raises a ``WorkbenchError`` if the source fails."""


class Use(ABC):
    """One permitted use of a source. A context manager: closing it releases what it used."""

    @abstractmethod
    def cancel(self) -> None:
        """Stops the running work, in the source too. Safe from any thread and at any time."""

    @abstractmethod
    def close(self) -> None:
        """Ends the transaction; resets and returns the connection, or drops it. Never raises."""

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
    """A use that reads, writes by a statement, or browses the catalog."""

    @abstractmethod
    def run(self, *, timeout: float, max_write_rows: int) -> Answer:
        """Runs the permit's statement.

        A read runs in its own explicit read-only transaction, which ends when the session closes.
        A write is committed when this returns; the answer is its ``RETURNING`` rows (at most
        ``max_write_rows``), or its count as one row ``rows_affected``. With ``permit.once``, the
        ledger's row is written first, in the same transaction; ``docs/connections.md`` has the rules.

        Args:
            timeout: seconds until the source stops the statement.
            max_write_rows: the maximum number of returned rows; more roll the write back.

        Raises:
            InvalidInput: the source rejects the statement (``unknown_table``,
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

    def preview(self, table: str, rows: int) -> Preview:
        """The first rows of a table, for connectors with ``supports_preview``.

        Raises:
            NotFound: there is no such table.
            InvalidInput: it can't be read, with the place and what to set.
        """
        raise Unprocessable("This source has no preview.", code="not_supported")

    def search(self, text: str, limit: int) -> list[CatalogMatch]:
        """The schemas, tables and columns whose names contain a text, in any case.

        This default looks into the columns of the first ``SEARCHED_TABLES`` tables.
        """
        wanted = text.casefold()
        found = [
            CatalogMatch(schema=schema.name)
            for schema in self.schemas()
            if wanted in schema.name.casefold()
        ]
        tables = self.tables(None)
        found += [
            CatalogMatch(schema=table.schema_, table=table.name, kind=table.kind)
            for table in tables
            if wanted in table.name.casefold()
        ]
        for table in tables[:SEARCHED_TABLES]:
            if len(found) >= limit:
                break
            try:
                columns = self.columns(table.schema_, table.name)
            except (InvalidInput, NotFound, Unprocessable):
                continue  # a file that can't be read: its comment says why
            found += [
                CatalogMatch(
                    schema=table.schema_,
                    table=table.name,
                    kind=table.kind,
                    column=column.name,
                    type=column.type,
                )
                for column in columns
                if wanted in column.name.casefold()
            ]
        return found[:limit]

    def definition(self, schema: str | None, table: str) -> TableDefinition:
        """How a table is defined: its columns, where the source knows no more."""
        return TableDefinition(ddl=create_table([table], self.columns(schema, table)))

    @abstractmethod
    def server_version(self) -> str | None:
        """The source's name and version as it reports them, for the result of a test."""


class LoadSession(Use):
    """A use that loads rows into one table."""

    @abstractmethod
    def load(self, batches: Batches, *, timeout: float, progress: Progress) -> Loaded:
        """Loads all rows into the permit's table, or none; committed when this returns.

        Holds a few batches at most. Readers of the table see its old rows until the end, and then
        everything that was loaded.

        Args:
            timeout: seconds for the whole load.
            progress: called in this thread after each batch; an exception from it ends the load.

        Raises:
            InvalidInput: the columns or a value don't fit (``unknown_column``, ``missing_column``,
                ``type_mismatch``, ``bad_value``, ``no_unique_index``, …), with names in ``details``.
            Conflict: ``constraint``, ``conflicting_change``, ``cancelled``.
            Forbidden: the login lacks the privilege (``source_refused``).
            SourceFailed, SourceTimeout: as ``Session.run``; with ``once``, a commit whose outcome is
                unknown is ``unreachable`` too: another attempt finds out.
            WorkbenchError: whatever the iteration over ``batches`` raises.
        """


class UploadSession(Use):
    """A use that reads a file which its actor has uploaded."""

    @abstractmethod
    def sheets(self) -> list[str]:
        """The sheets of a workbook; none of any other file.

        Raises:
            WorkbenchError: the file can't be read.
        """

    @abstractmethod
    def preview(self, sheet: str | None, rows: int) -> FirstRows:
        """The columns, and the first rows as texts.

        Args:
            sheet: the sheet; ``None`` for the first one.

        Raises:
            InvalidInput: it can't be read, with the place and what to set.
            SourceFailed, SourceTimeout: as ``Session.run``.
        """

    @abstractmethod
    def read(self, sheet: str | None, columns: Sequence[tuple[str, str]]) -> Answer:
        """The rows.

        Args:
            columns: each column's name in the file, and in the answer.

        Raises:
            As ``preview``.
        """


class CallSession(Use):
    """A use that sends one request to an API."""

    @abstractmethod
    def call(self, *, timeout: float) -> CallResult:
        """Sends the permit's request and returns the answer, whatever its status.

        Args:
            timeout: seconds for the whole exchange.

        Raises:
            InvalidInput: a header is the connection's own (``bad_header``).
            SourceFailed: ``unreachable``, ``unknown_host``, ``sign_in_failed`` (no secret is stored).
            SourceTimeout: it took longer than ``timeout``.
            Conflict: ``cancelled``.
        """


class Connector(ABC):
    """A kind of source. One instance lives as long as the service and owns its pools."""

    kind: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    dialect: ClassVar[DialectName | None]
    """The SQL that it takes; ``None`` for an API, whose operations are called."""
    supports_writes: ClassVar[bool]
    supports_loads: ClassVar[bool] = False
    """True if it has ``open_load``, and writes that happen once."""
    supports_routines: ClassVar[bool] = False
    """True if statements may call functions and procedures of the database's own, once allowed."""
    supports_schemas: ClassVar[bool] = True
    """True if a table may be qualified by its schema; a file is queried by its name alone."""
    supports_preview: ClassVar[bool] = False
    """True if the form shows a table's first rows before the connection is saved."""
    UploadOptions: ClassVar[type[BaseModel] | None] = None
    """How an uploaded file is read, of the connector that reads them, by ``open_upload``."""
    local_path: ClassVar[str | None] = None
    """The configuration's field with a path on this machine, if such a source is files."""
    Config: ClassVar[type[ConnectorConfig]]
    login_and_password: ClassVar[tuple[str, str] | None] = None
    """The fields of the login's name and password, if ``set_password`` is supported."""

    @classmethod
    def capabilities(cls) -> list[Capability]:
        """What such a source supports."""
        found: list[Capability] = ["sql", "browse"]
        if cls.supports_loads:
            found.append("load")
        if cls.supports_preview:
            found.append("preview")
        return found

    @abstractmethod
    def check(self, config: ConnectorConfig) -> None:
        """Validates what types can't express: hosts, folders.

        Raises:
            Unprocessable: an address or folder isn't allowed (``details.field`` names the field).
        """

    def destination(self, config: ConnectorConfig) -> object:
        """The part of a configuration that decides where secrets are sent; compared for equality.

        When it changes, stored secrets aren't reused: they have to be entered again. The default is
        the whole configuration.
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
            Forbidden: this kind of source supports no loads.
        """
        raise Forbidden(f"Rows can't be loaded into {self.title}.", code="read_only_connection")

    def column_types(self, schema: pa.Schema) -> list[str]:
        """The type of each column in a table that a load creates, empty if it can't be loaded.

        Shown before a file is loaded; a connector that loads overrides it.
        """
        return [str(field.type) for field in schema]

    def upload_info(self, name: str) -> UploadInfo:
        """What follows from an uploaded file's name, where ``UploadOptions`` are defined."""
        raise Unprocessable(f"{self.title} reads no uploaded files.", code="not_supported")

    def open_upload(
        self,
        permit: Permit,
        path: Path,
        options: BaseModel,
        *,
        temp_bytes: int,
        seconds: float,
    ) -> UploadSession:
        """Opens a session that reads an uploaded file.

        Args:
            path: the file, alone in its folder.
            options: an instance of ``UploadOptions``.
            temp_bytes: the size of temporary files that a statement may write.
            seconds: how long one may take.
        """
        raise Unprocessable(f"{self.title} reads no uploaded files.", code="not_supported")

    def open_call(self, permit: CallPermit, target: Target, limit: int) -> CallSession:
        """Opens a session for one request to an API.

        Args:
            limit: the maximum number of bytes of the answer's body.

        Raises:
            InvalidInput: this kind of source takes no requests (``no_calls``).
        """
        raise InvalidInput(f"{self.title} takes SQL, not requests.", code="no_calls")

    def set_password(self, permit: PasswordPermit, target: Target, password: str) -> None:
        """Signs in with the target's login and durably sets a new password for it.

        The password must not reach the database in a form that it would write to a log.

        Args:
            password: letters, digits, ``-`` and ``_`` only.

        Raises:
            Forbidden: the login may not change it (``password_refused``).
            SourceFailed: ``unreachable`` or ``sign_in_failed``; with any other code it is unknown
                whether the password was set.
        """
        raise Unprocessable(
            f"The password of a {self.title} login can't be changed from here.",
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

    @property
    def of_uploads(self) -> Connector:
        """The connector that reads uploaded files."""
        return next(it for it in self.values() if it.UploadOptions is not None)

    def close(self) -> None:
        """Drops every pooled resource."""
        for connector in self.values():
            connector.close()

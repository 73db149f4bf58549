"""The models of statements, catalogs and connection tests on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, Json, StringConstraints

from ..connections.models import CredentialMode
from ..connectors.models import CatalogMatch, ColumnInfo, Preview, SchemaInfo, TableInfo
from ..gate.loads import LoadMode
from ..kit.endpoint import Outcome
from ..kit.request import Request

QueryId = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"),
]


class ConnectionTest(Request):
    connector: str
    config: dict[str, Any]
    credentials: CredentialMode = Field(
        "shared",
        description="With `personal`, your own stored credentials fill in what is omitted.",
    )
    connection_id: str | None = Field(
        None, description="A saved connection whose stored secrets fill in what is omitted."
    )


class TestResult(BaseModel):
    """The result of a test. A source that refuses is a result here, not an HTTP error."""

    __test__ = False  # not a test case, for pytest

    ok: bool
    message: str
    elapsed_ms: float
    server_version: str | None = None
    code: str | None = None
    details: dict[str, Any] = {}


class ConnectionPreview(ConnectionTest):
    table: str | None = Field(
        None, max_length=300, description="The table to show; the first one if there is none."
    )


class PreviewResult(BaseModel):
    """What settings make of the data. A file that can't be read is a result here."""

    tables: list[TableInfo] = []
    more_tables: int = Field(0, description="How many tables aren't listed.")
    table: str | None = None
    preview: Preview | None = None
    code: str | None = Field(None, description="Of the error, if the table can't be read.")
    message: str = ""
    details: dict[str, Any] = {}


class SchemaList(BaseModel):
    items: list[SchemaInfo]


class TableList(BaseModel):
    items: list[TableInfo]


class ColumnList(BaseModel):
    items: list[ColumnInfo]


class TablesQuery(Request):
    schema_: str | None = Field(None, alias="schema")


class ColumnsQuery(TablesQuery):
    table: str = Field(max_length=500)


class SearchQuery(Request):
    text: str = Field(min_length=1, max_length=200)


class MatchList(BaseModel):
    items: list[CatalogMatch]


class RowColumn(BaseModel):
    name: str
    type: str


class TableRows(BaseModel):
    """The first rows of a table, as texts."""

    columns: list[RowColumn]
    rows: list[list[str | None]]
    more: bool = Field(description="Whether the table has more rows.")


class RowCount(BaseModel):
    rows: int


class QueryRequest(Request):
    """One statement to run. ``sql`` takes parameters as ``:name``."""

    connection: str = Field(description="A connection's name or id.")
    sql: str
    params: dict[str, Any] | None = None
    row_limit: int | None = Field(
        default=None, ge=0, le=10**12, description="The maximum number of rows."
    )
    query_id: QueryId | None = Field(
        default=None, description="A UUID chosen by the client, to cancel the query by."
    )


class LoadQuery(Request):
    """Where the rows that are sent go."""

    connection: str = Field(description="A connection's name or id.")
    table: str = Field(
        min_length=1,
        max_length=300,
        description="`schema.table` or `table`. Quote a name here if SQL needs quotes for it.",
    )
    mode: LoadMode = Field(
        description="`append` adds the rows to a table, `create` makes the table, `replace` puts them in "
        "the place of its rows, or makes it, and `upsert` updates rows by their key and adds the others."
    )
    key: Json[list[str]] = Field(
        default=[], description="For `upsert`: a JSON list of the columns that identify a row."
    )


class Loaded(BaseModel):
    """The result of a load: all rows are in the table."""

    rows: int
    table: str = Field(description="The table, as the database names it.")
    elapsed_ms: float


class CallAnswer(BaseModel):
    """The answer of an API."""

    status: int
    reason: str
    headers: dict[str, str] = Field(description="Without cookies.")
    encoding: str = Field(description="The encoding of text in the body.")
    body: str = Field(description="The body, as Base64.")


class Cancelled(BaseModel):
    cancelled: bool


class RunningQuery(BaseModel):
    """A use of a connection that is running or waiting."""

    id: str = Field(description="The id by which it can be cancelled.")
    actor: str
    connection: str = Field(
        description="The connection's name; empty for one that is tested before it is saved."
    )
    connection_id: str
    kind: Literal["read", "write", "browse", "test"]
    statement: str = Field(
        description="The statement as written, cut after 1000 characters; for a catalog request what it "
        "lists; empty for a test."
    )
    state: Literal["waiting", "running"]
    since: datetime = Field(description="When it was requested.")
    started_at: datetime | None = Field(description="When it started; `null` while it waits.")
    rows: int = Field(description="Rows that were sent so far.")
    bytes: int = Field(description="Bytes that were sent so far, as Arrow.")
    run_id: str | None = Field(
        default=None, description="The run of a pipeline that it belongs to."
    )


class QueryFate(BaseModel):
    """What became of a query whose answer got lost, as when the service was restarted."""

    state: Literal["waiting", "running", "ended"]
    kind: Literal["read", "write"]
    outcome: Outcome | None = Field(
        None,
        description="How it ended. A write with the outcome `ok` was committed, one with `failed` wasn't; "
        "with any other it may have been.",
    )


class RunningList(BaseModel):
    items: list[RunningQuery]


class RunningListQuery(Request):
    """Which queries to list."""

    all: bool = Field(False, description="List everybody's instead of your own.")

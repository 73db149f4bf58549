"""What goes over the wire about connections, and between rooms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from ..governance.owned import OwnedThing
from ..governance.owned import Owner as Owner
from ..governance.owned import Share as Share
from ..governance.rights import Level, Reason, Thing

ConnectionName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$"),
    Field(
        description="How notebooks call it: lower-case letters, digits and underscores, "
        "a letter first, at most 63 characters.",
        examples=["warehouse"],
    ),
]


CredentialMode = Annotated[
    Literal["shared", "personal"],
    Field(
        description="`shared`: one sign-in for all who use the connection. `personal`: each user "
        "enters their own."
    ),
]


class Request(BaseModel):
    """Base of request bodies: unknown fields are an error, so that a typo is not ignored."""

    model_config = ConfigDict(extra="forbid")


class State(BaseModel):
    """What the last test or use of a connection said."""

    status: Literal["ok", "failed", "untested"] = "untested"
    message: str = ""
    checked_at: datetime | None = None


class CredentialState(BaseModel):
    """How it stands with a sign-in, without the sign-in itself."""

    status: Literal["ok", "missing", "expiring", "expired"] = Field(
        description="`expiring`: it ends within 14 days."
    )
    expires_at: datetime | None = None
    updated_at: datetime | None = None


class Connection(OwnedThing):
    """A connection as rooms hand it to each other: without secrets."""

    thing: ClassVar[Thing] = "connection"

    connector: str
    description: str = ""
    config: dict[str, Any]
    secrets_set: list[str] = Field(default=[])
    credentials: CredentialMode = "shared"
    state: State = State()


class ConnectionView(Connection):
    """A connection as one actor sees it.

    ``level`` is what they hold of it and ``reasons`` why, ``actions`` what they may do with it now,
    ``credential`` the state of the sign-in that their queries use. ``shares`` is empty for those who
    don't manage it.
    """

    level: Level
    reasons: list[Reason]
    actions: list[str]
    credential: CredentialState


class ConnectionCreate(Request):
    name: ConnectionName
    connector: str = Field(description="The kind of connector, from `GET /connectors`.")
    description: str = Field("", max_length=500)
    config: dict[str, Any] = Field(
        description="By the connector's schema; secrets included. With personal credentials, "
        "without the fields marked `login`."
    )
    credentials: CredentialMode = "shared"
    expires_at: datetime | None = Field(
        default=None, description="When the shared sign-in ends; there is a warning 14 days before."
    )


class ConnectionUpdate(Request):
    """What is left out stays; in ``config``, a secret that is left out stays too."""

    name: ConnectionName | None = None
    description: str | None = Field(None, max_length=500)
    config: dict[str, Any] | None = None
    credentials: CredentialMode | None = None
    expires_at: datetime | None = Field(
        default=None, description="When the shared sign-in ends; `null` takes the date away."
    )


class ConnectionTest(Request):
    connector: str
    config: dict[str, Any]
    credentials: CredentialMode = Field(
        "shared", description="With `personal`, what a sign-in leaves out is one's own stored one."
    )
    connection_id: str | None = Field(
        None, description="A saved connection whose stored secrets fill in what is left out."
    )


class TestResult(BaseModel):
    """What a test said. A source that refuses is an answer here, not an HTTP error."""

    __test__ = False  # not a test case, for pytest

    ok: bool
    message: str
    elapsed_ms: float
    server_version: str | None = None
    code: str | None = None
    details: dict[str, Any] = {}


class SchemaInfo(BaseModel):
    name: str
    tables: int | None = None


class TableInfo(BaseModel):
    schema_: str | None = Field(alias="schema", serialization_alias="schema")
    name: str
    kind: Literal["table", "view", "materialized view", "foreign table", "file"]
    comment: str | None = None

    model_config = ConfigDict(populate_by_name=True)


class ColumnInfo(BaseModel):
    name: str
    type: str
    nullable: bool = True
    comment: str | None = None


class ConnectorInfo(BaseModel):
    kind: str
    title: str
    description: str
    config_schema: dict[str, Any]
    supports_writes: bool
    supports_personal: bool = Field(
        description="Whether each user can have their own sign-in: the fields marked `login`."
    )


class ConnectorList(BaseModel):
    items: list[ConnectorInfo]


class ConnectionList(BaseModel):
    items: list[ConnectionView]


class SchemaList(BaseModel):
    items: list[SchemaInfo]


class TableList(BaseModel):
    items: list[TableInfo]


class ColumnList(BaseModel):
    items: list[ColumnInfo]


class ListQuery(Request):
    search: str = Field("", max_length=200)
    deleted: bool = False


class TablesQuery(Request):
    schema_: str | None = Field(None, alias="schema")


class ColumnsQuery(TablesQuery):
    table: str = Field(max_length=500)


class QueryRequest(Request):
    """One statement to run. ``sql`` takes parameters as ``:name``."""

    connection: str = Field(description="A connection's name or id.")
    sql: str
    params: dict[str, Any] | None = None
    row_limit: int | None = Field(default=None, ge=0, description="At most so many rows.")
    query_id: str | None = Field(
        default=None,
        pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$",
        description="A UUID of the client's choice, to cancel by.",
    )


class Cancelled(BaseModel):
    cancelled: bool


class RunningQuery(BaseModel):
    """A use of a connection that runs or waits now."""

    id: str = Field(description="To cancel it by.")
    actor: str
    connection: str = Field(description="Its name; empty for one that is tested and not saved.")
    connection_id: str
    kind: Literal["read", "write", "browse", "test"]
    statement: str = Field(
        description="As it was written, cut after 1000 characters; for a look into the catalog what "
        "it lists, for a test nothing."
    )
    state: Literal["waiting", "running"]
    since: datetime = Field(description="When it was asked for.")
    started_at: datetime | None = Field(description="When its turn came; `null` while it waits.")
    rows: int = Field(description="Rows that were sent so far.")
    bytes: int = Field(description="Bytes that were sent so far, as Arrow.")
    run_id: str | None = Field(
        default=None, description="The run of a pipeline that it belongs to."
    )


class RunningList(BaseModel):
    items: list[RunningQuery]


class RunningListQuery(Request):
    """Whose queries."""

    all: bool = Field(False, description="Everybody's instead of one's own.")

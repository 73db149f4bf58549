"""The models of connections, on the wire and between rooms."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from ..connectors.models import Capability
from ..gate.models import DialectName
from ..governance.owned.models import OwnedThing, OwnedView
from ..governance.owned.models import Owner as Owner
from ..governance.owned.models import Share as Share
from ..kit.request import Request

ConnectionName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$"),
    Field(
        description="Its name in notebooks: lower-case letters, digits and underscores, starting with a "
        "letter, at most 63 characters.",
        examples=["warehouse"],
    ),
]


CredentialMode = Annotated[
    Literal["shared", "personal"],
    Field(
        description="`shared`: the same for everyone who uses the connection. `personal`: each user "
        "enters their own."
    ),
]


class State(BaseModel):
    """The result of a connection's last test or use."""

    status: Literal["ok", "failed", "untested"] = "untested"
    message: str = ""
    checked_at: datetime | None = None


class CredentialState(BaseModel):
    """The status of credentials, without the credentials themselves."""

    status: Literal["ok", "missing", "expiring", "expired"] = Field(
        description="`expiring`: it expires within 14 days."
    )
    expires_at: datetime | None = None
    updated_at: datetime | None = None


class Connection(OwnedThing):
    """A connection as rooms pass it to each other, without secrets."""

    thing = "connection"
    plural = "connections"

    connector: str
    description: str = ""
    config: dict[str, Any]
    secrets_set: list[str] = Field(default=[])
    credentials: CredentialMode = "shared"
    routines: list[str] = Field(
        default=[],
        description="The functions and procedures of the database's own that statements may call.",
    )
    state: State = State()

    def search_text(self) -> str:
        """Its name, description and connector."""
        return f"{self.name} {self.description} {self.connector}"


class ConnectionView(OwnedView, Connection):
    """A connection as a given actor sees it, with the status of the credentials that their queries use.

    ``level`` is the actor's level and ``reasons`` where it comes from; ``actions`` is what they may do
    with it now. ``shares`` is empty for actors who don't manage it.
    """

    credential: CredentialState


class ConnectionCreate(Request):
    name: ConnectionName
    connector: str = Field(description="The kind of connector, from `GET /connectors`.")
    description: str = Field("", max_length=500)
    config: dict[str, Any] = Field(
        description="The configuration, as the connector's schema has it, with secrets. With personal "
        "credentials, without the fields marked `login`."
    )
    credentials: CredentialMode = "shared"
    expires_at: datetime | None = Field(
        default=None,
        description="When the shared credentials expire; a warning appears 14 days before.",
    )


class ConnectionUpdate(Request):
    """Changes to a connection. Omitted fields stay unchanged, and so do omitted secrets in ``config``."""

    name: ConnectionName | None = None
    description: str | None = Field(None, max_length=500)
    config: dict[str, Any] | None = None
    credentials: CredentialMode | None = None
    expires_at: datetime | None = Field(
        default=None, description="When the shared credentials expire; `null` removes the date."
    )


class RoutinesRequest(Request):
    """The functions and procedures of the database's own that statements may call."""

    routines: list[Annotated[str, StringConstraints(min_length=3, max_length=200)]] = Field(
        max_length=200,
        description="Their names as `schema.name`; in PostgreSQL several of one name with the types of "
        "their arguments: `schema.name(text, date)`. The list replaces the previous one.",
        examples=[["etl.load_sales", "etl.fx_rate"]],
    )

    def audit_target(self) -> str:
        """The names, as far as they fit."""
        text = ", ".join(self.routines) or "none"
        return text if len(text) <= 200 else f"{text[:199]}…"


class SqlInfo(BaseModel):
    """The SQL of a kind of source, for tools that display or write it."""

    dialect: DialectName
    sqlalchemy: str = Field(description="SQLAlchemy's name of the dialect.")
    quote_mark: str = Field(
        description="The mark that quotes names; inside a quoted name it is doubled."
    )
    reserved_words: list[str] = Field(
        description="Words that must be quoted when they name a table or column."
    )
    editor_language: str = Field(description="The MIME type of its language in an editor.")
    backslash_escapes: bool = Field(
        description="Whether a backslash escapes a quote in a plain text."
    )
    hash_comments: bool = Field(description="Whether `#` begins a comment.")
    nested_comments: bool = Field(description="Whether a block comment may contain another.")
    schemas: bool = Field(
        description="Whether a table's name may be qualified with its schema; a file is queried by its "
        "name alone."
    )


class ConnectorInfo(BaseModel):
    kind: str
    title: str
    description: str
    config_schema: dict[str, Any]
    capabilities: list[Capability] = Field(
        description="`sql`: run statements; `browse`: read the catalog; `load`: load rows into tables; "
        "`call`: call operations by name."
    )
    sql: SqlInfo | None = Field(description="`null` where no statements can be run.")
    supports_writes: bool
    supports_routines: bool = Field(
        description="Whether the owner of a connection can allow functions and procedures of the "
        "database's own."
    )
    supports_personal: bool = Field(
        description="Whether each user can have their own credentials: the fields marked `login`."
    )


class ConnectorList(BaseModel):
    items: list[ConnectorInfo]


class ConnectionList(BaseModel):
    items: list[ConnectionView]


class ConnectionListQuery(Request):
    search: str = Field("", max_length=200)
    deleted: bool = False

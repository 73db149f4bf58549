"""The models of limits, on the wire and between rooms."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from ...kit.request import Request

SubjectKind = Literal["everyone", "group", "user", "connection"]
LimitField = Literal["concurrent", "rows", "bytes", "seconds", "temp_bytes"]

FIELDS: tuple[LimitField, ...] = ("concurrent", "rows", "bytes", "seconds", "temp_bytes")

Concurrent = Annotated[
    int, Field(ge=1, le=1000, strict=True, description="Queries that may run at the same time.")
]
Rows = Annotated[int, Field(ge=1, le=10**12, strict=True, description="Rows of one answer.")]
Bytes = Annotated[int, Field(ge=1024, le=2**50, strict=True, description="Bytes of one answer.")]
Seconds = Annotated[
    float,
    Field(
        ge=0.1,
        le=7 * 24 * 3600,
        strict=True,
        allow_inf_nan=False,
        description="Seconds that one statement may run, not counting the time it waits.",
    ),
]
TempBytes = Annotated[
    int,
    Field(
        ge=0,
        le=2**50,
        strict=True,
        description="Bytes of temporary files of one statement, if the connector can enforce it; 0 "
        "allows none.",
    ),
]


class LimitValues(BaseModel):
    """Limits; `null` leaves one unset."""

    concurrent: int | None
    rows: int | None
    bytes: int | None
    seconds: float | None
    temp_bytes: int | None


class LimitRequest(Request):
    """Replaces the limits of a subject."""

    kind: SubjectKind
    subject: str = Field(
        "",
        max_length=255,
        description="A group's or user's name, a connection's name or id; empty for everyone.",
    )
    concurrent: Concurrent | None = None
    rows: Rows | None = None
    bytes: Bytes | None = None
    seconds: Seconds | None = None
    temp_bytes: TempBytes | None = None

    def values(self) -> LimitValues:
        """The limits alone."""
        return LimitValues(**{name: getattr(self, name) for name in FIELDS})

    def audit_target(self) -> str:
        """The subject and its new limits."""
        given = self.values().model_dump(exclude_none=True)
        values = ", ".join(f"{name} {value}" for name, value in given.items())
        return f"{self.kind}/{self.subject}: {values}" if self.subject else f"{self.kind}: {values}"


class LimitRow(LimitValues):
    """The limits of one subject."""

    kind: SubjectKind
    subject: str
    updated_by: str
    updated_at: datetime


class LimitView(LimitRow):
    """A row as administrators see it."""

    name: str | None = Field(
        description="The subject's name: for a connection its name instead of its id, or `null` if it "
        "is deleted."
    )


class StartLimits(BaseModel):
    """The limits where no row sets one: the settings of the service."""

    concurrent: int
    rows: int
    bytes: int
    seconds: float
    temp_bytes: int


class LimitList(BaseModel):
    """All rows, and the limits of the whole Workbench."""

    items: list[LimitView]
    settings: StartLimits
    total: int = Field(description="Queries of all users that may run at the same time: a setting.")
    running: int = Field(description="Queries that run now.")
    waiting: int = Field(description="Queries that wait now.")


class LimitSource(BaseModel):
    """Where a limit comes from."""

    kind: Literal["everyone", "group", "user", "settings"]
    name: str = Field("", description="The group's or user's name.")


class LimitValue(BaseModel):
    """A limit in force, and where it comes from."""

    value: int | float
    source: LimitSource


class ConnectionLimits(LimitValues):
    """A connection with its own limits, which apply in addition to your own."""

    connection_id: str
    connection: str
    running: int = Field(description="Queries of all users that run on it now.")


class OwnLimits(BaseModel):
    """Your own limits, and how much of them you use now."""

    concurrent: LimitValue
    rows: LimitValue
    bytes: LimitValue
    seconds: LimitValue
    temp_bytes: LimitValue
    running: int = Field(description="Your own queries that run now.")
    waiting: int = Field(description="Your own queries that wait now.")
    queue_wait: float = Field(description="The maximum time that a query waits, in seconds.")
    connections: list[ConnectionLimits]


@dataclass(frozen=True)
class QueryLimits:
    """The limits of one user's query on one connection.

    Attributes:
        concurrent: the user's concurrent queries.
        on_connection: all users' concurrent queries on this connection; ``None`` for no limit.
        rows: rows of the answer.
        bytes: bytes of the answer, as Arrow.
        seconds: how long the statement may run.
        temp_bytes: bytes of temporary files.
    """

    concurrent: int
    on_connection: int | None
    rows: int
    bytes: int
    seconds: float
    temp_bytes: int

"""Limits as they go over the wire and between rooms."""

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
    """Limits; what is `null` isn't said here."""

    concurrent: int | None
    rows: int | None
    bytes: int | None
    seconds: float | None
    temp_bytes: int | None


class LimitRequest(Request):
    """Sets the limits of a subject, in place of all that it had."""

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
        """Whose limits, and what they become."""
        said = self.values().model_dump(exclude_none=True)
        values = ", ".join(f"{name} {value}" for name, value in said.items())
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
    """What holds where no row says otherwise: the settings of the service."""

    concurrent: int
    rows: int
    bytes: int
    seconds: float
    temp_bytes: int


class LimitList(BaseModel):
    """All rows, and what holds for the whole Workbench."""

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
    """A connection with limits of its own, which hold on top of one's own limits."""

    connection_id: str
    connection: str
    running: int = Field(description="Queries of all users that run on it now.")


class OwnLimits(BaseModel):
    """What holds for oneself, and what one takes of it now."""

    concurrent: LimitValue
    rows: LimitValue
    bytes: LimitValue
    seconds: LimitValue
    temp_bytes: LimitValue
    running: int = Field(description="Your own queries that run now.")
    waiting: int = Field(description="Your own queries that wait now.")
    queue_wait: float = Field(description="Seconds that a query waits at most.")
    connections: list[ConnectionLimits]


@dataclass(frozen=True)
class QueryLimits:
    """What one query of one person on one connection may take.

    Attributes:
        concurrent: queries of this person at the same time.
        on_connection: queries of everybody on this connection at the same time; ``None``: as many
            as there are.
        rows: of the answer.
        bytes: of the answer, as Arrow.
        seconds: that the statement may run.
        temp_bytes: of temporary files.
    """

    concurrent: int
    on_connection: int | None
    rows: int
    bytes: int
    seconds: float
    temp_bytes: int

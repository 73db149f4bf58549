"""The models of limits, on the wire and between rooms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...kit.errors import SourceTimeout, TooLarge
from ...kit.request import Request

SubjectKind = Literal["everyone", "group", "user", "connection"]
LimitField = Literal["concurrent", "rows", "bytes", "seconds", "temp_bytes"]

FIELDS: tuple[LimitField, ...] = ("concurrent", "rows", "bytes", "seconds", "temp_bytes")

Work = Annotated[
    Literal["interactive", "runs"],
    Field(
        description="What is limited: `interactive` queries, for whose answer a user waits, or those of "
        "`runs` of pipelines, in tasks and in their notebooks."
    ),
]

SHARED: Final[frozenset[LimitField]] = frozenset({"concurrent", "temp_bytes"})
"""The limits that protect a source or a disk: where no row for runs sets one, the interactive one holds.

The others protect a user from waiting, which nobody does for a run: its task's own timeout holds.
"""

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
    """Replaces the limits of a subject, for interactive queries or for runs."""

    work: Work = "interactive"
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
        subject = f"{self.kind}/{self.subject}" if self.subject else self.kind
        return f"{subject}, runs: {values}" if self.work == "runs" else f"{subject}: {values}"


class RemovalQuery(BaseModel):
    """Which of a subject's limits to remove."""

    model_config = ConfigDict(extra="forbid")

    work: Work = "interactive"


class LimitRow(LimitValues):
    """The limits of one subject, for one kind of work."""

    work: Work = "interactive"
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
    run_settings: StartLimits = Field(description="The same, for runs.")
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

    work: Work
    connection_id: str
    connection: str
    running: int = Field(description="Queries of all users that run on it now.")


class LimitsInForce(BaseModel):
    """A user's limits, each with its source."""

    concurrent: LimitValue
    rows: LimitValue
    bytes: LimitValue
    seconds: LimitValue
    temp_bytes: LimitValue


class OwnLimits(LimitsInForce):
    """Your own limits, and how much of them you use now."""

    runs: LimitsInForce = Field(description="The limits of queries in runs with your rights.")
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
        work: what they limit.
        origins: where each comes from, as the end of a sentence.
    """

    concurrent: int
    on_connection: int | None
    rows: int
    bytes: int
    seconds: float
    temp_bytes: int
    work: Work = "interactive"
    origins: Mapping[LimitField, str] = field(default_factory=dict)

    def too_slow(self) -> SourceTimeout:
        """The error for a statement that took too long."""
        return SourceTimeout(
            f"The statement took longer than {_duration(self.seconds)}, {self.origins['seconds']}.",
            code="timeout",
            limit="seconds",
            seconds=self.seconds,
        )

    def too_many_rows(self) -> TooLarge:
        """The error for an answer with too many rows."""
        return TooLarge(
            f"The result exceeds {self.rows:,} rows, {self.origins['rows']}. Narrow the query or "
            "add a LIMIT.",
            code="over_limit",
            limit=self.rows,
        )

    def too_many_bytes(self) -> TooLarge:
        """The error for an answer with too many bytes."""
        large = self.bytes >= 2**20
        size = f"{self.bytes / 2**20:,.0f} MiB" if large else f"{self.bytes:,} bytes"
        return TooLarge(
            f"The result exceeds {size}, {self.origins['bytes']}. Narrow the query or add a LIMIT.",
            code="over_limit",
            limit=self.bytes,
        )


def _duration(seconds: float) -> str:
    """A duration for a message."""
    return f"{seconds:,.0f} s" if seconds >= 10 else f"{seconds:g} s"

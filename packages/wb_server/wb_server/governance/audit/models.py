"""Audit rows on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ...kit.endpoint import Outcome

Event = Literal["started", "finished", "refused"]


class AuditRow(BaseModel):
    """One row. An access has two: ``started`` before data flows, ``finished`` after.

    Both carry the same ``record``; for a query that is its query id. A refusal is one row.
    """

    id: int
    record: str
    at: datetime
    event: Event
    actor: str | None = Field(description="Who did it; empty for a request without a valid token.")
    address: str = Field(description="The address that the request came from.")
    via: str = Field(
        description=(
            "How the request was authenticated: with a token, from one of the user's servers, or "
            "with a JWT of an issuer."
        )
    )
    request_id: str
    action: str
    connection_id: str | None = None
    target: str | None = Field(None, description="What the action was about, by name.")
    statement: str | None = None
    rows: int | None = None
    bytes: int | None = None
    duration_ms: float | None = None
    outcome: Outcome | None = None
    code: str | None = Field(None, description="The error's code, if it failed.")


class AuditPage(BaseModel):
    items: list[AuditRow]
    next_cursor: str | None = None


class AuditAction(BaseModel):
    """An action of the log, in words."""

    name: str
    title: str
    recorded: bool = Field(
        description="Whether it is recorded when it is done; others only when they are refused."
    )


class AuditActionList(BaseModel):
    items: list[AuditAction]


class OwnAuditQuery(BaseModel):
    """Filters. ``search`` looks in statements, targets and actions."""

    model_config = ConfigDict(extra="forbid")

    search: str = Field("", max_length=200)
    since: datetime | None = None
    until: datetime | None = None
    action: str | None = None
    event: Event | None = None
    outcome: Outcome | None = None
    cursor: str | None = None
    limit: int = Field(100, ge=1, le=1000)


class AuditQuery(OwnAuditQuery):
    """The same filters, and the user."""

    user: str | None = None


class ExportQuery(BaseModel):
    """The period to export: ``since`` is included, ``until`` is not."""

    model_config = ConfigDict(extra="forbid")

    since: datetime | None = None
    until: datetime | None = None


class ExportedRow(AuditRow):
    """A row with its MAC and seal, by which it can be verified."""

    mac: str | None = Field(None, description="The row's MAC.")
    seal: int | None = Field(None, description="The seal that covers the row.")


class Checkpoint(BaseModel):
    """Where the chain ended at some time, to be kept where the service can't change it."""

    model_config = ConfigDict(extra="forbid")

    seal: int = Field(ge=1)
    hash: str
    rows: int = Field(ge=0, description="How many rows are sealed up to here.")
    at: datetime

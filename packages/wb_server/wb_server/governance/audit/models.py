"""Audit rows as they go over the wire."""

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
    actor: str | None = Field(description="Who; nobody for a request without a valid token.")
    address: str = Field(description="The address that the request came from.")
    via: str = Field(description="What carried it: a token of theirs, or which of their servers.")
    request_id: str
    action: str
    connection_id: str | None = None
    target: str | None = Field(None, description="The name of what was acted on.")
    statement: str | None = None
    rows: int | None = None
    bytes: int | None = None
    duration_ms: float | None = None
    outcome: Outcome | None = None
    code: str | None = Field(None, description="The error's code, where it failed.")


class AuditPage(BaseModel):
    items: list[AuditRow]
    next_cursor: str | None = None


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
    """The same, and whose."""

    user: str | None = None

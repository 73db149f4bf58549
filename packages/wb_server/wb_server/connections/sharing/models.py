"""Sharing as it goes over the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, Field

from ...governance.rights import Level, Reason
from ..models import Owner, Request, Share


class ShareRequest(Request):
    """Gives a user or a group a level, in place of the one that they had."""

    kind: Literal["user", "group"]
    name: str = Field(min_length=1, max_length=255)
    level: Level

    def audit_target(self) -> str:
        """Who gets what."""
        return f"{self.kind}/{self.name}: {self.level}"


class OwnerRequest(Request):
    """The new owner: a user, or a team account (a group)."""

    kind: Literal["user", "team"]
    name: str = Field(min_length=1, max_length=255)

    def audit_target(self) -> str:
        """Who gets it."""
        return f"{self.kind}/{self.name}"


class PersonAccess(BaseModel):
    """What one user holds of a connection, and why, the highest level first."""

    name: str
    level: Level
    reasons: list[Reason]
    may_use: bool = Field(description="False for who has no role yet: a level alone gives nothing.")


class Access(BaseModel):
    """Whom a connection is shared with, and who that comes to now."""

    owner: Owner
    shares: list[Share]
    people: list[PersonAccess]

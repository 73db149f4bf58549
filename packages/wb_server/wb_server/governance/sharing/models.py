"""Sharing as it goes over the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ...kit.action import Level
from ..owned import Owner, Share
from ..rights import Reason


class ShareRequest(BaseModel):
    """Gives a user or a group a level, in place of the one that they had."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["user", "group"]
    name: str = Field(min_length=1, max_length=255)
    level: Level = Field(
        description="Of a connection `use`, `write` or `manage`; of a pipeline `view`, `run`, `edit` "
        "or `manage`."
    )

    def audit_target(self) -> str:
        """Who gets what."""
        return f"{self.kind}/{self.name}: {self.level}"


class OwnerRequest(BaseModel):
    """The new owner: a user, or a team account (a group)."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["user", "team"]
    name: str = Field(min_length=1, max_length=255)

    def audit_target(self) -> str:
        """Who gets it."""
        return f"{self.kind}/{self.name}"


class PersonAccess(BaseModel):
    """What one user holds of the thing, and why, the highest level first."""

    name: str
    level: Level
    reasons: list[Reason]
    may_use: bool = Field(
        description="False for a user without a role: a level alone gives no access."
    )


class Access(BaseModel):
    """Whom the thing is shared with, and who that comes to now."""

    owner: Owner
    shares: list[Share]
    people: list[PersonAccess]

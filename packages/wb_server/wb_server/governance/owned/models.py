"""Owned things, as rooms hand them to each other, and their sharing as it goes over the wire."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

from ...kit import clock
from ...kit.action import Level, Thing
from ..rights import Reason


class Owner(BaseModel):
    """A user, or a team account (a Hub group)."""

    kind: Literal["user", "team"]
    name: str


class Share(BaseModel):
    """What a user, or each member of a group, holds of a thing."""

    kind: Literal["user", "group"]
    name: str
    level: Level


class OwnedThing(BaseModel):
    """What every such thing has.

    Attributes:
        thing: its kind, as rights and messages name it.
        plural: of that, as paths and topics name it.
    """

    thing: ClassVar[Thing]
    plural: ClassVar[str]

    id: str
    name: str
    owner: Owner
    shares: list[Share] = []
    version: int = 1
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None

    def changed(self, **fields: Any) -> Self:
        """Its next version, which differs in some fields."""
        return self.model_copy(
            update={**fields, "version": self.version + 1, "updated_at": clock.now()}
        )

    def search_text(self) -> str:
        """Where a search looks for its words."""
        return self.name


class OwnedView(OwnedThing):
    """A thing as one actor sees it.

    ``level`` is what they hold of it and ``reasons`` why, ``actions`` what they may do with it now.
    ``shares`` is empty for those who don't manage it.
    """

    level: Level
    reasons: list[Reason]
    actions: list[str]


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

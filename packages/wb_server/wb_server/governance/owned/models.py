"""Owned things, as rooms pass them to each other, and their sharing on the wire."""

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

    @property
    def hub_kind(self) -> Literal["user", "group"]:
        """What it is at the Hub, and in shares."""
        return "user" if self.kind == "user" else "group"


class Share(BaseModel):
    """The level that a user, or each member of a group, has on a thing."""

    kind: Literal["user", "group"]
    name: str
    level: Level


class OwnedThing(BaseModel):
    """Base of all owned things.

    Attributes:
        thing: its kind, as rights and messages name it.
        plural: the plural of its kind, as paths and topics name it.
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
        """Its next version, with these fields changed."""
        return self.model_copy(
            update={**fields, "version": self.version + 1, "updated_at": clock.now()}
        )

    def search_text(self) -> str:
        """The text that a search looks in."""
        return self.name


class OwnedView(OwnedThing):
    """A thing as one actor sees it.

    ``level`` is their level on it and ``reasons`` says why; ``actions`` are what they may do with it
    now. ``shares`` is empty for those who don't manage it.
    """

    level: Level
    reasons: list[Reason]
    actions: list[str]


class ShareRequest(BaseModel):
    """Gives a user or a group a level, replacing the one that they had."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["user", "group"]
    name: str = Field(min_length=1, max_length=255)
    level: Level = Field(
        description="`use`, `write` or `manage` for a connection; `view`, `run`, `edit` or `manage` "
        "for a pipeline."
    )

    def audit_target(self) -> str:
        """Who gets which level."""
        return f"{self.kind}/{self.name}: {self.level}"


class OwnerRequest(BaseModel):
    """The new owner: a user, or a team account (a group)."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["user", "team"]
    name: str = Field(min_length=1, max_length=255)

    def audit_target(self) -> str:
        """The new owner."""
        return f"{self.kind}/{self.name}"


class PersonAccess(BaseModel):
    """One user's level on the thing, and the reasons for it, the highest level first."""

    name: str
    level: Level
    reasons: list[Reason]
    may_use: bool = Field(
        description="False for a user without a role: a level alone gives no access."
    )


class Access(BaseModel):
    """Whom the thing is shared with, and which users have access as a result, as of now."""

    owner: Owner
    shares: list[Share]
    people: list[PersonAccess]

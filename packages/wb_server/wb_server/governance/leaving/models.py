"""What a user who leaves has, and to whom it passes, on the wire."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ...kit.action import Thing
from ..owned.models import Owner, OwnerRequest


class OwnedByLeaver(BaseModel):
    """A thing that the user owns."""

    thing: Thing = Field(description="Its kind, such as `connection`.")
    id: str
    name: str
    deleted: bool = Field(description="Whether it is deleted, and can still be restored.")


class Holdings(BaseModel):
    """What a user has."""

    name: str
    owns: list[OwnedByLeaver] = Field(description="What needs a new owner.")
    ends: dict[str, int] = Field(
        description="What ends with them, and how much of it there is, such as "
        "`shares of connections`."
    )


class LeaveRequest(BaseModel):
    """To whom everything passes that the user owns."""

    model_config = ConfigDict(extra="forbid")

    to: OwnerRequest | None = Field(
        None, description="A user or a team; may be left out if the user owns nothing."
    )

    def audit_target(self) -> str | None:
        """The new owner."""
        return self.to.audit_target() if self.to else None


class Left(Holdings):
    """What was transferred, and what has ended."""

    to: Owner | None

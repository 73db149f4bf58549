"""The actor's own identity and rights, on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from ..kit.action import Role


class Me(BaseModel):
    """The user who asks, as of now."""

    name: str
    roles: list[Role] = Field(description="Lowest first, including the roles that a role contains.")
    actions: list[str] = Field(description="Actions that they may do and that aren't on one thing.")
    mode: Literal["hub", "local"]


class EventsQuery(BaseModel):
    """Which topics to follow."""

    model_config = ConfigDict(extra="forbid")

    topics: str = Field(description="Names separated by commas: `connections`, `me`.")

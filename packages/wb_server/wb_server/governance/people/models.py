"""Users and groups on the wire."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Person(BaseModel):
    """A user or a group."""

    kind: Literal["user", "group"]
    name: str


class PeopleList(BaseModel):
    items: list[Person]
    more: bool = Field(description="Whether more match than are listed. If so, narrow the search.")


class PeopleQuery(BaseModel):
    """What to look for."""

    model_config = ConfigDict(extra="forbid")

    search: str = Field("", max_length=200)
    limit: int = Field(20, ge=1, le=100)

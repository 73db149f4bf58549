"""Actions: the rows of the table of rights, as the rooms declare them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Role = Literal["viewer", "analyst", "engineer", "admin"]
Level = Literal["use", "write", "view", "run", "edit", "manage"]

# A kind of thing that is owned and shared, as a room names it: ``connection``.
Thing = str


@dataclass(frozen=True)
class Action:
    """One row of the table of rights.

    Attributes:
        role: the lowest role that may do it; ``None``: everyone who is signed in.
        level: the level required on the thing; ``None``: the action isn't about one.
        scope: the scope that a token needs: a token with only ``read`` may do what is marked
            ``read``.
        title: in words, for docs and messages ("to …").
        thing: the kind of thing that the level is on.
        owner: whether only the thing's owner, or a member of the team that owns it, may do it. No
            share grants it, and no administrator has it without owning the thing.
    """

    role: Role | None
    level: Level | None
    scope: Literal["read", "use"]
    title: str
    thing: Thing = "connection"
    owner: bool = False

"""What somebody may do: one row of the table of rights, as a room declares it."""

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
        level: what must be held of the thing; ``None``: the action isn't about one.
        scope: what a token must not be narrowed below: a token with only ``read`` may do
            what is marked ``read``.
        title: in words, for docs and messages ("to …").
        thing: what the level is held of.
        owner: whether only its owner may, or a member of the team that owns it: no share gives it, and
            no administrator has it without owning the thing.
    """

    role: Role | None
    level: Level | None
    scope: Literal["read", "use"]
    title: str
    thing: Thing = "connection"
    owner: bool = False

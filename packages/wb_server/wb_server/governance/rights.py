"""Rights: who may do what, from the table of all rooms' actions (action x role x level on a thing).

Endpoints and the gate name an action; the table says who may do it. The permission tests and
``docs/rights.md`` are generated from it, so a right that no room declares does not exist.

Roles are Hub groups and include the ones before them: viewer < analyst < engineer < admin.
Levels are held on one thing and include the ones before them: use < write < manage for a connection,
view < run < edit < manage for a pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from ..kit.action import Action, Level, Role, Thing
from ..kit.actor import Actor
from ..kit.errors import Forbidden

ROLES: tuple[Role, ...] = ("viewer", "analyst", "engineer", "admin")
# Members of this Hub group may do nothing, whatever other groups they are in.
LOCKED_OUT = "locked-out"


class Owned(Protocol):
    """A thing that rights are checked on: it has an owner and shares."""

    @property
    def thing(self) -> Thing: ...
    @property
    def owner(self) -> OwnerLike: ...
    @property
    def shares(self) -> Sequence[ShareLike]: ...


class OwnerLike(Protocol):
    @property
    def kind(self) -> Literal["user", "team"]: ...
    @property
    def name(self) -> str: ...


class ShareLike(Protocol):
    @property
    def kind(self) -> Literal["user", "group"]: ...
    @property
    def name(self) -> str: ...
    @property
    def level(self) -> Level: ...


@dataclass(frozen=True)
class Reason:
    """Why a user holds a level on a thing: ``owner``, ``team``, ``admin``, ``user`` or ``group``.

    ``name`` is that of the team, the group or the user.
    """

    kind: Literal["owner", "team", "admin", "user", "group"]
    name: str
    level: Level


def roles_of(actor: Actor) -> list[Role]:
    """The actor's roles and those they include, lowest first; none for a user who is locked out."""
    if LOCKED_OUT in actor.groups:
        return []
    held = [index for index, role in enumerate(ROLES) if role in actor.groups]
    return list(ROLES[: max(held) + 1]) if held else []


class Rights:
    """Answers what an actor may do, by their groups as of now.

    Args:
        actions: the rows of the table by name, from ``rooms.py``.
        levels: the levels of each kind of thing, lowest first.
    """

    def __init__(
        self, actions: Mapping[str, Action], levels: Mapping[Thing, Sequence[Level]]
    ) -> None:
        self._actions = actions
        self.levels = levels

    def reasons(self, actor: Actor, thing: Owned) -> list[Reason]:
        """The reasons for the actor's levels on a thing, the highest level first.

        Its owner manages it, as do the members of the team that owns it and administrators; shares
        give their level to a user or to a group's members. A role counts as a group of everyone who
        has it or a higher one.
        """
        roles = roles_of(actor)
        groups = actor.groups.union(roles)
        found: list[Reason] = []
        owner = thing.owner
        if owner.kind == "user" and owner.name == actor.name:
            found.append(Reason("owner", owner.name, "manage"))
        if owner.kind == "team" and owner.name in groups:
            found.append(Reason("team", owner.name, "manage"))
        if "admin" in roles:
            found.append(Reason("admin", "admin", "manage"))
        found += [
            Reason(share.kind, share.name, share.level)
            for share in thing.shares
            if (share.name in groups if share.kind == "group" else share.name == actor.name)
        ]
        levels = self.levels[thing.thing]
        return sorted(found, key=lambda reason: -levels.index(reason.level))

    def level(self, actor: Actor, thing: Owned) -> Level | None:
        """The actor's highest level on a thing."""
        reasons = self.reasons(actor, thing)
        return reasons[0].level if reasons else None

    def may(self, actor: Actor, action: str, thing: Owned | None = None) -> bool:
        """Whether the actor may do it. An unknown action is never allowed."""
        row = self._actions.get(action)
        if row is None:
            return False
        if row.scope not in actor.scopes and "use" not in actor.scopes:
            return False
        if row.role is not None and row.role not in roles_of(actor):
            return False
        if row.level is None:
            return True
        if thing is None or thing.thing != row.thing:
            return False
        if row.owner:
            return self.owns(actor, thing)
        held = self.level(actor, thing)
        levels = self.levels[row.thing]
        return held is not None and levels.index(held) >= levels.index(row.level)

    def owns(self, actor: Actor, thing: Owned) -> bool:
        """Whether the actor, or a team that they are in, owns a thing."""
        return any(reason.kind in ("owner", "team") for reason in self.reasons(actor, thing))

    def allowed(self, actor: Actor, thing: Owned | None = None) -> list[str]:
        """All actions that the actor may do on a thing; without one, those that need no thing."""
        return [
            name
            for name, row in self._actions.items()
            if (row.level is None) == (thing is None) and self.may(actor, name, thing)
        ]

    def require(self, actor: Actor, action: str, thing: Owned | None = None) -> None:
        """Raises ``Forbidden``, naming what is missing, unless the actor may do it."""
        if self.may(actor, action, thing):
            return
        self.require_role(actor, action)
        row = self._actions[action]
        if row.owner:
            raise Forbidden(
                f"Only its owner may {row.title}. An administrator can transfer it.",
                code="owner_only",
                action=action,
            )
        raise Forbidden(
            f"You need the level “{row.level}” on it to {row.title}.",
            code="level_missing",
            action=action,
            level=row.level,
        )

    def require_role(self, actor: Actor, action: str) -> None:
        """Checks an action's role and the token's scope, before the thing is known.

        Raises:
            Forbidden: the role is missing, or the token is narrowed to less.
        """
        row = self._actions[action]
        if row.scope not in actor.scopes and "use" not in actor.scopes:
            raise Forbidden(
                f"This token may not be used to {row.title}.", code="token_narrowed", action=action
            )
        if row.role is not None and row.role not in roles_of(actor):
            raise Forbidden(
                f"You need the role “{row.role}” to {row.title}. An administrator can give it to "
                "you.",
                code="role_missing",
                action=action,
                role=row.role,
            )

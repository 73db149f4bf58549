"""Answers who an actor is and what they may do."""

from __future__ import annotations

from ..kit.actor import Actor
from .models import Me
from .rights import Rights, roles_of


class IdentityService:
    """Describes an actor to themselves."""

    def __init__(self, rights: Rights, *, mode: str) -> None:
        self._rights = rights
        self._mode = mode

    def me(self, actor: Actor) -> Me:
        """The actor's name, roles and rights."""
        return Me.model_validate(
            {
                "name": actor.name,
                "roles": roles_of(actor),
                "actions": self._rights.allowed(actor),
                "mode": self._mode,
            }
        )

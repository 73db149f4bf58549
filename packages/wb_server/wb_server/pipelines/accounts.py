"""Whose rights a run has: a user's or a team's, as they are now."""

from __future__ import annotations

from ..governance.people.service import PeopleService
from ..kit.actor import Actor
from ..kit.errors import Unprocessable


def account(people: PeopleService, run_as: str, via: str = "run") -> Actor:
    """The actor of a run.

    Args:
        run_as: ``user:<name>`` or ``team:<group>``.

    Raises:
        Unprocessable: there is no such user or group any more (``owner_gone``).
        Unavailable: the Hub doesn't answer.
    """
    kind, _, name = run_as.partition(":")
    if kind == "team":
        if not people.exists("group", name):
            raise Unprocessable(f"There is no group “{name}” any more.", code="owner_gone")
        # A team account works as an engineer who is in that group alone.
        return Actor(f"team:{name}", frozenset({name, "engineer"}), via=via)
    groups = people.users().get(name)
    if groups is None:
        raise Unprocessable(
            f"The owner “{name}” is not among the Hub's users any more.", code="owner_gone"
        )
    return Actor(name, groups, via=via)

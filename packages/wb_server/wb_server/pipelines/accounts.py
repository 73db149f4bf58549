"""Resolves whose rights a run uses, a user's or a team's, and checks that it may still use them.

The check runs when an attempt starts and repeats while it runs: in the meantime a user may be locked
out, leave a team, or lose the pipeline.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..governance.owned.models import Owner
from ..governance.people.service import PeopleService
from ..governance.rights import LOCKED_OUT, Rights
from ..kit.actor import Actor
from ..kit.errors import Conflict, Forbidden, Unprocessable
from .definition.models import PipelineFile
from .definitions import Definitions
from .models import Pipeline
from .store import PipelineStore, Standing

_WAY_OUT = "An administrator can transfer the pipeline."


def named(owner: Owner) -> str:
    """An owner as runs and versions record it: ``user:<name>`` or ``team:<group>``."""
    return f"{owner.kind}:{owner.name}"


def run_as(owner: Owner, definition: PipelineFile) -> str:
    """The account whose rights a run uses: the team named in the file, else the owner."""
    return f"team:{definition.team}" if definition.team is not None else named(owner)


class Accounts:
    """Turns the account of a run into an actor, from the Hub's current groups."""

    def __init__(
        self,
        people: PeopleService,
        rights: Rights,
        store: PipelineStore,
        definitions: Definitions,
    ) -> None:
        self._people = people
        self._rights = rights
        self._store = store
        self._definitions = definitions

    def actor(self, account: str, via: str = "run") -> Actor:
        """The actor for an account, with the rights that the account has now.

        Args:
            account: ``user:<name>`` or ``team:<group>``.

        Raises:
            Unprocessable: the user or group no longer exists (``owner_gone``), the user is locked out
                (``owner_locked_out``), or has no role that runs pipelines (``owner_role_missing``).
            Unavailable: the Hub doesn't answer.
        """
        kind, _, name = account.partition(":")
        if kind == "team":
            if not self._people.exists("group", name):
                raise Unprocessable(
                    f"The group “{name}” no longer exists. {_WAY_OUT}", code="owner_gone"
                )
            # A team account belongs to its group only and gets the lowest role that runs pipelines:
            # shares with a higher role aren't meant for it.
            return Actor(f"team:{name}", frozenset({name, "analyst"}), via=via)
        return self._user(name, via)

    def _user(self, name: str, via: str = "run") -> Actor:
        groups = self._people.groups_of(name)
        if groups is None:
            raise Unprocessable(
                f"“{name}”, whose rights this run uses, is no longer a user of the Hub. {_WAY_OUT}",
                code="owner_gone",
            )
        if LOCKED_OUT in groups:
            raise Unprocessable(
                f"“{name}”, whose rights this run uses, is locked out. {_WAY_OUT}",
                code="owner_locked_out",
            )
        actor = Actor(name, groups, via=via)
        try:
            self._rights.require_role(actor, "pipeline.run")
        except Forbidden as error:
            raise Unprocessable(
                f"“{name}”, whose rights this run uses, no longer has the role "
                f"“{error.details['role']}”. {_WAY_OUT}",
                code="owner_role_missing",
            ) from error
        return actor

    def of_run(self, run: Mapping[str, Any]) -> Actor:
        """The actor of a run, provided that it may still use the rights that it started with.

        Args:
            run: its ``id``, ``pipeline_id``, ``version`` and ``run_as``.

        Raises:
            Unprocessable: as for ``actor``; or the pipeline is deleted (``pipeline_deleted``), its owner
                changed (``owner_changed``) or hasn't approved this version (``not_approved``), or the
                approver has left the team whose rights the run uses (``team_left``).
            Unavailable: the Hub doesn't answer.
        """
        # First: the name may have passed to another user or group, which is then noticed.
        actor = self.actor(run["run_as"], f"run:{run['id']}")
        standing = self._store.standing(run["pipeline_id"], run["version"])
        if standing is None or standing.deleted:
            raise Unprocessable("The pipeline was deleted.", code="pipeline_deleted")
        definition = self._definitions.pipeline(run["pipeline_id"], run["version"])
        self._require_approval(standing, definition)
        if run_as(standing.owner, definition) != run["run_as"]:
            raise Unprocessable(
                f"The pipeline now belongs to {standing.owner.name}, but this run was started "
                "with someone else's rights. Start a new one.",
                code="owner_changed",
            )
        return actor

    def _require_approval(self, standing: Standing, definition: PipelineFile) -> None:
        """Raises unless the owner approved the version and may let it run as the file says."""
        if standing.approved_for != named(standing.owner):
            raise Unprocessable(
                f"Version {standing.number} would run with the rights of {standing.owner.name}, "
                "who did not approve it. The owner can approve the newest version under "
                "Versions.",
                code="not_approved",
            )
        owner = standing.owner
        if owner.kind == "user":
            self._user(owner.name)
        team = definition.team
        if team is None or (owner.kind == "team" and owner.name == team):
            return
        # The run may use the team's rights only because a member of the team approved it.
        approver = standing.approved_by or ""
        if not {team, "admin"} & self._user(approver).groups:
            raise Unprocessable(
                f"“{approver}”, who approved this version, is no longer in the group “{team}”, "
                "whose rights it uses. An administrator can transfer the pipeline to a member.",
                code="team_left",
            )


def not_approved(pipeline: Pipeline, number: int) -> Conflict:
    """The error of a version that its pipeline's owner never approved."""
    owner = pipeline.owner
    who = owner.name if owner.kind == "user" else f"a member of {owner.name}"
    way = f"Under Versions {who} can approve it."
    if number != pipeline.head:
        way = f"Restore it under Versions, and {who} can approve that one."
    return Conflict(
        f"Version {number} of “{pipeline.name}” would run with the rights of {owner.name}, who did not "
        f"approve it. {way}",
        code="not_approved",
        version=number,
        owner=owner.name,
    )

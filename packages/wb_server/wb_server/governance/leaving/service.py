"""Transfers at once what a user owns, and ends what gave them access."""

from __future__ import annotations

from typing import Any

from ...kit.actor import Actor
from ...kit.db import Database
from ...kit.endpoint import Origin, Outcome
from ...kit.errors import Conflict, Unprocessable, WorkbenchError
from ..audit.service import AuditService
from ..owned.models import Owner
from ..people.namesakes import Namesakes, end_holdings
from ..people.service import Holder, PeopleService
from ..rights import LOCKED_OUT
from .models import Holdings, LeaveRequest, Left, OwnedByLeaver


class LeavingService:
    """Everything about a user who leaves, except their account, which is the Hub's."""

    def __init__(
        self, database: Database, people: PeopleService, namesakes: Namesakes, audit: AuditService
    ) -> None:
        self._database = database
        self._people = people
        self._namesakes = namesakes
        self._audit = audit

    def holdings(self, name: str) -> Holdings:
        """What a user has, whether or not the Hub still knows them."""
        return self._holdings(name, self._owned(name))

    def _owned(self, name: str) -> list[tuple[Holder, list[Any]]]:
        return [(holder, holder.owned_by(name)) for holder in self._people.holders]

    def _holdings(self, name: str, owned: list[tuple[Holder, list[Any]]]) -> Holdings:
        owns = [
            OwnedByLeaver(
                thing=thing.thing,
                id=thing.id,
                name=thing.name,
                deleted=thing.deleted_at is not None,
            )
            for _, things in owned
            for thing in things
        ]
        return Holdings(name=name, owns=owns, ends=self._namesakes.holdings(name))

    def leave(self, actor: Actor, origin: Origin, name: str, request: LeaveRequest) -> Left:
        """Transfers all that a user owns, in one transaction with the end of what gave them access.

        Each transfer has a record of its own in the audit log. A pipeline with a new owner waits for
        their approval, as after every transfer.

        Raises:
            Unprocessable: there is no such new owner (``unknown_person``), they may not own anything
                (``locked_out``, ``leaves``), or none was named (``successor_needed``).
            Conflict: the actor themselves (``leaves``), or something was changed meanwhile.
        """
        if name == actor.name:
            raise Conflict("You can't remove yourself: ask another administrator.", code="leaves")
        owned = self._owned(name)
        before = self._holdings(name, owned)
        to = None if request.to is None else Owner(kind=request.to.kind, name=request.to.name)
        if to is not None:
            self._require_successor(name, to)
            self._transfer(actor, origin, name, owned, to)
        elif before.owns:
            raise Unprocessable(
                f"“{name}” owns {len(before.owns)} connections or pipelines. Name the user or the "
                "team that gets them.",
                code="successor_needed",
                field="to",
            )
        else:
            with self._database.write() as transaction:
                end_holdings(transaction, name)
        return Left(**before.model_dump(), to=to)

    def _require_successor(self, name: str, to: Owner) -> None:
        if to.kind == "user" and to.name == name:
            raise Unprocessable("Choose somebody who stays.", code="leaves", field="to")
        self._people.require_known(to.hub_kind, to.name, field="to")
        if to.name == LOCKED_OUT or (
            to.kind == "user" and LOCKED_OUT in (self._people.groups_of(to.name) or ())
        ):
            raise Unprocessable(
                f"“{to.name}” is locked out and can't own anything.", code="locked_out", field="to"
            )

    def _transfer(
        self,
        actor: Actor,
        origin: Origin,
        name: str,
        owned: list[tuple[Holder, list[Any]]],
        to: Owner,
    ) -> None:
        prepared = [(holder, holder.prepare_hand_over(things, to)) for holder, things in owned]
        records = [
            self._audit.started(
                actor, origin, f"{new.thing}.transfer", target=f"{new.id}/{to.kind}/{to.name}"
            )
            for _, changes in prepared
            for _, new in changes
        ]
        outcome: Outcome = "failed"
        code: str | None = "internal"
        try:
            with self._database.write() as transaction:
                for holder, changes in prepared:
                    holder.hand_over(transaction, changes)
                end_holdings(transaction, name)
            outcome, code = "ok", None
        except WorkbenchError as error:
            code = error.code
            raise
        finally:
            for record in records:
                self._audit.finished(record, outcome, code=code)
        for holder, changes in prepared:
            holder.handed_over(changes)

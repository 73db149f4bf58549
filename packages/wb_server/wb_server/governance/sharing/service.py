"""The rules of sharing: who gives whom what, and who ends up with which level."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Generic, Literal, TypeVar

from ...kit import clock
from ...kit.action import Thing
from ...kit.actor import Actor
from ...kit.errors import Conflict, Forbidden, InvalidInput, NotFound, Unprocessable
from ...kit.events import Bus
from ..owned import OwnedStore, OwnedThing, Owner, Share
from ..people.service import PeopleService
from ..rights import Rights
from .models import Access, OwnerRequest, PersonAccess, ShareRequest

_MAX_SHARES = 500
T = TypeVar("T", bound=OwnedThing)


class SharingService(Generic[T]):
    """Shares things of one kind. What it changes acts on the next request of everybody.

    Args:
        find: a living thing that the actor may see, by its id; raises ``NotFound``.
        topic: what is published after a change.

    Attributes:
        thing: their kind.
        uses: the action that the lowest level is for.
    """

    thing: ClassVar[Thing]
    uses: ClassVar[str]

    def __init__(
        self,
        find: Callable[[Actor, str], T],
        store: OwnedStore[T],
        rights: Rights,
        people: PeopleService,
        bus: Bus,
        topic: str,
    ) -> None:
        self._find = find
        self._store = store
        self._rights = rights
        self._people = people
        self._bus = bus
        self._topic = topic
        self._levels = rights.levels[self.thing]

    def access(self, actor: Actor, thing_id: str) -> Access:
        """Whom a thing is shared with, and which users that comes to.

        Raises:
            NotFound: there is none, or none that the actor may see.
            Forbidden: the actor doesn't manage it.
        """
        return self._access(self._managed(actor, thing_id, "share"))

    def share(self, actor: Actor, thing_id: str, request: ShareRequest) -> Access:
        """Gives a user or a group a level.

        Raises:
            NotFound, Forbidden: as for ``access``; ``above_own_level`` for more than one holds.
            Unprocessable: there is no such user or group (``unknown_person``), or they need no
                share: oneself (``share_with_oneself``), the owner (``is_owner``).
        """
        thing = self._managed(actor, thing_id, "share")
        if request.level not in self._levels:
            raise InvalidInput(
                f"level: a {self.thing} is shared at {', '.join(self._levels)}.",
                code="invalid_field",
                field="level",
            )
        held = self._rights.level(actor, thing)
        if held is None or self._levels.index(request.level) > self._levels.index(held):
            raise Forbidden(
                f"You hold “{held}” yourself, and can't give “{request.level}”.",
                code="above_own_level",
            )
        if request.kind == "user" and request.name == actor.name:
            raise Unprocessable(
                "You can't share with yourself: you have it already.",
                code="share_with_oneself",
                field="name",
            )
        owner = thing.owner
        if (owner.kind == "user") == (request.kind == "user") and owner.name == request.name:
            raise Unprocessable(
                f"“{owner.name}” owns this {self.thing} and needs no share.",
                code="is_owner",
                field="name",
            )
        self._require_known(request.kind, request.name)
        share = Share(kind=request.kind, name=request.name, level=request.level)
        if len(thing.shares) >= _MAX_SHARES:
            raise Conflict(
                f"A {self.thing} can have {_MAX_SHARES} shares: use a group.",
                code="too_many_shares",
            )
        with self._store.database.write() as transaction:
            self._store.share(transaction, thing.id, share, actor.name, clock.now())
        return self._changed(thing.id)

    def unshare(
        self, actor: Actor, thing_id: str, kind: Literal["user", "group"], name: str
    ) -> Access:
        """Takes a share back.

        Raises:
            NotFound: there is no such thing or share.
            Forbidden: the actor doesn't manage it.
        """
        thing = self._managed(actor, thing_id, "share")
        with self._store.database.write() as transaction:
            found = self._store.unshare(transaction, thing.id, kind, name)
        if not found:
            raise NotFound(
                f"“{thing.name}” is not shared with the {kind} “{name[:100]}”.",
                code="unknown_share",
            )
        return self._changed(thing.id)

    def transfer(self, actor: Actor, thing_id: str, request: OwnerRequest) -> Access:
        """Gives a thing another owner. The one before keeps what shares give them.

        Raises:
            NotFound, Forbidden: as for ``access``; only administrators may.
            Unprocessable: there is no such user or group (``unknown_person``).
            Conflict: somebody else changed the thing meanwhile.
        """
        thing = self._managed(actor, thing_id, "transfer")
        self._require_known("user" if request.kind == "user" else "group", request.name)
        changed = self._handed_over(thing, Owner(kind=request.kind, name=request.name)).model_copy(
            update={"version": thing.version + 1, "updated_at": clock.now()}
        )
        kind = "user" if request.kind == "user" else "group"
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, thing.version)
            self._store.unshare(transaction, thing.id, kind, request.name)
        return self._changed(thing.id)

    def _handed_over(self, thing: T, owner: Owner) -> T:
        """A thing as its new owner gets it."""
        return thing.model_copy(update={"owner": owner})

    def _managed(self, actor: Actor, thing_id: str, verb: str) -> T:
        thing = self._find(actor, thing_id)
        self._rights.require(actor, f"{self.thing}.{verb}", thing)
        return thing

    def _require_known(self, kind: Literal["user", "group"], name: str) -> None:
        if not self._people.exists(kind, name):
            raise Unprocessable(
                f"There is no {kind} “{name[:100]}” in the Hub.",
                code="unknown_person",
                field="name",
            )

    def _changed(self, thing_id: str) -> Access:
        self._bus.publish(self._topic)
        found = self._store.by_id(thing_id)
        assert found is not None
        return self._access(found)

    def _access(self, thing: T) -> Access:
        people = []
        for name, groups in sorted(self._people.users().items()):
            user = Actor(name, groups)
            reasons = self._rights.reasons(user, thing)
            if reasons:
                people.append(
                    PersonAccess(
                        name=name,
                        level=reasons[0].level,
                        reasons=reasons,
                        may_use=self._rights.may(user, self.uses, thing),
                    )
                )
        return Access(owner=thing.owner, shares=thing.shares, people=people)

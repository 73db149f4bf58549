"""The rules of sharing: who may give whom which level, and who ends up with which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Literal, TypeVar

from ...kit import clock
from ...kit.actor import Actor
from ...kit.errors import Conflict, Forbidden, InvalidInput, NotFound, Unprocessable
from ...kit.events import Bus
from ..people.service import PeopleService
from ..rights import Rights
from .models import Access, OwnedThing, PersonAccess, Share, ShareRequest
from .store import OwnedStore

_MAX_SHARES = 500
T = TypeVar("T", bound=OwnedThing)


class Sharing(Generic[T]):
    """Shares things of one kind. A change applies to everybody's next request.

    Args:
        require: returns an undeleted thing by its id if the actor may do the action of this verb on it.
    """

    def __init__(
        self,
        require: Callable[[Actor, str, str], T],
        store: OwnedStore[T],
        rights: Rights,
        people: PeopleService,
        bus: Bus,
    ) -> None:
        self._require = require
        self._store = store
        self._rights = rights
        self._people = people
        self._bus = bus
        self._thing = store.model.thing
        self._levels = rights.levels[self._thing]

    def access(self, actor: Actor, thing_id: str) -> Access:
        """Whom a thing is shared with, and which users have access as a result.

        Raises:
            NotFound: there is none, or none that the actor may see.
            Forbidden: the actor doesn't manage it.
        """
        return self.of(self._require(actor, thing_id, "share"))

    def share(self, actor: Actor, thing_id: str, request: ShareRequest) -> Access:
        """Gives a user or a group a level.

        Raises:
            NotFound, Forbidden: as for ``access``; ``above_own_level`` for a level above the actor's.
            Unprocessable: there is no such user or group (``unknown_person``), or they need no
                share: the actor (``share_with_oneself``), the owner (``is_owner``).
        """
        thing = self._require(actor, thing_id, "share")
        if request.level not in self._levels:
            raise InvalidInput(
                f"level: a {self._thing} can be shared at {', '.join(self._levels)}.",
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
                "You can't share with yourself: you already have access.",
                code="share_with_oneself",
                field="name",
            )
        owner = thing.owner
        if owner.hub_kind == request.kind and owner.name == request.name:
            raise Unprocessable(
                f"“{owner.name}” owns this {self._thing} and needs no share.",
                code="is_owner",
                field="name",
            )
        self._people.require_known(request.kind, request.name)
        share = Share(kind=request.kind, name=request.name, level=request.level)
        if len(thing.shares) >= _MAX_SHARES:
            raise Conflict(
                f"A {self._thing} can have {_MAX_SHARES} shares: use a group.",
                code="too_many_shares",
            )
        with self._store.database.write() as transaction:
            self._store.share(transaction, thing.id, share, actor.name, clock.now())
        return self._changed(thing.id)

    def unshare(
        self, actor: Actor, thing_id: str, kind: Literal["user", "group"], name: str
    ) -> Access:
        """Revokes a share.

        Raises:
            NotFound: there is no such thing or share.
            Forbidden: the actor doesn't manage it.
        """
        thing = self._require(actor, thing_id, "share")
        with self._store.database.write() as transaction:
            found = self._store.unshare(transaction, thing.id, kind, name)
        if not found:
            raise NotFound(
                f"“{thing.name}” is not shared with the {kind} “{name[:100]}”.",
                code="unknown_share",
            )
        return self._changed(thing.id)

    def of(self, thing: T) -> Access:
        """Whom a thing is shared with, without checking who asks."""
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
                        may_use=self._rights.may(user, f"{self._thing}.see", thing),
                    )
                )
        return Access(owner=thing.owner, shares=thing.shares, people=people)

    def _changed(self, thing_id: str) -> Access:
        self._bus.publish(self._store.model.plural)
        found = self._store.by_id(thing_id)
        assert found is not None
        return self.of(found)

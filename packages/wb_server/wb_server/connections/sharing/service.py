"""The rules of sharing: who gives whom what, and who ends up with which level."""

from __future__ import annotations

from typing import Literal

from ...governance.people.service import PeopleService
from ...governance.rights import LEVELS, Rights
from ...kit import clock
from ...kit.actor import Actor
from ...kit.errors import Conflict, Forbidden, NotFound, Unprocessable
from ...kit.events import Bus
from ..models import Connection, Owner, Share
from ..service import ConnectionService
from ..store import ConnectionStore
from .models import Access, OwnerRequest, PersonAccess, ShareRequest

_MAX_SHARES = 500


class SharingService:
    """Shares connections. What it changes acts on the next request of everybody."""

    def __init__(
        self,
        connections: ConnectionService,
        store: ConnectionStore,
        rights: Rights,
        people: PeopleService,
        bus: Bus,
    ) -> None:
        self._connections = connections
        self._store = store
        self._rights = rights
        self._people = people
        self._bus = bus

    def access(self, actor: Actor, connection_id: str) -> Access:
        """Whom a connection is shared with, and which users that comes to.

        Raises:
            NotFound: there is none, or none that the actor may see.
            Forbidden: the actor doesn't manage it.
        """
        return self._access(self._managed(actor, connection_id, "connection.share"))

    def share(self, actor: Actor, connection_id: str, request: ShareRequest) -> Access:
        """Gives a user or a group a level.

        Raises:
            NotFound, Forbidden: as for ``access``; ``above_own_level`` for more than one holds.
            Unprocessable: there is no such user or group (``unknown_person``), or they need no
                share: oneself (``share_with_oneself``), the owner (``is_owner``).
        """
        connection = self._managed(actor, connection_id, "connection.share")
        held = self._rights.level(actor, connection)
        if held is None or LEVELS.index(request.level) > LEVELS.index(held):
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
        owner = connection.owner
        if (owner.kind == "user") == (request.kind == "user") and owner.name == request.name:
            raise Unprocessable(
                f"“{owner.name}” owns this connection and needs no share.",
                code="is_owner",
                field="name",
            )
        self._require_known(request.kind, request.name)
        share = Share(kind=request.kind, name=request.name, level=request.level)
        if len(connection.shares) >= _MAX_SHARES:
            raise Conflict(
                f"A connection can have {_MAX_SHARES} shares: use a group.", code="too_many_shares"
            )
        with self._store.database.write() as transaction:
            self._store.share(transaction, connection.id, share, actor.name, clock.now())
        return self._changed(connection.id)

    def unshare(
        self, actor: Actor, connection_id: str, kind: Literal["user", "group"], name: str
    ) -> Access:
        """Takes a share back.

        Raises:
            NotFound: there is no such connection or share.
            Forbidden: the actor doesn't manage it.
        """
        connection = self._managed(actor, connection_id, "connection.share")
        with self._store.database.write() as transaction:
            found = self._store.unshare(transaction, connection.id, kind, name)
        if not found:
            raise NotFound(
                f"“{connection.name}” is not shared with the {kind} “{name[:100]}”.",
                code="unknown_share",
            )
        return self._changed(connection.id)

    def transfer(self, actor: Actor, connection_id: str, request: OwnerRequest) -> Access:
        """Gives a connection another owner. The one before keeps what shares give them.

        Raises:
            NotFound, Forbidden: as for ``access``; only administrators may.
            Unprocessable: there is no such user or group (``unknown_person``).
            Conflict: somebody else changed the connection meanwhile.
        """
        connection = self._managed(actor, connection_id, "connection.transfer")
        self._require_known("user" if request.kind == "user" else "group", request.name)
        changed = connection.model_copy(
            update={
                "owner": Owner(kind=request.kind, name=request.name),
                "version": connection.version + 1,
                "updated_at": clock.now(),
            }
        )
        kind = "user" if request.kind == "user" else "group"
        with self._store.database.write() as transaction:
            self._store.update(transaction, changed, connection.version)
            self._store.unshare(transaction, connection.id, kind, request.name)
        return self._changed(connection.id)

    def _managed(self, actor: Actor, connection_id: str, action: str) -> Connection:
        connection = self._connections.saved(actor, connection_id)
        self._rights.require(actor, action, connection)
        return connection

    def _require_known(self, kind: Literal["user", "group"], name: str) -> None:
        if not self._people.exists(kind, name):
            raise Unprocessable(
                f"There is no {kind} “{name[:100]}” in the Hub.",
                code="unknown_person",
                field="name",
            )

    def _changed(self, connection_id: str) -> Access:
        self._bus.publish("connections")
        found = self._store.by_id(connection_id)
        assert found is not None
        return self._access(found)

    def _access(self, connection: Connection) -> Access:
        people = []
        for name, groups in sorted(self._people.users().items()):
            user = Actor(name, groups)
            reasons = self._rights.reasons(user, connection)
            if reasons:
                people.append(
                    PersonAccess(
                        name=name,
                        level=reasons[0].level,
                        reasons=reasons,
                        may_use=self._rights.may(user, "connection.read", connection),
                    )
                )
        return Access(owner=connection.owner, shares=connection.shares, people=people)

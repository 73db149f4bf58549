"""Users' own credentials for personal connections. Only the owner of a credential can change it."""

from __future__ import annotations

from ...governance.rights import Rights
from ...kit.actor import Actor
from ...kit.errors import NotFound
from ...kit.events import Bus
from ..configurations import Configurations, secrets_of
from ..models import ConnectionView
from ..service import ConnectionService
from .models import CredentialPut
from .safe import CredentialSafe, require_future
from .store import CredentialStore


class PersonalCredentials:
    """Stores and removes the actor's own credential."""

    def __init__(
        self,
        connections: ConnectionService,
        configurations: Configurations,
        safe: CredentialSafe,
        store: CredentialStore,
        rights: Rights,
        bus: Bus,
    ) -> None:
        self._connections = connections
        self._configurations = configurations
        self._safe = safe
        self._store = store
        self._rights = rights
        self._bus = bus

    def put(self, actor: Actor, connection_id: str, request: CredentialPut) -> ConnectionView:
        """Stores the actor's own credential, replacing the previous one.

        Raises:
            NotFound: there is no such connection, or the actor may not see it.
            Unprocessable: the connection's credentials are shared (``shared_credentials``).
            InvalidInput: a field is unknown or invalid; the date is in the past (``past_date``).
        """
        connection = self._connections.saved(actor, connection_id)
        self._rights.require(actor, "credential.own", connection)
        config = self._configurations.with_login(connection, request.login)
        require_future(request.expires_at)
        secrets = secrets_of(config, config.login_fields())
        with self._store.database.write() as transaction:
            self._safe.put(transaction, connection.id, actor.name, secrets, request.expires_at)
        self._bus.publish("connections")
        return self._connections.get(actor, connection.id)

    def remove(self, actor: Actor, connection_id: str) -> ConnectionView:
        """Removes the actor's own credential.

        Raises:
            NotFound: there is no such connection, or the actor has no credential for it.
        """
        connection = self._connections.saved(actor, connection_id)
        with self._store.database.write() as transaction:
            found = self._safe.drop(transaction, connection.id, actor.name)
        if not found:
            raise NotFound(
                f"You haven't entered credentials of your own for “{connection.name}”.",
                code="credential_missing",
            )
        self._bus.publish("connections")
        return self._connections.get(actor, connection.id)

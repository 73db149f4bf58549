"""Settings of connections that aren't saved yet, or are being edited."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from ..connections.configurations import Configurations
from ..connections.models import Connection
from ..connections.service import ConnectionService
from ..connectors.base import Connector, ConnectorConfig
from ..gate.permits import Permit
from ..gate.service import Gate
from ..governance.rights import Rights
from ..kit.actor import Actor
from .models import ConnectionTest


@dataclass(frozen=True)
class Settings:
    """What a request says of a connection, ready to be opened.

    Attributes:
        saved: the connection that is being edited.
        config: completed from what is stored of it.
    """

    connector: Connector
    saved: Connection | None
    permit: Permit
    config: ConnectorConfig


class Unsaved:
    """Completes such settings, for those who may use what they are completed from."""

    def __init__(
        self,
        connections: ConnectionService,
        configurations: Configurations,
        gate: Gate,
        rights: Rights,
    ) -> None:
        self._connections = connections
        self._configurations = configurations
        self._gate = gate
        self._rights = rights

    def complete(self, actor: Actor, request: ConnectionTest) -> Settings:
        """Completes a request's settings.

        Raises:
            NotFound, Forbidden: the actor may not change the connection that the request names, or
                may not test connections.
            InvalidInput: as for ``Configurations.complete``.
        """
        connector = self._configurations.connector(request.connector)
        saved = None
        if request.connection_id is not None:
            saved = self._connections.saved(actor, request.connection_id)
            self._rights.require(actor, "connection.update", saved)
        permit = self._gate.test(actor, None, query_id=str(uuid.uuid4()))
        config = self._configurations.complete(
            actor, connector, saved, request.credentials, request.config
        )
        return Settings(connector, saved, permit, config)

"""Which pipelines use a connection: who deletes it has to know."""

from __future__ import annotations

from ..connections.service import ConnectionService
from ..kit.actor import Actor
from .definitions import Definitions
from .models import Dependent, Dependents
from .runs.store import RunStore
from .store import PipelineStore


class DependentPipelines:
    """Finds the pipelines whose newest version, or the one that runs, uses a connection.

    Their files name connections; what their notebooks use is known from their runs.
    """

    def __init__(
        self,
        store: PipelineStore,
        runs: RunStore,
        definitions: Definitions,
        connections: ConnectionService,
    ) -> None:
        self._store = store
        self._runs = runs
        self._definitions = definitions
        self._connections = connections

    def of(self, actor: Actor, connection_id: str) -> Dependents:
        """The pipelines of all owners, by name: they fail, whoever may see them.

        Raises:
            NotFound: there is no such connection, or none that the actor may see.
        """
        connection = self._connections.saved(actor, connection_id)
        found = {
            pipeline_id
            for pipeline_id, number in self._store.mentions(connection.name)
            if connection.name in self._definitions.connections(pipeline_id, number)
        }
        found |= self._runs.users_of(connection.id)
        pipelines = [self._store.by_id(pipeline_id) for pipeline_id in found]
        items = [
            Dependent(id=each.id, name=each.name, owner=each.owner) for each in pipelines if each
        ]
        return Dependents(items=sorted(items, key=lambda item: item.name))

"""Whom pipelines are shared with, and who gets them."""

from __future__ import annotations

from ..governance.owned import Owner
from ..governance.people.service import PeopleService
from ..governance.rights import Rights
from ..governance.sharing.handlers import routes
from ..governance.sharing.models import Access, OwnerRequest
from ..governance.sharing.service import SharingService
from ..kit.actor import Actor
from ..kit.events import Bus
from .models import Pipeline
from .runs.service import RunService
from .service import PipelineService
from .store import PipelineStore


class PipelineSharing(SharingService[Pipeline]):
    """Shares pipelines."""

    thing = "pipeline"
    uses = "pipeline.see"

    def __init__(
        self,
        pipelines: PipelineService,
        runs: RunService,
        store: PipelineStore,
        rights: Rights,
        people: PeopleService,
        bus: Bus,
    ) -> None:
        super().__init__(pipelines.saved, store, rights, people, bus, "pipelines")
        self._pipelines = pipelines
        self._runs = runs

    def transfer(self, actor: Actor, thing_id: str, request: OwnerRequest) -> Access:
        """Gives a pipeline another owner. Runs that go on with the rights of the one before end.

        Raises: as for every thing.
        """
        before = self._find(actor, thing_id).owner
        access = super().transfer(actor, thing_id, request)
        if access.owner != before:
            self._runs.cancel_all(thing_id, actor.name)
        return access

    def _handed_over(self, thing: Pipeline, owner: Owner) -> Pipeline:
        same = thing.owner == owner
        return thing if same else self._pipelines.handed_over(thing, owner)


ROUTES = routes(PipelineSharing)

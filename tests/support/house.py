"""A Workbench in the test's process, with several users and a warehouse."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from wb_server.composition import Workbench, build
from wb_server.connections.models import ConnectionCreate
from wb_server.connections.service import ConnectionService
from wb_server.governance.owned.models import ShareRequest
from wb_server.governance.secrets import vault
from wb_server.kit.actor import Actor
from wb_server.pipelines.models import PipelineSave, PipelineView
from wb_server.pipelines.runs.models import ENDED, RunDetail, RunRequest
from wb_server.pipelines.runs.service import RunService
from wb_server.pipelines.schedules.service import ScheduleService
from wb_server.pipelines.service import PipelineService
from wb_server.settings import Settings

from .metadata import migrate_new
from .postgres import Cluster
from .wait import wait_for

ONE = "name: {name}\ntasks:\n  one: {{type: sql, connection: warehouse, statement: 'select 1 as n'}}\n"

# The groups that the Hub knows, with or without members.
_GROUPS = frozenset({"finance", "viewer", "analyst", "engineer", "admin"})


@dataclass
class Staff:
    """The users and their groups, in place of the Hub's directory."""

    groups_of: dict[str, frozenset[str]] = field(
        default_factory=lambda: {
            "ana": frozenset({"engineer"}),
            "ben": frozenset({"analyst"}),
            "cem": frozenset({"viewer"}),
            "eva": frozenset({"engineer", "finance"}),
            "root": frozenset({"admin"}),
        }
    )

    def users(self) -> dict[str, frozenset[str]]:
        return self.groups_of

    def groups(self) -> frozenset[str]:
        return _GROUPS.union(*self.groups_of.values())

    def refresh(self) -> None:
        """Does nothing: there is no cache."""


@dataclass
class House:
    """The Workbench and its users."""

    workbench: Workbench
    staff: Staff

    def __getitem__(self, name: str) -> Actor:
        return Actor(name, self.staff.groups_of[name])

    def get(self, kind: type[Any]) -> Any:
        return self.workbench.api.services.get(kind)

    @property
    def pipelines(self) -> PipelineService:
        return self.get(PipelineService)  # type: ignore[no-any-return]

    @property
    def runs(self) -> RunService:
        return self.get(RunService)  # type: ignore[no-any-return]

    @property
    def schedules(self) -> ScheduleService:
        return self.workbench.services.get(ScheduleService)

    def create(self, who: str, text: str, files: dict[str, bytes] | None = None) -> PipelineView:
        return self.pipelines.create(self[who], save(text, files))

    def share(self, who: str, pipeline_id: str, name: str, level: str, kind: str = "user") -> None:
        request = ShareRequest.model_validate({"kind": kind, "name": name, "level": level})
        self.pipelines.sharing.share(self[who], pipeline_id, request)

    def run(self, who: str, name: str, **parameters: Any) -> RunDetail:
        """Starts a run and waits for its end."""
        pipeline = self.pipelines.saved(self[who], name)
        run = self.runs.trigger(self[who], pipeline, RunRequest(parameters=parameters))
        wait_for(lambda: self.runs.get(self[who], run.id).state in ENDED, 30)
        return self.runs.get(self[who], run.id)


def save(text: str, files: dict[str, bytes] | None = None, **more: Any) -> PipelineSave:
    """The request with which a client saves a pipeline file."""
    encoded = {path: base64.b64encode(data).decode() for path, data in (files or {}).items()}
    return PipelineSave(text=text, files=encoded, **more)


@contextmanager
def house_at(folder: Path, postgres: Cluster) -> Iterator[House]:
    """A Workbench that runs tasks in this process; ana owns the connection ``warehouse``."""
    settings = Settings.from_environment(
        {"WB_DATA_DIR": str(folder), "WB_MODE": "local", "WB_ALLOW_LOOPBACK": "1"}
    )
    vault.generate(settings.key_path)
    migrate_new(settings.database)
    staff = Staff()
    workbench = build(settings, directory=staff)
    it = House(workbench, staff)
    made = it.get(ConnectionService).create(
        it["ana"],
        ConnectionCreate(name="warehouse", connector="postgres", config=postgres.config()),
    )
    for name, level in (("ben", "use"), ("eva", "write")):
        it.get(ConnectionService).sharing.share(
            it["ana"],
            made.id,
            ShareRequest.model_validate({"kind": "user", "name": name, "level": level}),
        )
    try:
        yield it
    finally:
        workbench.close()

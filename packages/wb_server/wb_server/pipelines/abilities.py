"""What a worker can run: one elsewhere may lack folders of the service's machine, or the Hub's servers."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from ..connections.configurations import Configurations
from ..connections.service import ConnectionService
from ..kit.actor import Actor
from ..kit.blobs import Blobs
from ..kit.db import Database
from ..kit.errors import WorkbenchError
from .definition.models import TaskSpec
from .definitions import Definitions
from .runs.tables import runs, task_runs

# Only looks up where a connection's files are; opens nothing.
_LOOKS_UP = Actor("", frozenset({"admin"}))


class Abilities:
    """Says what a worker lacks for a task.

    Args:
        blobs: in the service's folder, or in another one: those of pipelines, artifacts and executed
            notebooks are only in the service's.
        notebooks: whether it can start servers for notebooks.
    """

    def __init__(
        self,
        database: Database,
        definitions: Definitions,
        connections: ConnectionService,
        configurations: Configurations,
        blobs: Blobs,
        *,
        notebooks: bool,
    ) -> None:
        self._database = database
        self._definitions = definitions
        self._connections = connections
        self._configurations = configurations
        self._blobs = blobs
        self._shared = False
        self._notebooks = notebooks

    def everything(self) -> bool:
        """Whether it can run every task."""
        return self._notebooks and self._files()

    def _files(self) -> bool:
        # The service may mark its folder only after this worker has started.
        self._shared = self._shared or self._blobs.shared()
        return self._shared

    def limits(self) -> list[str]:
        """What it can't run, for its log."""
        found = [] if self._notebooks else ["notebooks (WB_NOTEBOOKS_URL isn't set)"]
        if not self._files():
            found.append(
                "tasks with files: notebooks, artifacts, connections to files that aren't here "
                "(WB_DATA_DIR isn't the service's folder)"
            )
        return found

    def lacks(self, task_run_id: str) -> str | None:
        """What this worker lacks for a task run, as a sentence; ``None`` if it can run it."""
        if self.everything():
            return None
        query = (
            sa.select(task_runs.c.task, runs.c.pipeline_id, runs.c.version)
            .join(runs, runs.c.id == task_runs.c.run_id)
            .where(task_runs.c.id == task_run_id)
        )
        with self._database.read() as transaction:
            row = transaction.execute(query).first()
        if row is None:
            return None
        try:
            spec = self._definitions.task(row.pipeline_id, row.version, row.task).spec
        except WorkbenchError:
            return None  # the attempt fails with the reason
        return self._lacking(spec)

    def _lacking(self, spec: TaskSpec) -> str | None:
        if spec.runs_user_code and not self._notebooks:
            return (
                "No worker that can start notebook servers has taken it yet: those here lack "
                "WB_NOTEBOOKS_URL."
            )
        if self._files():
            return None
        if spec.runs_user_code or spec.artifacts() or any(True for _ in spec.reads()):
            return (
                "No worker with the service's folder of files has taken it yet: those here have "
                "another WB_DATA_DIR."
            )
        for use in spec.uses():
            missing = self._missing(use.connection)
            if missing is not None:
                return (
                    f"No worker that has {missing}, the files of the connection “{use.connection}”, "
                    "has taken it yet."
                )
        return None

    def _missing(self, name: str) -> Path | None:
        """Where a connection's files would be, if they aren't on this machine."""
        try:
            connection = self._connections.find(_LOOKS_UP, name)
            field = self._configurations.connector(connection.connector).local_path
        except WorkbenchError:
            return None
        if field is None:
            return None
        path = Path(str(connection.config.get(field, "")))
        try:
            return None if path.exists() else path
        except OSError:
            return path

"""Parses saved versions of pipelines into definitions, and caches the recently used ones."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from threading import Lock
from typing import Any
from zoneinfo import ZoneInfo

from ..kit.blobs import Blobs
from ..kit.errors import InvalidInput, NotFound, Unprocessable
from .definition import parameters, templates
from .definition.check import load
from .definition.models import PipelineFile, Registry, TaskSpec
from .models import Version
from .store import PipelineStore

_MAX_CACHED = 256


class Snapshot(Mapping[str, bytes]):
    """The folder of a version: path -> content, read on access.

    Args:
        files: the stored files, by the keys of their blobs.
        new: files that aren't stored yet, instead of or besides those.
    """

    def __init__(
        self, blobs: Blobs, files: Mapping[str, str], new: Mapping[str, bytes] | None = None
    ) -> None:
        self._blobs = blobs
        self._new = dict(new or {})
        self._files = dict(files) | dict.fromkeys(self._new, "")

    def __getitem__(self, path: str) -> bytes:
        if path in self._new:
            return self._new[path]
        with self._blobs.open(self._files[path]) as file:
            return file.read()

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)


@dataclass(frozen=True)
class Plan:
    """A task of a version with what it needs to run."""

    pipeline: PipelineFile
    spec: TaskSpec
    timeout: float
    files: Mapping[str, bytes]

    @property
    def reads_outputs(self) -> bool:
        """Whether one of its expressions may read the outputs of other tasks.

        Raises:
            Unprocessable: an SQL file can't be read.
        """
        return any("tasks" in each.text for each in templates.of(self._whole))

    def resolved(self, scope: Mapping[str, Any]) -> TaskSpec:
        """The task with every expression replaced by its value.

        Raises:
            Unprocessable: an expression can't be computed, or an SQL file can't be read.
        """
        return templates.evaluated(self._whole, scope)

    @cached_property
    def _whole(self) -> TaskSpec:
        """The task with the text of its SQL files, which are read on first use."""
        return templates.with_files(self.spec, self.files)


class Definitions:
    """Reads versions. Thread-safe; versions never change, so the cache never goes stale."""

    def __init__(self, store: PipelineStore, blobs: Blobs, registry: Registry) -> None:
        self._store = store
        self._blobs = blobs
        self.registry = registry
        self._lock = Lock()
        self._cached: OrderedDict[tuple[str, int], tuple[PipelineFile, Version]] = OrderedDict()

    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the file, with all registered task types."""
        # Imported here because it takes 50 ms and is rarely needed.
        from .definition.schema import json_schema

        return json_schema(self.registry)

    def pipeline(self, pipeline_id: str, number: int) -> PipelineFile:
        """The definition of a version.

        Raises:
            NotFound: there is no such version.
            Unprocessable: this release can no longer read it (``unreadable_version``).
        """
        return self._version(pipeline_id, number)[0]

    def files(self, pipeline_id: str, number: int) -> Mapping[str, str]:
        """The folder of a version: path -> digest.

        Raises:
            NotFound, Unprocessable: as for ``pipeline``.
        """
        return self._version(pipeline_id, number)[1].files

    def connections(self, pipeline_id: str, number: int) -> frozenset[str]:
        """The names of the connections that a version uses; empty if it can't be read."""
        try:
            tasks = self.pipeline(pipeline_id, number).tasks
        except (NotFound, Unprocessable):
            return frozenset()
        return frozenset(use.connection for task in tasks.values() for use in task.uses())

    def contents(
        self, files: Mapping[str, str], new: Mapping[str, bytes] | None = None
    ) -> Mapping[str, bytes]:
        """The files of a folder, read on access: those that are stored, and new ones."""
        return Snapshot(self._blobs, files, new)

    def task(self, pipeline_id: str, number: int, task: str) -> Plan:
        """A task of a version.

        Raises:
            NotFound, Unprocessable: as for ``pipeline``; ``NotFound`` for an unknown task too.
        """
        definition, version = self._version(pipeline_id, number)
        spec = definition.tasks.get(task)
        if spec is None:
            raise NotFound(f"There is no task “{task}”.", code="unknown_task")
        timeout = definition.timeout_of(task) / timedelta(seconds=1)
        return Plan(definition, spec, timeout, Snapshot(self._blobs, version.files))

    def _version(self, pipeline_id: str, number: int) -> tuple[PipelineFile, Version]:
        key = (pipeline_id, number)
        with self._lock:
            cached = self._cached.get(key)
            if cached is not None:
                self._cached.move_to_end(key)
                return cached
        version = self._store.version(pipeline_id, number)
        if version is None:
            raise NotFound("There is no such version.", code="unknown_version")
        try:
            definition = load(version.text, self.registry)
        except InvalidInput as error:
            raise Unprocessable(
                f"Version {number} can no longer be read. {error.message}",
                code="unreadable_version",
            ) from error
        with self._lock:
            self._cached[key] = (definition, version)
            while len(self._cached) > _MAX_CACHED:
                self._cached.popitem(last=False)
        return definition, version


def run_scope(
    definition: PipelineFile, logical_at: datetime, trigger: str, run_id: str = ""
) -> dict[str, Any]:
    """The part of an expression's scope that describes the run: ``run`` and ``pipeline``."""
    local = logical_at.astimezone(_zone(definition))
    return {
        "run": {"id": run_id, "date": local.date(), "time": local.isoformat(), "trigger": trigger},
        "pipeline": {"name": definition.name},
    }


def start_of(definition: PipelineFile, day: date) -> datetime:
    """The moment that a run for a day is for: its beginning, in the schedule's time zone."""
    return datetime.combine(day, time.min, _zone(definition)).astimezone(UTC)


def _zone(definition: PipelineFile) -> ZoneInfo:
    return ZoneInfo(definition.schedule.timezone if definition.schedule else "UTC")


def scope_of(
    run: Mapping[str, Any], definition: PipelineFile, outputs: Mapping[str, Mapping[str, Any]]
) -> dict[str, Any]:
    """The scope in which the expressions of a run's tasks are evaluated.

    Args:
        run: its ``id``, ``logical_at``, ``trigger`` and ``parameters``.
        outputs: the outputs of the tasks that succeeded.
    """
    scope = run_scope(definition, run["logical_at"], run["trigger"], run["id"])
    scope["params"] = parameters.from_json(definition.parameters, run["parameters"])
    scope["tasks"] = {name: {"outputs": dict(values)} for name, values in outputs.items()}
    return scope

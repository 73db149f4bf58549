"""What every type of task is: a specification, and what runs it.

A type is one file in this folder: a pydantic ``Spec`` (from which the file's JSON Schema and the
reference page are made) and a ``TaskType``. ``docs/developers/add-a-task-type.md`` walks through one.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

from ...gate.lineage import TableUse
from ...kit.actor import Actor
from ...kit.endpoint import HangUp, Origin
from ...kit.failure import TaskFailed as TaskFailed
from ..definition.models import TaskSpec


@dataclass(frozen=True)
class Artifact:
    """A file that a task made, kept with its run.

    Attributes:
        name: unique in the task: letters, digits, ``_``, ``-``, ``.``.
        content: the bytes, or the path of a file whose content is taken over.
    """

    name: str
    media_type: str
    content: bytes | Path


@dataclass(frozen=True)
class StoredArtifact:
    """A file that another task of the run made.

    Attributes:
        size: in bytes.
        open: gives its content to read, from the beginning.
    """

    task: str
    name: str
    media_type: str
    size: int
    open: Callable[[], IO[bytes]] = field(repr=False)


@dataclass(frozen=True)
class TaskResult:
    """What a task answers: values for tasks that need it, and files."""

    outputs: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Sequence[Artifact] = ()


class TaskRecorder(Protocol):
    """Where an attempt's news go. Safe from any thread; every method is durable as it says."""

    def log(self, text: str) -> None:
        """Adds lines to the attempt's log; kept within a second."""

    def progress(self, done: int, total: int | None, text: str) -> None:
        """Says how far it is; shown within a second, only the last one is kept."""

    def kernel(self, reference: Mapping[str, Any]) -> None:
        """Keeps which kernel this attempt is about to use. Durable when it returns.

        Raises:
            Conflict: the attempt isn't current any more (``stale_attempt``).
        """

    def notebook(self, content: bytes, final: bool) -> None:
        """Keeps the executed notebook as it is now, in place of the one before."""

    def tables(self, direction: str, uses: Iterable[TableUse]) -> None:
        """Notes tables that were ``read`` or ``written``."""

    def artifacts(self, tasks: Iterable[str]) -> Sequence[StoredArtifact]:
        """What tasks of the run made that this one needs, in the order of the file, by name."""


@dataclass(frozen=True)
class Attempt:
    """One try of one task of one run, as its type sees it.

    Attributes:
        id: of this attempt; ``task_run_id`` stays the same over retries, and keys what may be done
            once only.
        number: 1 for the first try.
        fence: grows with every attempt of the task run; an older one may change nothing any more.
        actor: the owner of the pipeline, with the groups of now.
        deadline: by ``time.monotonic``; when it is over, ``hang_up`` fires.
        hang_up: fires when the attempt has to end: cancelled, out of time, or not current any more.
        files: the snapshot of the pipeline's folder, by path.
        kernels: what earlier attempts noted by ``recorder.kernel``: to be ended before any code runs.
    """

    id: str
    task_run_id: str
    run_id: str
    task: str
    pipeline: str
    number: int
    fence: int
    actor: Actor
    origin: Origin
    deadline: float
    hang_up: HangUp
    recorder: TaskRecorder
    files: Mapping[str, bytes] = field(default_factory=dict)
    kernels: Sequence[Mapping[str, Any]] = ()

    def seconds_left(self) -> float:
        """Until its deadline; at least 0."""
        return max(0.0, self.deadline - time.monotonic())


class TaskType(ABC):
    """A type of task. One instance lives as long as the worker and is used from many threads."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    Spec: ClassVar[type[TaskSpec]]

    @abstractmethod
    def run(self, spec: Any, attempt: Attempt) -> TaskResult:
        """Does it, and returns when it is done.

        Args:
            spec: the task as its ``Spec``, every expression in it replaced by its value.

        Raises:
            TaskFailed: with the reason.
            WorkbenchError: of a part that it uses; its code and message become the reason.
        """


def by_name(types: Iterable[TaskType]) -> Mapping[str, TaskType]:
    """The types by their ``name``."""
    return {each.name: each for each in types}

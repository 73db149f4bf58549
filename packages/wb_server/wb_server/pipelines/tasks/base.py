"""The base of task types: a spec, and a class that runs it.

A task type is one file in this folder: a pydantic ``Spec``, from which the JSON Schema and the reference
page are generated, and a ``TaskType``. ``docs/developers/add-a-task-type.md`` walks through one.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, ClassVar, Protocol

from ...gate.lineage import TableUse
from ...kit import clock
from ...kit.actor import Actor
from ...kit.endpoint import HangUp, Origin
from ...kit.failure import TaskFailed as TaskFailed
from ..definition.models import TaskSpec


@dataclass(frozen=True)
class Artifact:
    """A file that a task made, kept with its run.

    Attributes:
        name: unique in the task: letters, digits, ``_``, ``-``, ``.``.
        content: the bytes, or the path of a file to store.
    """

    name: str
    media_type: str
    content: bytes | Path


@dataclass(frozen=True)
class StoredArtifact:
    """A file that another task of the run made.

    Attributes:
        size: in bytes.
        open: opens its content for reading, from the beginning.
    """

    task: str
    name: str
    media_type: str
    size: int
    open: Callable[[], IO[bytes]] = field(repr=False)


@dataclass(frozen=True)
class TaskResult:
    """The result of a task: values and files for the tasks that need it.

    Attributes:
        note: what whoever looks at the run should know, though it succeeded; often nothing.
    """

    outputs: Mapping[str, Any] = field(default_factory=dict)
    artifacts: Sequence[Artifact] = ()
    note: str = ""


class TaskRecorder(Protocol):
    """Records what an attempt reports. Thread-safe; each method states when its data is stored."""

    def log(self, text: str) -> None:
        """Adds lines to the attempt's log; stored within a second."""

    def progress(self, done: int, total: int | None, text: str) -> None:
        """Reports progress; shown within a second, and only the latest is kept."""

    def kernel(self, reference: Mapping[str, Any]) -> None:
        """Records which kernel this attempt is about to use; durable when it returns.

        Raises:
            Conflict: the attempt is no longer current (``stale_attempt``).
        """

    def notebook(self, content: bytes, final: bool) -> None:
        """Stores the executed notebook in its current state, replacing the previous one."""

    def tables(self, direction: str, uses: Iterable[TableUse]) -> None:
        """Records tables that were ``read`` or ``written``, as ``direction`` says."""

    def artifacts(self, tasks: Iterable[str]) -> Sequence[StoredArtifact]:
        """The artifacts of other tasks of the run, in the order of the file, then by name."""


@dataclass(frozen=True)
class Attempt:
    """One try of one task of one run, as its type sees it.

    Attributes:
        id: the attempt's id.
        task_run_id: stays the same across retries; the key for effects that must happen only once.
        number: 1 for the first attempt.
        fence: grows with every attempt of the task run; an attempt with an older fence can't write.
        actor: the account whose rights the run uses, with its current groups.
        deadline: by ``clock.monotonic``; once it has passed, ``hang_up`` fires.
        hang_up: fires when the attempt must end: cancelled, out of time, or no longer current.
        files: the snapshot of the pipeline's folder, by path.
        kernels: the references that earlier attempts recorded with ``recorder.kernel``; those kernels
            must be ended before any code runs.
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
        """The seconds until the deadline, at least 0."""
        return max(0.0, self.deadline - clock.monotonic())


class TaskType(ABC):
    """A type of task. One instance lives as long as the worker and is used from many threads."""

    name: ClassVar[str]
    title: ClassVar[str]
    description: ClassVar[str]
    Spec: ClassVar[type[TaskSpec]]

    @abstractmethod
    def run(self, spec: Any, attempt: Attempt) -> TaskResult:
        """Runs the task to its end.

        Args:
            spec: the task's ``Spec``, with every expression replaced by its value.

        Raises:
            TaskFailed: with the reason.
            WorkbenchError: from a part that it uses; its code and message become the reason.
        """


def counted(number: int, noun: str) -> str:
    """A number of things for a log: ``1 row``, ``2 rows``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def by_name(types: Iterable[TaskType]) -> Mapping[str, TaskType]:
    """The types by their ``name``."""
    return {each.name: each for each in types}

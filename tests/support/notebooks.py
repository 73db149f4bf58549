"""Notebook tasks for tests: made from cells, run as a worker runs them, with what they recorded."""

from __future__ import annotations

import io
import json
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook

from wb_server.gate.lineage import TableUse
from wb_server.kit.actor import Actor
from wb_server.kit.endpoint import HangUp, Origin
from wb_server.pipelines.kernels.base import Kernels
from wb_server.pipelines.tasks.base import Artifact, Attempt, StoredArtifact, TaskFailed, TaskResult
from wb_server.pipelines.tasks.notebook import NotebookSpec, NotebookTask

KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def notebook(*cells: str | Any, kernel: str = "workbench-python") -> bytes:
    """The file content of a notebook with these cells."""
    made = [new_code_cell(cell) if isinstance(cell, str) else cell for cell in cells]
    book = new_notebook(cells=made, metadata={"kernelspec": KERNEL | {"name": kernel}})
    return nbformat.writes(book).encode()


def stored(task: str, name: str, content: bytes, media_type: str = "") -> StoredArtifact:
    """An artifact of another task."""
    return StoredArtifact(task, name, media_type, len(content), lambda: io.BytesIO(content))


@dataclass
class Recorded:
    """A recorder that keeps what an attempt records; ``made`` has the artifacts of earlier tasks."""

    lines: list[str] = field(default_factory=list)
    steps: list[tuple[int, int | None, str]] = field(default_factory=list)
    kernels: list[dict[str, Any]] = field(default_factory=list)
    saves: list[tuple[bytes, bool]] = field(default_factory=list)
    when_saved: Callable[[bytes], None] = lambda content: None
    made: list[StoredArtifact] = field(default_factory=list)

    def log(self, text: str) -> None:
        self.lines.append(text)

    def progress(self, done: int, total: int | None, text: str) -> None:
        self.steps.append((done, total, text))

    def kernel(self, reference: Mapping[str, Any]) -> None:
        self.kernels.append(json.loads(json.dumps(dict(reference))))

    def notebook(self, content: bytes, final: bool) -> None:
        self.saves.append((content, final))
        self.when_saved(content)

    def tables(self, direction: str, uses: Iterable[TableUse]) -> None:
        raise AssertionError("a notebook task records no tables")

    def artifacts(self, tasks: Iterable[str]) -> list[StoredArtifact]:
        return [each for each in self.made if each.task in tasks]

    @property
    def logged(self) -> list[str]:
        """The lines of the log."""
        return "\n".join(self.lines).split("\n")

    @property
    def last(self) -> Any:
        """The notebook as it was saved last."""
        content, final = self.saves[-1]
        assert final
        book = nbformat.reads(content.decode(), as_version=4)
        nbformat.validate(book)
        return book

    def text(self, cell: int = -1) -> str:
        """What a cell printed."""
        outputs = self.last.cells[cell].outputs
        return "".join(out.text for out in outputs if out.output_type == "stream")


@dataclass
class Attempts:
    """Attempts of notebook tasks, each with its own recorder."""

    kernels: Kernels
    user: str = "ana"
    temporary: Path = Path(tempfile.gettempdir())

    def attempt(
        self,
        files: Mapping[str, bytes],
        *,
        task_run: str | None = None,
        fence: int = 1,
        earlier: Iterable[Mapping[str, Any]] = (),
        seconds: float = 90,
    ) -> tuple[Attempt, Recorded]:
        """One attempt, of a new task run unless one is named."""
        recorded = Recorded()
        made = Attempt(
            id=uuid.uuid4().hex,
            task_run_id=task_run or uuid.uuid4().hex,
            run_id="run",
            task="transform",
            pipeline="nightly",
            number=fence,
            fence=fence,
            actor=Actor(self.user, frozenset({"engineer"})),
            origin=Origin("worker", "request"),
            deadline=time.monotonic() + seconds,
            hang_up=HangUp(),
            recorder=recorded,
            files=files,
            kernels=list(earlier),
        )
        return made, recorded

    def run(
        self,
        *cells: str | Any,
        files: Mapping[str, bytes] = {},
        made: Iterable[StoredArtifact] = (),
        **spec: Any,
    ) -> Ran:
        """Runs a notebook with these cells and waits for its end."""
        attempt, recorded = self.attempt({"n.ipynb": notebook(*cells), **files})
        recorded.made = list(made)
        return self.end(attempt, recorded, **spec)

    def end(self, attempt: Attempt, recorded: Recorded, **spec: Any) -> Ran:
        """Runs an attempt until it succeeds or fails."""
        asked = NotebookSpec(type="notebook", **({"notebook": "n.ipynb"} | spec))
        began = time.monotonic()
        try:
            result: TaskResult | TaskFailed = NotebookTask(self.kernels, self.temporary).run(
                asked, attempt
            )
        except TaskFailed as error:
            result = error
        return Ran(result, recorded, time.monotonic() - began)

    def begin(self, attempt: Attempt, recorded: Recorded, **spec: Any) -> Running:
        """Runs an attempt in a thread."""
        return Running(self, attempt, recorded, spec)


@dataclass
class Ran:
    """An ended attempt."""

    result: TaskResult | TaskFailed
    recorded: Recorded
    seconds: float

    @property
    def outputs(self) -> Mapping[str, Any]:
        """Its outputs; raises the error if it failed."""
        if isinstance(self.result, TaskFailed):
            raise self.result
        return self.result.outputs

    @property
    def artifacts(self) -> dict[str, Artifact]:
        """Its artifacts by name; raises the error if it failed."""
        if isinstance(self.result, TaskFailed):
            raise self.result
        return {each.name: each for each in self.result.artifacts}

    @property
    def error(self) -> TaskFailed:
        """Its error; asserts that it failed."""
        assert isinstance(self.result, TaskFailed), self.result
        return self.result


class Running:
    """An attempt that runs in a thread."""

    def __init__(
        self, attempts: Attempts, attempt: Attempt, recorded: Recorded, spec: Mapping[str, Any]
    ) -> None:
        self.attempt = attempt
        self.recorded = recorded
        self._ran: list[Ran] = []
        self._thread = threading.Thread(
            target=lambda: self._ran.append(attempts.end(attempt, recorded, **spec))
        )
        self._thread.start()

    def ended(self, seconds: float = 60) -> Ran:
        """Waits until it has ended."""
        self._thread.join(seconds)
        assert self._ran, "the attempt is still running"
        return self._ran[0]

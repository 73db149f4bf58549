"""The task type ``notebook``: runs a notebook of the pipeline's folder in its owner's server."""

from __future__ import annotations

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from ...kit.snapshot import pack
from ...user_server import files
from ..definition.fields import FileName, ParameterName, Value
from ..definition.models import TaskSpec, Timeout
from ..definition.uses import FileUse
from ..kernels.base import KernelRequest, Kernels, RunningKernel
from .base import Artifact, Attempt, StoredArtifact, TaskFailed, TaskResult, TaskType, counted
from .temporary import Temporary


class NotebookSpec(TaskSpec):
    """Runs a notebook of the pipeline's folder as its owner, and keeps the executed notebook."""

    runs_user_code: ClassVar[bool] = True

    type: Literal["notebook"]
    notebook: FileName = Field(
        description="The notebook, as a path in the pipeline's folder.",
        examples=["transform.ipynb"],
    )
    parameters: dict[ParameterName, Value] = Field(
        default={},
        max_length=100,
        description="Values for the notebook, set in a cell after the one tagged `parameters`, or "
        "in a first cell if none is. Never put a secret here: everyone who may see the run can read "
        "them.",
        examples=[{"period": "{{ params.period }}"}],
    )
    kernel: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = Field(
        None,
        description="The kernel to use instead of the notebook's own.",
        examples=["python3"],
    )
    cell_timeout: Timeout | None = Field(
        None, description="How long one cell may take, from `1s` to `7d`.", examples=["10m"]
    )
    ignore_command_errors: bool = Field(
        False,
        description="Whether a `!command` that exits with another status than 0 lets the notebook go "
        "on. By default it fails the cell, as an error in Python does.",
        examples=[True],
    )

    def files(self) -> Iterable[FileUse]:
        yield FileUse(self.notebook, ("notebook",))


class NotebookTask(TaskType):
    """The task type ``notebook``.

    Args:
        temporary: the folder for files that are to become artifacts.
    """

    name: ClassVar[str] = "notebook"
    title: ClassVar[str] = "Notebook"
    description: ClassVar[str] = (
        "Runs a notebook from the pipeline's folder, in the owner's own server."
    )
    Spec: ClassVar[type[TaskSpec]] = NotebookSpec

    def __init__(self, kernels: Kernels, temporary: Path) -> None:
        self._kernels = kernels
        self._temporary = Temporary(temporary)

    def run(self, spec: NotebookSpec, attempt: Attempt) -> TaskResult:
        """Runs the notebook to its end.

        Raises:
            TaskFailed: ``missing_notebook``, ``bad_notebook``, ``bad_parameter``,
                ``parameters_not_taken``, ``unknown_kernel``, ``kernel_did_not_start``,
                ``cell_failed``, ``cell_timeout``, ``kernel_died``, ``server_stopped``,
                ``connection_lost``, ``output_too_large``, ``outputs_too_large``, ``stopped``,
                ``inputs_too_large``, ``bad_output_file``, ``output_files_too_large``,
                ``output_changed``, and those of ``NotebookServers``.
        """
        return asyncio.run(self._run(spec, attempt))

    async def _run(self, spec: NotebookSpec, attempt: Attempt) -> TaskResult:
        content = attempt.files.get(spec.notebook)
        if content is None:
            raise TaskFailed(
                "missing_notebook",
                f"The pipeline's folder has no {spec.notebook}.",
                retry=False,
                notebook=spec.notebook,
            )
        # These imports take seconds, and most processes never run a notebook.
        from ..kernels.driver import Driver
        from ..kernels.notebookfile import kernel_of, read

        notebook = read(content, spec.notebook)
        kernel_name = spec.kernel or kernel_of(notebook, spec.notebook)
        stop = _stop_event(attempt)
        inputs = await asyncio.to_thread(attempt.recorder.artifacts, spec.needs)
        files.check_inputs([each.size for each in inputs])
        for earlier in attempt.kernels:
            await self._kernels.end(earlier)
        user = attempt.actor.name
        folder = spec.notebook.rpartition("/")[0]
        await asyncio.to_thread(attempt.recorder.kernel, self._kernels.reference(attempt.id, user))
        request = KernelRequest(
            attempt_id=attempt.id,
            task_run=attempt.task_run_id,
            fence=attempt.fence,
            user=user,
            kernel_name=kernel_name,
            snapshot=pack(
                {path: attempt.files[path] for path in files.without(attempt.files, folder)}
            ),
            folder=folder,
            deadline=attempt.deadline,
            hang_up=attempt.hang_up,
            log=attempt.recorder.log,
        )
        kernel = await _unless(stop, self._kernels.start(request))
        succeeded = False
        try:
            await _unless(stop, _put_inputs(inputs, kernel, attempt))
            driver = Driver(
                notebook,
                kernel,
                save=attempt.recorder.notebook,
                progress=attempt.recorder.progress,
                write=attempt.recorder.log,
                cell_seconds=spec.cell_timeout.total_seconds() if spec.cell_timeout else 0.0,
                fail_on_command=not spec.ignore_command_errors,
            )
            await driver.run(spec.parameters, stop)
            artifacts = await _unless(stop, self._collected(kernel, attempt))
            succeeded = True
        finally:
            await asyncio.shield(kernel.end(now=not succeeded))
        return TaskResult(driver.outputs, artifacts, driver.note)

    async def _collected(self, kernel: RunningKernel, attempt: Attempt) -> list[Artifact]:
        """Fetches the files that the notebook left in ``outputs``, before the kernel's folder goes."""
        found = files.check_outputs(await kernel.outputs())
        if not found:
            return []
        with self._temporary.files() as folder:
            for each in found:
                await kernel.fetch(each, folder.path / each.name)
                attempt.recorder.log(f"{counted(each.size, 'byte')} into the artifact {each.name}")
            return folder.artifacts(
                Artifact(each.name, files.media_type(each.name), folder.path / each.name)
                for each in found
            )


async def _put_inputs(
    inputs: Iterable[StoredArtifact], kernel: RunningKernel, attempt: Attempt
) -> None:
    """Writes the artifacts of the needed tasks to the kernel's folder."""
    by_task: defaultdict[str, list[StoredArtifact]] = defaultdict(list)
    for each in inputs:
        by_task[each.task].append(each)
    for task, made in by_task.items():
        taken = {each.name for each in made}
        for each in made:
            name = files.file_name(each.name, each.media_type, taken)
            with each.open() as content:
                await kernel.put(task, name, content, each.size)
            attempt.recorder.log(f"{files.INPUTS}/{task}/{name}: {each.size:,} bytes")


def _stop_event(attempt: Attempt) -> asyncio.Event:
    """An event that is set when the attempt must end, from any thread."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def now() -> None:
        # It may fire long after this attempt and its loop have ended.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    attempt.hang_up.then(now)
    return stop


async def _unless(stop: asyncio.Event, work: Any) -> Any:
    """The result of ``work``, which is cancelled once ``stop`` is set."""
    running, stopping = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not running.done():
            running.cancel()
            await asyncio.wait({running})
            raise TaskFailed("stopped", "The notebook was stopped.", retry=False)
        return running.result()
    finally:
        stopping.cancel()
        running.cancel()

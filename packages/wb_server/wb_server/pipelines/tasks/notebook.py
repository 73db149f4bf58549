"""Runs a notebook of the pipeline's folder, as its owner, where their notebooks run."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints

from ...kit.snapshot import pack
from ..definition.fields import FileName, ParameterName, Value
from ..definition.models import FileUse, TaskSpec, Timeout
from ..kernels.base import KernelRequest, Kernels
from .base import Attempt, Result, TaskFailed, TaskType

# Where a notebook doesn't say; of Lab's launcher it is the first.
DEFAULT_KERNEL = "workbench-python"


class NotebookSpec(TaskSpec):
    """Runs a notebook of the pipeline's folder, as its owner, and keeps it as it was executed."""

    type: Literal["notebook"]
    notebook: FileName = Field(
        description="The notebook, as a path in the pipeline's folder.",
        examples=["transform.ipynb"],
    )
    parameters: dict[ParameterName, Value] = Field(
        default={},
        max_length=100,
        description="Values for the notebook: a cell that sets them is put after the one tagged "
        "`parameters`. Never a secret: they are kept with the run, for all to read who may.",
        examples=[{"period": "{{ params.period }}"}],
    )
    kernel: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._-]{1,100}$")] | None = Field(
        None,
        description="The kernel to run it with, instead of the notebook's own.",
        examples=["python3"],
    )
    cell_timeout: Timeout | None = Field(
        None, description="How long one cell may take, from `1s` to `7d`.", examples=["10m"]
    )

    def files(self) -> Iterable[FileUse]:
        yield FileUse(self.notebook, ("notebook",))


class NotebookTask(TaskType):
    """The task type ``notebook``."""

    name: ClassVar[str] = "notebook"
    title: ClassVar[str] = "Notebook"
    description: ClassVar[str] = (
        "Runs a notebook from the pipeline's folder, in the owner's own server."
    )
    Spec: ClassVar[type[TaskSpec]] = NotebookSpec

    def __init__(self, kernels: Kernels) -> None:
        self._kernels = kernels

    def run(self, spec: NotebookSpec, attempt: Attempt) -> Result:
        """Runs it to its end.

        Raises:
            TaskFailed: ``missing_notebook``, ``bad_notebook``, ``bad_parameter``,
                ``parameters_not_taken``, ``unknown_kernel``, ``kernel_did_not_start``,
                ``cell_failed``, ``cell_timeout``, ``kernel_died``, ``server_stopped``,
                ``connection_lost``, ``output_too_large``, ``outputs_too_large``, ``stopped``, and
                what ``NotebookServers`` says.
        """
        return asyncio.run(self._run(spec, attempt))

    async def _run(self, spec: NotebookSpec, attempt: Attempt) -> Result:
        content = attempt.files.get(spec.notebook)
        if content is None:
            raise TaskFailed(
                "missing_notebook",
                f"The pipeline's folder has no {spec.notebook}.",
                retry=False,
                notebook=spec.notebook,
            )
        # Reading notebooks takes seconds to import, and most processes never run one.
        from ..kernels.driver import Driver, read

        notebook = read(content, spec.notebook)
        kernel_name = spec.kernel or _kernel_of(notebook.metadata)
        stop = _stop_event(attempt)
        for earlier in attempt.kernels:
            await self._kernels.end(earlier)
        user = attempt.actor.name
        await asyncio.to_thread(attempt.recorder.kernel, self._kernels.reference(attempt.id, user))
        request = KernelRequest(
            attempt_id=attempt.id,
            task_run=attempt.task_run_id,
            fence=attempt.fence,
            user=user,
            kernel_name=kernel_name,
            snapshot=pack(attempt.files),
            deadline=attempt.deadline,
            hang_up=attempt.hang_up,
            log=attempt.recorder.log,
        )
        kernel = await _unless(stop, self._kernels.start(request))
        well = False
        try:
            driver = Driver(
                notebook,
                kernel,
                save=attempt.recorder.notebook,
                progress=attempt.recorder.progress,
                cell_seconds=spec.cell_timeout.total_seconds() if spec.cell_timeout else 0.0,
            )
            await driver.run(spec.parameters, stop)
            well = True
        finally:
            await asyncio.shield(kernel.end(now=not well))
        return Result(outputs=driver.outputs)


def _kernel_of(metadata: Mapping[str, Any]) -> str:
    found = (metadata.get("kernelspec") or {}).get("name")
    return found if isinstance(found, str) and found else DEFAULT_KERNEL


def _stop_event(attempt: Attempt) -> asyncio.Event:
    """Set when the attempt has to end, from whatever thread says so."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def now() -> None:
        # It may fire long after this attempt, and its loop, have ended.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(stop.set)

    attempt.hang_up.then(now)
    return stop


async def _unless(stop: asyncio.Event, work: Any) -> Any:
    """The result of ``work``, which is given up once ``stop`` is set."""
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

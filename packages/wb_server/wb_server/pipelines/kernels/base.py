"""The interface between the driver and the places where kernels run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Protocol

from ...kit.endpoint import HangUp
from ...kit.failure import TaskFailed
from ...user_server.files import OutputFile


@dataclass(frozen=True)
class Server:
    """A Jupyter server that is ready.

    Attributes:
        url: its address, such as ``https://hub.example/user/ana/pipelines``.
        headers: the headers that authorize requests to it.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)


class NotebookServers(Protocol):
    """The Jupyter servers in which users' notebooks run. Thread-safe."""

    def acquire(
        self,
        user: str,
        *,
        again: bool,
        deadline: float,
        hang_up: HangUp,
        log: Callable[[str], None],
    ) -> Server:
        """A user's server, which is started if it isn't running.

        Args:
            again: whether the server returned just before doesn't answer.
            deadline: when to give up, by ``time.monotonic``.
            hang_up: ends the wait.
            log: takes a line for the attempt's log if there is something to wait for.

        Raises:
            TaskFailed: there is no server (``server_not_started``, ``no_server_free``,
                ``unknown_owner``).
            Unavailable: the Hub doesn't answer (``hub_down``).
        """

    def running(self, user: str) -> Server | None:
        """A user's server if it is ready; never starts it.

        Raises:
            Unavailable: the Hub doesn't answer (``hub_down``).
        """

    def close(self) -> None:
        """Releases its resources."""


@dataclass(frozen=True)
class KernelRequest:
    """An attempt's request for a kernel.

    Attributes:
        user: the user as whom the kernel runs.
        kernel_name: the name of a kernelspec.
        snapshot: the files for its folder, packed by ``kit.snapshot.pack``.
        folder: where in them the notebook runs, as a path; empty for the top.
        deadline: when to give up waiting for a kernel, by ``time.monotonic``.
    """

    attempt_id: str
    task_run: str
    fence: int
    user: str
    kernel_name: str
    snapshot: bytes = field(repr=False)
    folder: str
    deadline: float
    hang_up: HangUp
    log: Callable[[str], None]


def note_packages(request: KernelRequest, changed: str) -> None:
    """Logs which installed packages differ from when the version was saved."""
    if changed:
        request.log(
            f"Installed packages differ from when this version was saved: {changed[:1000]}."
        )


class RunningKernel(ABC):
    """A kernel that runs an attempt's notebook. Used from one event loop.

    Attributes:
        client: the client for nbclient, with ``execute``, ``shell_channel``, ``iopub_channel``.
    """

    client: Any

    @abstractmethod
    async def interrupt(self) -> None:
        """Interrupts the running cell, as Ctrl-C does. Errors are ignored."""

    @abstractmethod
    async def why_gone(self) -> Exception:
        """The error to report once ``client`` says that the kernel is gone."""

    @abstractmethod
    async def put(self, task: str, name: str, content: IO[bytes], size: int) -> None:
        """Writes ``inputs/<task>/<name>`` to its folder, before any code runs.

        Raises:
            TaskFailed: it can't be written.
        """

    @abstractmethod
    async def outputs(self) -> list[OutputFile]:
        """The files that its code left in the folder ``outputs``, unchecked.

        Raises:
            TaskFailed: they can't be listed.
        """

    @abstractmethod
    async def fetch(self, file: OutputFile, target: Path) -> None:
        """Copies a file of ``outputs`` to ``target``, byte for byte.

        Raises:
            TaskFailed: it is gone, its size has changed, or it can't be read.
        """

    @abstractmethod
    async def end(self, *, now: bool) -> None:
        """Ends it with all its processes, and removes its folder. Never raises.

        Args:
            now: kill it and return when it is gone; otherwise it has two seconds to shut down, and the
                call doesn't wait for that.
        """


class Kernels(ABC):
    """A place where the kernels of attempts run. Thread-safe."""

    @abstractmethod
    def reference(self, attempt_id: str, user: str) -> dict[str, Any]:
        """The reference with which ``end`` can later end an attempt's kernel from any process."""

    @abstractmethod
    async def start(self, request: KernelRequest) -> RunningKernel:
        """Starts a kernel once those of older attempts are gone.

        Raises:
            TaskFailed, WorkbenchError: with the reason.
        """

    @abstractmethod
    async def end(self, reference: Mapping[str, Any]) -> None:
        """Ends the kernel of an attempt whose driver is gone; no error if there is none.

        Raises:
            TaskFailed: it may still run (``kernel_remains``).
            Unavailable: the Hub doesn't answer (``hub_down``).
        """

    def close(self) -> None:
        """Releases all resources; called when the process stops."""


class NoKernels(Kernels):
    """Refuses notebooks: for a process behind a Hub that holds the service's secrets."""

    def reference(self, attempt_id: str, user: str) -> dict[str, Any]:
        return {"place": "none"}

    async def start(self, request: KernelRequest) -> RunningKernel:
        raise TaskFailed(
            "no_notebook_servers",
            "Notebooks of pipelines run in their owners' servers, which a worker starts. There "
            "is no worker here: an administrator must set WB_REDIS_URL and WB_NOTEBOOKS_URL.",
            retry=False,
        )

    async def end(self, reference: Mapping[str, Any]) -> None:
        return

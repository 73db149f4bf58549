"""What the driver needs to know of where kernels run."""

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
        url: its address, as ``https://hub.example/user/ana/pipelines``.
        headers: what opens it.
    """

    url: str
    headers: Mapping[str, str] = field(repr=False)


class NotebookServers(Protocol):
    """The Jupyter servers in which people's notebooks run. Safe from any thread."""

    def acquire(
        self,
        user: str,
        *,
        again: bool,
        deadline: float,
        hang_up: HangUp,
        log: Callable[[str], None],
    ) -> Server:
        """A person's server, started where it isn't running.

        Args:
            again: the one that it gave just now doesn't answer.
            deadline: by ``time.monotonic``: when to give up.
            hang_up: ends the wait.
            log: takes a line for the attempt's log, when there is something to wait for.

        Raises:
            TaskFailed: it can't be had (``server_not_started``, ``no_server_free``,
                ``unknown_owner``).
            Unavailable: the Hub doesn't answer (``hub_down``).
        """

    def running(self, user: str) -> Server | None:
        """A person's server if it is ready, without starting it.

        Raises:
            Unavailable: the Hub doesn't answer (``hub_down``).
        """

    def close(self) -> None:
        """Lets go of what it holds."""


@dataclass(frozen=True)
class KernelRequest:
    """What an attempt needs a kernel for.

    Attributes:
        user: whose kernel it is.
        kernel_name: name of a kernelspec.
        snapshot: the files that are in its folder, as ``kit.snapshot.pack`` makes it.
        deadline: by ``time.monotonic``: when to give up waiting for a kernel.
    """

    attempt_id: str
    task_run: str
    fence: int
    user: str
    kernel_name: str
    snapshot: bytes = field(repr=False)
    deadline: float
    hang_up: HangUp
    log: Callable[[str], None]


def note_packages(request: KernelRequest, changed: str) -> None:
    """Says in an attempt's log which packages are not as they were when its version was saved."""
    if changed:
        request.log(
            f"Installed packages differ from when this version was saved: {changed[:1000]}."
        )


MAX_MESSAGE = 64 * 2**20
"""Bytes that a single message of a kernel may have. Of a cell's outputs less than that is kept."""


class OutputTooLarge(Exception):
    """A message was over ``MAX_MESSAGE``; no more of them are read."""


def output_too_large() -> TaskFailed:
    """What an attempt ends with after such a message."""
    return TaskFailed(
        "output_too_large",
        f"A single output exceeded {MAX_MESSAGE // 2**20} MiB. Show less, or write it to a file.",
        retry=False,
    )


class RunningKernel(ABC):
    """A kernel that an attempt drives. Used from one event loop.

    Attributes:
        client: what nbclient drives: ``execute``, ``shell_channel``, ``iopub_channel``.
    """

    client: Any

    @abstractmethod
    async def interrupt(self) -> None:
        """Stops what runs in it, as Ctrl-C does. What keeps it from that is ignored."""

    @abstractmethod
    async def why_gone(self) -> Exception:
        """What to say of a kernel that ``client`` says isn't there any more."""

    @abstractmethod
    async def put(self, task: str, name: str, content: IO[bytes], size: int) -> None:
        """Lays ``inputs/<task>/<name>`` into its folder, before any code runs.

        Raises:
            TaskFailed: it can't be laid there.
        """

    @abstractmethod
    async def outputs(self) -> list[OutputFile]:
        """What its code left in the folder ``outputs``. Nobody has checked it.

        Raises:
            TaskFailed: that can't be known.
        """

    @abstractmethod
    async def fetch(self, file: OutputFile, target: Path) -> None:
        """Writes a file of ``outputs`` to ``target``, byte for byte.

        Raises:
            TaskFailed: it is gone, has another size by now, or can't be had.
        """

    @abstractmethod
    async def end(self, *, now: bool) -> None:
        """Ends it with all its processes, and removes its folder. Raises nothing.

        Args:
            now: kill it, and return when it is gone; otherwise it has two seconds to end by itself,
                which isn't waited for.
        """


class Kernels(ABC):
    """A place where kernels of attempts run. Safe from any thread."""

    @abstractmethod
    def reference(self, attempt_id: str, user: str) -> dict[str, Any]:
        """What ``end`` needs, to end the kernel of an attempt from anywhere later on."""

    @abstractmethod
    async def start(self, request: KernelRequest) -> RunningKernel:
        """Starts a kernel, after those of older attempts are gone.

        Raises:
            TaskFailed, WorkbenchError: with the reason.
        """

    @abstractmethod
    async def end(self, reference: Mapping[str, Any]) -> None:
        """Ends the kernel of an attempt whose driver is gone; fine where there is none any more.

        Raises:
            TaskFailed: it may still run (``kernel_remains``).
            Unavailable: the Hub doesn't answer (``hub_down``).
        """

    def close(self) -> None:
        """Lets go of everything; called when the process stops."""


class NoKernels(Kernels):
    """For where no notebook may run: in a process that holds the service's secrets, behind a Hub."""

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

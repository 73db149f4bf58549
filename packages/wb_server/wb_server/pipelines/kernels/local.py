"""Kernels on this process's own machine, for use without a Hub.

They run as the system user of this process and see what it sees: for a single user's machine, and tests.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import hmac
import json
import os
import shutil
import signal
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from queue import Empty
from typing import IO, Any, TypeVar

from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.multikernelmanager import AsyncMultiKernelManager
from traitlets import Type
from traitlets.config import Config

from ...kit.errors import NotFound, WorkbenchError
from ...kit.failure import TaskFailed
from ...user_server import files
from ...user_server.attempt_folders import end_left, new_root
from ...user_server.files import OutputFile
from ...user_server.kernels import AttemptKernel, AttemptKernels
from ...user_server.messages import MAX_MESSAGE, left_out
from ...user_server.processes import Mark
from .base import KernelRequest, Kernels, RunningKernel, note_packages
from .remote import died

T = TypeVar("T")
_READY_SECONDS = 60.0
# The path of a Unix socket has at most about 100 characters; a kernel's file name takes half of them.
_MAX_FOLDER_LENGTH = 55


class LocalKernels(Kernels):
    """Kernels of this process; ``close`` ends them.

    Args:
        spare: whether to keep one spare kernel once a notebook has run.
    """

    def __init__(self, *, spare: bool = True) -> None:
        self._spare = spare
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._attempts: AttemptKernels | None = None

    def reference(self, attempt_id: str, user: str) -> dict[str, Any]:
        # If this process is killed, its kernels notice that and end.
        return {"place": "local", "host": socket.gethostname(), "attempt": attempt_id}

    async def start(self, request: KernelRequest) -> RunningKernel:
        attempts = self._started()
        try:
            attempt = await self._in_kernel_loop(
                attempts.start(
                    request.attempt_id,
                    request.task_run,
                    request.fence,
                    request.kernel_name,
                    request.snapshot,
                    request.folder,
                )
            )
        except WorkbenchError as error:
            raise TaskFailed(
                error.code, error.message, retry=error.status >= 500, **error.details
            ) from None
        note_packages(request, attempt.packages)
        kernel = LocalKernel(
            attempt, lambda now: self._in_kernel_loop(_end(attempts, attempt, now))
        )
        try:
            await kernel.open()
        except BaseException:
            await asyncio.shield(kernel.end(now=True))
            raise
        return kernel

    async def end(self, reference: Mapping[str, Any]) -> None:
        if reference.get("host") != socket.gethostname():
            return
        attempt_id = str(reference["attempt"])
        if self._attempts is not None and any(
            each.attempt_id == attempt_id for each in self._attempts.all()
        ):
            # Its own driver may end it at the same time.
            with contextlib.suppress(NotFound):
                await self._in_kernel_loop(self._attempts.end(attempt_id, now=True))
            return
        # The kernel belongs to another process, which may be gone.
        if not await asyncio.to_thread(end_left, attempt_id):
            raise TaskFailed("kernel_remains", "The kernel of an earlier attempt doesn't stop.")

    def close(self) -> None:
        with self._lock:
            loop, attempts, self._loop = self._loop, self._attempts, None
        if loop is None or attempts is None:
            return
        try:
            asyncio.run_coroutine_threadsafe(attempts.close(), loop).result(30)
        except RuntimeError:
            # The interpreter is shutting down and its threads take no more work.
            attempts.close_now()
        loop.call_soon_threadsafe(loop.stop)

    def _started(self) -> AttemptKernels:
        """The kernels of this process; the first call starts the thread that manages them."""
        with self._lock:
            if self._loop is None or self._attempts is None:
                root = new_root()
                # Unix sockets in a private folder: any user of the machine could connect to TCP.
                short = len(str(root)) <= _MAX_FOLDER_LENGTH
                config = Config({"KernelManager": {"transport": "ipc" if short else "tcp"}})
                self._attempts = AttemptKernels(
                    AsyncMultiKernelManager(
                        config=config,
                        connection_dir=str(root),
                        kernel_spec_manager=KernelSpecManager(),
                    ),
                    spare=self._spare,
                    root=root,
                )
                atexit.register(self.close)
                self._loop = asyncio.new_event_loop()
                threading.Thread(
                    target=self._run, args=(self._loop,), name="wb-kernels", daemon=True
                ).start()
            return self._attempts

    @staticmethod
    def _run(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
        finally:
            loop.close()

    async def _in_kernel_loop(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the thread of the kernels."""
        loop = self._loop
        if loop is None:
            work.close()
            raise TaskFailed("server_stopped", "This Workbench is stopping.")
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))


async def _end(attempts: AttemptKernels, attempt: AttemptKernel, now: bool) -> None:
    if now:
        await attempts.end(attempt.attempt_id, now=True)
    else:
        attempts.end_soon(attempt.attempt_id)


class LocalKernel(RunningKernel):
    """One kernel of this process."""

    def __init__(
        self, attempt: AttemptKernel, end: Callable[[bool], Coroutine[Any, Any, None]]
    ) -> None:
        self._attempt = attempt
        self._end = end
        self.client: _LocalKernelClient

    async def open(self) -> None:
        """Connects to the kernel and waits until it answers."""
        kernel = self._attempt.kernel
        self.client = _LocalKernelClient()
        self.client.mark = kernel.mark
        self.client.load_connection_info(kernel.manager.get_connection_info())
        self.client.start_channels(stdin=False, hb=False, control=False)
        try:
            await asyncio.wait_for(self._ready(), _READY_SECONDS)
        except TimeoutError:
            raise TaskFailed("kernel_did_not_start", "The kernel doesn't respond.") from None

    async def _ready(self) -> None:
        while True:
            self.client.kernel_info()
            with contextlib.suppress(Empty):
                await self.client.get_shell_msg(timeout=1)
                await self.client.get_iopub_msg(timeout=0.2)
                return
            if not self._attempt.kernel.mark.alive():
                raise died(self._attempt.exit_status())

    async def interrupt(self) -> None:
        if self._attempt.kernel.mark.alive():
            with contextlib.suppress(OSError):
                os.killpg(self._attempt.kernel.mark.pid, signal.SIGINT)

    async def why_gone(self) -> Exception:
        return died(self._attempt.exit_status())

    async def put(self, task: str, name: str, content: IO[bytes], size: int) -> None:
        def copy() -> None:
            with files.new_input(self._attempt.folder, task, name) as file:
                shutil.copyfileobj(content, file, files.PIECE)

        try:
            await asyncio.to_thread(copy)
        except WorkbenchError as error:
            raise TaskFailed(error.code, error.message) from error

    async def outputs(self) -> list[OutputFile]:
        return await asyncio.to_thread(files.output_files, self._attempt.folder)

    async def fetch(self, file: OutputFile, target: Path) -> None:
        def copy() -> None:
            source, size = files.open_output(self._attempt.folder, file.name)
            with source, target.open("xb") as kept:
                if size != file.size:
                    raise files.changed(file)
                shutil.copyfileobj(source, kept, files.PIECE)
                if kept.tell() != size:
                    raise files.changed(file)

        try:
            await asyncio.to_thread(copy)
        except WorkbenchError as error:
            raise TaskFailed(error.code, error.message) from error

    async def end(self, *, now: bool) -> None:
        if getattr(self, "client", None) is not None:
            self.client.stop_channels()
        with contextlib.suppress(WorkbenchError, TaskFailed):
            await self._end(now)


class _BoundedChannel(AsyncZMQSocketChannel):
    """jupyter_client's channel with a limit on the size of a message.

    Parsing a message of hundreds of megabytes takes seconds in which no other thread runs, so this process
    would lose the leases of all its attempts.
    """

    async def get_msg(  # type: ignore[override]
        self, timeout: float | None = None
    ) -> dict[str, Any]:
        if timeout is not None:
            return await super().get_msg(timeout)
        # Not polled first, which takes longer than reading a short message.
        return await self._recv()

    async def _recv(self, **kwargs: Any) -> dict[str, Any]:  # type: ignore[override]
        parts: list[bytes]
        frames = await self.socket.recv_multipart(**kwargs)
        _, parts = self.session.feed_identities(frames)  # type: ignore[assignment]  # copied: bytes
        signature, header, parent, _, content = parts[:5]
        size = sum(map(len, parts))
        if size <= MAX_MESSAGE and b'"msg_type": "stream"' not in header:
            return self.session.deserialize(parts)
        # Prints come by the thousand: only what is read of them is parsed.
        if self.session.auth is not None and not hmac.compare_digest(
            signature, self.session.sign(parts[1:5])
        ):
            raise ValueError("A message of the kernel has a wrong signature.")
        return {
            "msg_type": "stream",
            "header": json.loads(header) | {"msg_type": "stream"},
            "parent_header": json.loads(parent),
            "metadata": {},
            "content": json.loads(content) if size <= MAX_MESSAGE else left_out(size),
            "buffers": [],
        }


class _LocalKernelClient(AsyncKernelClient):
    """jupyter_client's client, which checks the kernel's process to see if it is alive."""

    mark: Mark
    iopub_channel_class = Type(_BoundedChannel)

    async def _async_is_alive(self) -> bool:
        return self.mark.alive()

    is_alive = _async_is_alive

"""Kernels in users' Jupyter servers, over ``user_server/attempt_handlers`` and a websocket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import signal
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote

import httpx
from websockets.exceptions import WebSocketException

from ...kit.failure import TaskFailed
from ...kit.http import configured_async_client
from ...kit.snapshot import MAX_PACKED
from ...user_server import files
from ...user_server.files import OutputFile
from ...user_server.messages import MAX_MESSAGE
from .base import (
    KernelRequest,
    Kernels,
    NotebookServers,
    RunningKernel,
    Server,
    note_packages,
)
from .socket import SocketClient

log = logging.getLogger(__name__)

# A kernel starts in a second or two if the machine isn't overloaded.
_START_SECONDS = 120.0
_END_SECONDS = 15.0
_ASK_SECONDS = 5.0
_WATCH_SECONDS = 3.0
# Between two pieces of a file transfer.
_PIECE_SECONDS = 60.0
# Enough for a list of at most 100 files.
_LIST_BYTES = 2**20
# A server may be stopped between its start and the kernel's.
_TRIES = 3
# The statuses by which the Hub's proxy, or the Hub in its place, says that there is no server.
_NO_SERVER = frozenset({424, 502, 503, 504})


class ServerKernels(Kernels):
    """Kernels in the servers that ``servers`` provides."""

    def __init__(self, servers: NotebookServers) -> None:
        self._servers = servers

    def reference(self, attempt_id: str, user: str) -> dict[str, Any]:
        return {"place": "server", "user": user, "attempt": attempt_id}

    async def start(self, request: KernelRequest) -> RunningKernel:
        if len(request.snapshot) > MAX_PACKED:
            raise TaskFailed(
                "snapshot_too_large",
                f"The pipeline's folder exceeds {MAX_PACKED // 2**20} MiB.",
                retry=False,
            )
        for attempt in range(1, _TRIES + 1):
            server = await asyncio.to_thread(
                self._servers.acquire,
                request.user,
                again=attempt > 1,
                deadline=request.deadline,
                hang_up=request.hang_up,
                log=request.log,
            )
            kernel = ServerKernel(server, request.attempt_id)
            try:
                await kernel.open(request)
                return kernel
            except _NoServer:
                await kernel.end(now=True)
                request.log("The notebook server stopped; starting it again.")
                if attempt == _TRIES or time.monotonic() > request.deadline:
                    raise _stopped() from None
            except BaseException:
                await asyncio.shield(kernel.end(now=True))
                raise
        raise AssertionError("the loop returns or raises")

    async def end(self, reference: Mapping[str, Any]) -> None:
        server = await asyncio.to_thread(self._servers.running, str(reference["user"]))
        if server is None:
            # When a server stops, its kernels end.
            return
        kernel = ServerKernel(server, str(reference["attempt"]))
        try:
            if not await kernel.delete(now=True):
                raise TaskFailed(
                    "kernel_remains",
                    "The kernel of an earlier attempt could not be stopped; it may still be "
                    "running.",
                )
        finally:
            await kernel.close()

    def close(self) -> None:
        self._servers.close()


class ServerKernel(RunningKernel):
    """One kernel, in one server."""

    def __init__(self, server: Server, attempt_id: str) -> None:
        self._server = server
        self._path = f"/workbench/attempts/{quote(attempt_id, safe='')}"
        self._http = configured_async_client(
            server.url.rstrip("/"), headers=server.headers, timeout=_ASK_SECONDS
        )
        self._kernel_id = ""
        self.client: SocketClient
        self._watch: asyncio.Task[None] | None = None

    async def open(self, request: KernelRequest) -> None:
        """Starts the kernel and connects to it.

        Raises:
            _NoServer: nothing answers at the server's address.
            TaskFailed: the server refused.
        """
        try:
            answer = await self._http.post(
                self._path,
                content=request.snapshot,
                headers={
                    "Content-Type": "application/x-tar",
                    "Workbench-Task-Run": request.task_run,
                    "Workbench-Fence": str(request.fence),
                    "Workbench-Kernel": request.kernel_name,
                    "Workbench-Folder": quote(request.folder),
                },
                timeout=httpx.Timeout(_START_SECONDS, connect=_ASK_SECONDS),
            )
        except httpx.TransportError as error:
            raise _NoServer from error
        if answer.status_code in _NO_SERVER and not _is_ours(answer):
            raise _NoServer
        if answer.status_code != 201:
            raise _refused(answer)
        started = answer.json()
        self._kernel_id = str(started["kernel_id"])
        note_packages(request, str(started["packages"]))
        try:
            self.client = await SocketClient.open(
                self._server.url.rstrip("/"), self._kernel_id, self._server.headers
            )
        except (OSError, WebSocketException) as error:
            log.warning("no connection to a kernel: %s", error)
            gone = await self.why_gone()
            raise gone from error
        self._watch = asyncio.create_task(self._watching())

    async def _watching(self) -> None:
        """Polls whether the server has ended the kernel: the websocket doesn't report that."""
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            try:
                answer = await self._http.get(self._path)
            except httpx.TransportError:
                continue
            if (answer.status_code == 404 and _is_ours(answer)) or (
                answer.status_code == 200 and not answer.json()["alive"]
            ):
                self.client.died = True

    async def interrupt(self) -> None:
        with contextlib.suppress(httpx.HTTPError):
            await self._http.post(f"/api/kernels/{self._kernel_id}/interrupt")

    async def why_gone(self) -> Exception:
        if getattr(self, "client", None) is not None and self.client.too_big:
            return TaskFailed(
                "output_too_large",
                f"A single output exceeded {MAX_MESSAGE // 2**20} MiB. Show less, or write it to a "
                "file.",
                retry=False,
            )
        try:
            answer = await self._http.get(self._path)
        except httpx.TransportError:
            return _stopped()
        if answer.status_code == 200:
            status = answer.json()["exit_status"]
            if answer.json()["alive"]:
                return TaskFailed(
                    "connection_lost", "The connection to the notebook's kernel was lost."
                )
            return died(status)
        if answer.status_code == 404 and _is_ours(answer) and not self.client.lost:
            return TaskFailed("kernel_died", "Someone else stopped the notebook's kernel.")
        # A restarted server knows nothing of earlier kernels.
        return _stopped()

    async def put(self, task: str, name: str, content: IO[bytes], size: int) -> None:
        async def pieces() -> AsyncIterator[bytes]:
            while piece := content.read(files.PIECE):
                yield piece

        try:
            answer = await self._http.put(
                f"{self._path}/inputs/{task}/{name}",
                content=pieces(),
                headers={"Content-Type": "application/octet-stream", "Content-Length": str(size)},
                timeout=httpx.Timeout(_PIECE_SECONDS, connect=_ASK_SECONDS),
            )
        except httpx.TransportError as error:
            raise _stopped() from error
        if answer.status_code != 201:
            raise _refused(answer)

    async def outputs(self) -> list[OutputFile]:
        try:
            async with self._http.stream("GET", f"{self._path}/outputs") as answer:
                body = b""
                async for piece in answer.aiter_bytes():
                    body += piece
                    if len(body) > _LIST_BYTES:
                        raise _bad_listing()
            if answer.status_code != 200:
                raise _refused(httpx.Response(answer.status_code, content=body))
            return [
                OutputFile(str(each["name"]), int(each["size"]), each["regular"] is True)
                for each in json.loads(body)["items"]
            ]
        except httpx.TransportError as error:
            raise _stopped() from error
        except (ValueError, KeyError, TypeError) as error:
            raise _bad_listing() from error

    async def fetch(self, file: OutputFile, target: Path) -> None:
        try:
            async with self._http.stream(
                "GET",
                f"{self._path}/outputs/{quote(file.name, safe='')}",
                headers={"Accept-Encoding": "identity"},
                timeout=httpx.Timeout(_PIECE_SECONDS, connect=_ASK_SECONDS),
            ) as answer:
                if answer.status_code != 200:
                    await answer.aread()
                    raise _refused(answer)
                size = 0
                with target.open("xb") as kept:
                    async for piece in answer.aiter_raw(files.PIECE):
                        size += len(piece)
                        # Never take more than the announced size, whatever the server sends.
                        if size > file.size:
                            break
                        kept.write(piece)
        except httpx.TransportError as error:
            raise _stopped() from error
        if size != file.size:
            raise files.changed(file)

    async def end(self, *, now: bool) -> None:
        try:
            if self._watch is not None:
                self._watch.cancel()
            if getattr(self, "client", None) is not None:
                await self.client.close()
            if not await self.delete(now=now):
                # The next attempt of this task run ends it, or the server culls it.
                log.warning("a kernel may be left in %s", self._server.url)
        finally:
            await self.close()

    async def delete(self, *, now: bool) -> bool:
        """Deletes the kernel. Returns whether it is gone, as far as its server can tell."""
        try:
            answer = await self._http.delete(
                self._path,
                params={"now": "1"} if now else None,
                timeout=httpx.Timeout(_END_SECONDS, connect=_ASK_SECONDS),
            )
        except httpx.ConnectError:
            return True
        except httpx.TransportError:
            return False
        if answer.status_code in _NO_SERVER:
            return not _is_ours(answer)
        return answer.status_code in (200, 202, 404)

    async def close(self) -> None:
        """Closes the connections to the server."""
        await self._http.aclose()


class _NoServer(Exception):
    """Nothing answers at a server's address."""


def _stopped() -> TaskFailed:
    return TaskFailed(
        "server_stopped",
        "The owner's notebook server was stopped while this notebook ran.",
    )


def _bad_listing() -> TaskFailed:
    return TaskFailed(
        "server_refused",
        "The owner's notebook server didn't return a valid list of the notebook's output files.",
    )


def died(exit_status: int | None) -> TaskFailed:
    """The error for a kernel whose process ended."""
    how = ""
    if exit_status == -signal.SIGKILL:
        how = " It was killed, most likely because it ran out of memory."
    elif exit_status is not None and exit_status < 0:
        how = f" It was ended by signal {-exit_status}."
    elif exit_status is not None:
        how = f" It exited with status {exit_status}."
    return TaskFailed("kernel_died", f"The notebook's kernel died.{how}", exit_status=exit_status)


def _is_ours(answer: httpx.Response) -> bool:
    try:
        return isinstance(answer.json()["error"]["code"], str)
    except (ValueError, KeyError, TypeError):
        return False


def _refused(answer: httpx.Response) -> Exception:
    if not _is_ours(answer):
        return TaskFailed(
            "server_refused",
            f"The owner's notebook server refused to start a kernel (HTTP {answer.status_code}).",
        )
    error = answer.json()["error"]
    # A refusal of our own endpoints would repeat, unless the machine is overloaded (5xx).
    return TaskFailed(
        error["code"], error["message"], retry=answer.status_code >= 500, **error["details"]
    )

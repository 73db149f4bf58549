"""Keeps a spare kernel: starting one takes over a second, handing this one out a few milliseconds."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .processes import Mark

log = logging.getLogger(__name__)
_READY_SECONDS = 60.0
_HAND_OUT_SECONDS = 5.0


@dataclass(frozen=True)
class Started:
    """A started kernel.

    Attributes:
        manager: jupyter_client's manager of this kernel.
        folder: its working folder.
    """

    id: str
    manager: Any
    mark: Mark
    folder: Path


class Spare:
    """Keeps at most one kernel ready, and hands it out once.

    Args:
        start: starts a kernel of a kernelspec in a new folder, without an attempt's environment.
        stop: ends a kernel and removes its folder.
    """

    def __init__(
        self,
        start: Callable[[str], Awaitable[Started]],
        stop: Callable[[Started], Awaitable[None]],
    ) -> None:
        self._start = start
        self._stop = stop
        self._name = ""
        self._task: asyncio.Task[tuple[Started, Any]] | None = None

    @property
    def kernel(self) -> Started | None:
        """The kernel that is ready, if there is one."""
        task = self._task
        if task is None or not task.done() or task.cancelled() or task.exception() is not None:
            return None
        return task.result()[0]

    def prepare(self, name: str) -> None:
        """Starts a kernel in the background, unless one of this kernelspec is ready or starting."""
        kernel = self.kernel
        if self._task is not None and self._name == name:
            if not self._task.done() or (kernel is not None and kernel.mark.alive()):
                return
        previous, self._name = self._task, name
        self._task = asyncio.create_task(self._start_ready(name))
        # Retrieves the exception, which `take` reports; the attempt then starts its own kernel.
        self._task.add_done_callback(lambda task: task.cancelled() or task.exception())
        if previous is not None:
            asyncio.create_task(self._discard(previous))  # noqa: RUF006 (the loop outlives it)

    async def take(
        self, name: str, environment: Mapping[str, str], path: str = ""
    ) -> Started | None:
        """Hands out the kernel, with these variables set before any code; ``None`` if there is none.

        Waits for a kernel that is still starting: a new one would take longer.

        Args:
            path: of the folder in the kernel's where it is to work; created if needed.
        """
        task, self._task = self._task, None
        if task is None:
            return None
        if self._name != name:
            await self._discard(task)
            return None
        try:
            kernel, client = await task
        except Exception:
            log.exception("the spare kernel did not start")
            return None
        try:
            # It may have been ended in the meantime, by its user or by culling.
            if kernel.mark.alive():
                await asyncio.wait_for(_set_up(client, environment, path), _HAND_OUT_SECONDS)
                return kernel
        except Exception:
            log.warning("the spare kernel did not answer; starting another one")
        finally:
            client.stop_channels()
        await self._stop(kernel)
        return None

    async def close(self) -> None:
        """Ends the spare kernel."""
        task, self._task = self._task, None
        if task is not None:
            await self._discard(task)

    async def _start_ready(self, name: str) -> tuple[Started, Any]:
        kernel = await self._start(name)
        client = kernel.manager.client()
        try:
            client.start_channels(stdin=False, hb=False, control=False)
            await asyncio.wait_for(_wait_until_ready(client, kernel.mark), _READY_SECONDS)
        except BaseException:
            client.stop_channels()
            await self._stop(kernel)
            raise
        return kernel, client

    async def _discard(self, task: asyncio.Task[tuple[Started, Any]]) -> None:
        try:
            kernel, client = await task
        except Exception:
            return
        client.stop_channels()
        await self._stop(kernel)


async def _wait_until_ready(client: Any, mark: Mark) -> None:
    """Returns when a kernel answers and its outputs arrive."""
    while True:
        client.kernel_info()
        try:
            await client.get_shell_msg(timeout=1)
            await client.get_iopub_msg(timeout=0.2)
            return
        except Exception:
            # jupyter_client raises queue.Empty on a timeout.
            if not mark.alive():
                raise


async def _set_up(client: Any, environment: Mapping[str, str], path: str) -> None:
    """Prepares a kernel's process, leaving no name and no line of history behind."""
    code = f"__import__('os').environ.update({json.dumps(dict(environment))})"
    if path:
        code += (
            f"; __import__('os').makedirs({path!r}, mode=0o700, exist_ok=True)"
            f"; __import__('os').chdir({path!r})"
        )
    sent = client.execute(code, silent=True, store_history=False, allow_stdin=False)
    while True:
        reply = await client.get_shell_msg()
        if reply["parent_header"].get("msg_id") == sent:
            if reply["content"]["status"] != "ok":
                raise RuntimeError(reply["content"].get("evalue"))
            return

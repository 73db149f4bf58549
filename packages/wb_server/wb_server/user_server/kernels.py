"""The kernels of attempts: in a user's Jupyter server, or in this process.

Each attempt has a kernel and a fresh private folder with a copy of the snapshot. Before its kernel
starts, every kernel of the same task run with a lower fence has ended, with all the processes that it
started.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel

from ..kit.errors import Conflict, NotFound, Unavailable, Unprocessable
from . import attempt_folders, processes
from .processes import VARIABLE, Mark
from .spare import Spare, Started

log = logging.getLogger(__name__)

_REMEMBERED = 10_000  # task runs whose fence is remembered
# Seconds that a kernel has to exit before it is killed.
_GRACE_SECONDS = 2.0
_GONE_SECONDS = 5.0
# Seconds after which a kernel's death is noticed.
_WATCH_SECONDS = 1.0


@dataclass
class AttemptKernel:
    """The kernel of one attempt.

    Attributes:
        fence: of the attempt; grows with every attempt of a task run.
        folder: where its notebook runs: the kernel's folder, or one in it.
        packages: those whose versions have changed since the version was saved, in words.
    """

    attempt_id: str
    task_run: str
    fence: int
    kernel: Started
    folder: Path
    packages: str = ""

    def exit_status(self) -> int | None:
        """The exit status, as in ``subprocess``; ``None`` if it runs or its status is unknown."""
        process = getattr(self.kernel.manager.provisioner, "process", None)
        return None if process is None else process.poll()

    def view(self) -> dict[str, Any]:
        """Its public fields, for the API."""
        return {
            "attempt": self.attempt_id,
            "task_run": self.task_run,
            "fence": self.fence,
            "kernel_id": self.kernel.id,
            "alive": self.kernel.mark.alive(),
            "exit_status": self.exit_status(),
        }


class AttemptKernels:
    """Starts and ends the kernels of attempts.

    To be used from one event loop, except ``close_now``.

    Args:
        kernels: jupyter_client's multi-kernel manager, or the Jupyter server's.
        spare: True to keep one kernel warm once an attempt has run here.
        root: from ``new_root``; made when needed if left out.
    """

    def __init__(self, kernels: Any, *, spare: bool, root: Path | None = None) -> None:
        self._kernels = kernels
        self._keeps_spare = spare
        self._spare = Spare(self._start_spare, self._stop)
        self._by_id: dict[str, AttemptKernel] = {}
        self._fences: OrderedDict[str, int] = OrderedDict()
        self._locks: dict[str, tuple[asyncio.Lock, int]] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._root = root

    def all(self) -> list[AttemptKernel]:
        """All kernels of attempts, oldest first."""
        return list(self._by_id.values())

    def get(self, attempt_id: str) -> AttemptKernel:
        """The kernel of an attempt. Raises ``NotFound`` (``unknown_attempt``)."""
        try:
            return self._by_id[attempt_id]
        except KeyError:
            raise NotFound("This attempt has no kernel here.", code="unknown_attempt") from None

    async def start(
        self,
        attempt_id: str,
        task_run: str,
        fence: int,
        kernel_name: str,
        snapshot: bytes,
        path: str = "",
    ) -> AttemptKernel:
        """Starts an attempt's kernel, in a fresh copy of the snapshot.

        First it ends what older attempts of the same task run left here, and waits until it is gone.

        Args:
            path: of the notebook's folder in the snapshot; empty if it is at the top.

        Raises:
            Conflict: a newer attempt was here (``stale_fence``), or this one (``attempt_exists``).
            Unprocessable: there is no such kernelspec (``unknown_kernel``), or it doesn't start
                (``kernel_did_not_start``).
            Unavailable: a process of an older attempt doesn't end (``process_remains``).
            InvalidInput, TooLarge: the snapshot can't be unpacked, or the path is invalid.
        """
        attempt_folders.check_path(path)
        async with self._turn(task_run):
            if fence < self._fences.get(task_run, fence):
                raise Conflict(
                    "A newer attempt of this task run has already been here.", code="stale_fence"
                )
            if attempt_id in self._by_id or any(
                each.task_run == task_run and each.fence == fence for each in self.all()
            ):
                raise Conflict("This attempt already has a kernel.", code="attempt_exists")
            self._fences[task_run] = fence
            self._fences.move_to_end(task_run)
            while len(self._fences) > _REMEMBERED:
                self._fences.popitem(last=False)
            for older in self.all():
                if older.task_run == task_run:
                    await self._end(older, now=True)
            await self._require_installed(kernel_name)
            kernel = await self._spare.take(kernel_name, {VARIABLE: attempt_id}, path)
            folder = kernel.folder if kernel is not None else self._new_folder()
            try:
                working = folder / path
                changed = await asyncio.to_thread(attempt_folders.fill, folder, snapshot, working)
                if kernel is None:
                    kernel = await self._start_kernel(
                        kernel_name, folder, {VARIABLE: attempt_id}, working
                    )
            except BaseException:
                if kernel is not None:
                    await self._stop(kernel)
                else:
                    await asyncio.to_thread(attempt_folders.remove, folder)
                raise
            attempt_folders.note(kernel.folder, kernel.mark, attempt_id)
            attempt = AttemptKernel(attempt_id, task_run, fence, kernel, working, changed)
            self._by_id[attempt_id] = attempt
            return attempt

    async def end(self, attempt_id: str, *, now: bool) -> None:
        """Ends an attempt's kernel with all processes that it started, and removes its folder.

        Args:
            now: kill it at once; otherwise it has two seconds to exit.

        Raises:
            NotFound: there is none (``unknown_attempt``).
            Unavailable: a process doesn't end (``process_remains``).
        """
        async with self._turn(self.get(attempt_id).task_run):
            attempt = self.get(attempt_id)
            await self._end(attempt, now=now)
        # Not while an attempt runs: starting a kernel would slow it down.
        if self._keeps_spare and not self._by_id:
            self._spare.prepare(attempt.kernel.manager.kernel_name)

    def end_soon(self, attempt_id: str) -> None:
        """Does what ``end`` does, gracefully and in the background.

        Raises:
            NotFound: there is none (``unknown_attempt``).
        """
        self.get(attempt_id)
        ending = asyncio.create_task(self.end(attempt_id, now=False))
        self._ending.add(ending)
        ending.add_done_callback(self._ended)

    def _ended(self, ending: asyncio.Task[None]) -> None:
        self._ending.discard(ending)
        error = None if ending.cancelled() else ending.exception()
        # It may already be gone.
        if error is not None and not isinstance(error, NotFound):
            log.error("a kernel was not ended", exc_info=error)

    async def close(self) -> None:
        """Ends all kernels, and the spare one."""
        self._keeps_spare = False
        await asyncio.gather(*self._ending, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await self._spare.close()
        for attempt in self.all():
            with contextlib.suppress(Unavailable):
                await self._end(attempt, now=True)
        self.close_now()

    def close_now(self) -> None:
        """Kills what is left and removes the folders; for the end of the process, from any thread."""
        self._by_id.clear()
        root, self._root = self._root, None
        if root is not None:
            attempt_folders.end_all(root, _GRACE_SECONDS)

    # --- inside ------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _turn(self, task_run: str) -> Any:
        """Serializes what concerns one task run."""
        lock, users = self._locks.get(task_run, (asyncio.Lock(), 0))
        self._locks[task_run] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(task_run)
            if users > 1:
                self._locks[task_run] = (lock, users - 1)

    async def _require_installed(self, kernel_name: str) -> None:
        specs = self._kernels.kernel_spec_manager
        try:
            found = specs.get_kernel_spec(kernel_name)
            if asyncio.iscoroutine(found):
                await found
        except (NoSuchKernel, ValueError):
            names = specs.find_kernel_specs()
            if asyncio.iscoroutine(names):
                names = await names
            raise Unprocessable(
                f"The kernel {kernel_name!r} isn't installed where notebooks run. There are: "
                f"{', '.join(sorted(names))}.",
                code="unknown_kernel",
                known=sorted(names),
            ) from None

    async def _start_kernel(
        self,
        kernel_name: str,
        folder: Path,
        environment: dict[str, str],
        working: Path | None = None,
    ) -> Started:
        try:
            kernel_id = await self._kernels.start_kernel(
                kernel_name=kernel_name,
                cwd=str(working or folder),
                # The Workbench's kernel then starts without its debugger.
                env={**os.environ, "WORKBENCH_UNATTENDED": "1", **environment},
            )
        except OSError as error:
            raise Unprocessable(
                f"The kernel {kernel_name!r} doesn't start: {error.strerror}.",
                code="kernel_did_not_start",
            ) from error
        manager = self._kernels.get_kernel(kernel_id)
        # A kernel that died must not be restarted under the same id: its state is gone.
        restarter = getattr(manager, "_restarter", None)
        if restarter is not None:
            restarter.stop()
            restarter.restart_limit, restarter.time_to_dead = 0, _WATCH_SECONDS
            restarter.start()
        mark = Mark.of(manager.provisioner.pid)
        if mark is None:
            with contextlib.suppress(Exception):
                await self._kernels.shutdown_kernel(kernel_id, now=True)
            raise Unprocessable(
                f"The kernel {kernel_name!r} exited as soon as it was started.",
                code="kernel_did_not_start",
            )
        return Started(kernel_id, manager, mark, folder)

    async def _start_spare(self, kernel_name: str) -> Started:
        folder = self._new_folder()
        try:
            kernel = await self._start_kernel(kernel_name, folder, {})
        except BaseException:
            await asyncio.to_thread(attempt_folders.remove, folder)
            raise
        attempt_folders.note(kernel.folder, kernel.mark, None)
        return kernel

    async def _end(self, attempt: AttemptKernel, *, now: bool) -> None:
        await self._stop(attempt.kernel, attempt.attempt_id, now=now)
        self._by_id.pop(attempt.attempt_id, None)

    async def _stop(
        self, kernel: Started, attempt_id: str | None = None, *, now: bool = True
    ) -> None:
        kernel.manager.stop_restarter()
        if not now:
            await self._release(kernel, now=False)
        gone = await asyncio.to_thread(processes.end, kernel.mark, attempt_id, _GONE_SECONDS)
        await self._release(kernel, now=True)
        if not gone:
            raise Unavailable(
                "A process of an earlier attempt doesn't stop.", code="process_remains"
            )
        await asyncio.to_thread(attempt_folders.remove_noted, kernel.folder)

    async def _release(self, kernel: Started, *, now: bool) -> None:
        """Makes the manager release a kernel, whatever its state."""
        manager = kernel.manager
        manager.shutdown_wait_time = _GRACE_SECONDS
        # The user can end it too, at any moment between these lines.
        with contextlib.suppress(Exception):
            if kernel.id in self._kernels:
                await self._kernels.shutdown_kernel(kernel.id, now=now)
            elif manager.has_kernel:
                # It died and was taken off the list, but its files and sockets are still there.
                activity = getattr(manager, "_activity_stream", None)
                if activity is not None and not activity.closed():
                    activity.close()
                await manager.shutdown_kernel(now=True)

    def _new_folder(self) -> Path:
        if self._root is None:
            self._root = attempt_folders.new_root()
        return attempt_folders.new_folder(self._root)

"""The kernels of attempts in one place: a person's Jupyter server, or this process's own machine.

Each attempt has a kernel and a fresh private folder with its copy of the snapshot. The rule that
matters: before the kernel of an attempt starts, every kernel of the same task run with a lower fence
is gone, with all the processes that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import os
import secrets
import socket
import tempfile
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import NoSuchKernel

from ..kit.errors import Conflict, InvalidInput, NotFound, Unavailable, Unprocessable
from ..kit.snapshot import unpack
from . import files, processes
from .packages import changes
from .processes import VARIABLE, Mark
from .spare import Spare, Started, remove

log = logging.getLogger(__name__)

_REMEMBERED = 10_000
# Seconds that a kernel has to end by itself, where nothing hurries.
_GRACE_SECONDS = 2.0
_GONE_SECONDS = 5.0
# Seconds after which a kernel's death is noticed.
_WATCH_SECONDS = 1.0


@dataclass
class AttemptKernel:
    """The kernel of one attempt.

    Attributes:
        fence: of the attempt; grows with every attempt of a task run.
        packages: those that are not as they were when the version was saved, in words.
    """

    attempt_id: str
    task_run: str
    fence: int
    kernel: Started
    packages: str = ""

    def exit_status(self) -> int | None:
        """How its process ended, as ``subprocess`` says it; ``None`` if it runs or nobody knows."""
        process = getattr(self.kernel.manager.provisioner, "process", None)
        return None if process is None else process.poll()

    def view(self) -> dict[str, Any]:
        """It as the API shows it."""
        return {
            "attempt": self.attempt_id,
            "task_run": self.task_run,
            "fence": self.fence,
            "kernel_id": self.kernel.id,
            "alive": self.kernel.mark.alive(),
            "exit_status": self.exit_status(),
        }


class AttemptKernels:
    """All of them. Used from one event loop; ``close_now`` from anywhere, at the process's end.

    Args:
        kernels: jupyter_client's manager of many kernels, or the Jupyter server's.
        spare: whether one kernel is kept warm, once an attempt has run here.
        root: of ``new_root``; made when it is needed if left out.
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
        """Each of them, the oldest first."""
        return list(self._by_id.values())

    def get(self, attempt_id: str) -> AttemptKernel:
        """The one of this attempt. Raises ``NotFound`` (``unknown_attempt``)."""
        try:
            return self._by_id[attempt_id]
        except KeyError:
            raise NotFound("This attempt has no kernel here.", code="unknown_attempt") from None

    async def start(
        self, attempt_id: str, task_run: str, fence: int, kernel_name: str, snapshot: bytes
    ) -> AttemptKernel:
        """Starts an attempt's kernel, in a fresh copy of the snapshot.

        First it ends what older attempts of the same task run left here, and sees it gone.

        Raises:
            Conflict: a newer attempt was here (``stale_fence``), or this one (``attempt_exists``).
            Unprocessable: there is no such kernelspec (``unknown_kernel``), or it doesn't start
                (``kernel_did_not_start``).
            Unavailable: a process of an older attempt doesn't end (``process_remains``).
            InvalidInput, TooLarge: the snapshot can't be taken.
        """
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
            await self._known(kernel_name)
            kernel = await self._spare.take(kernel_name, {VARIABLE: attempt_id})
            folder = kernel.folder if kernel is not None else self._new_folder()
            try:
                changed = await asyncio.to_thread(_lay_out, snapshot, folder)
                if kernel is None:
                    kernel = await self._start_kernel(kernel_name, folder, {VARIABLE: attempt_id})
            except BaseException:
                if kernel is not None:
                    await self._stop(kernel)
                else:
                    await asyncio.to_thread(remove, folder)
                raise
            self._note(kernel, attempt_id)
            attempt = AttemptKernel(attempt_id, task_run, fence, kernel, changed)
            self._by_id[attempt_id] = attempt
            return attempt

    async def end(self, attempt_id: str, *, now: bool) -> None:
        """Ends an attempt's kernel with all that it started, and removes its folder.

        Args:
            now: kill it; otherwise it has two seconds to end by itself.

        Raises:
            NotFound: there is none (``unknown_attempt``).
            Unavailable: a process doesn't end (``process_remains``).
        """
        async with self._turn(self.get(attempt_id).task_run):
            attempt = self.get(attempt_id)
            await self._end(attempt, now=now)
        # Not while something runs: it would take its processor.
        if self._keeps_spare and not self._by_id:
            self._spare.prepare(attempt.kernel.manager.kernel_name)

    def end_soon(self, attempt_id: str) -> None:
        """Begins what ``end`` does without hurry, and doesn't wait for it.

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
        # Gone already is as good.
        if error is not None and not isinstance(error, NotFound):
            log.error("a kernel was not ended", exc_info=error)

    async def close(self) -> None:
        """Ends all of them, and the spare one."""
        self._keeps_spare = False
        await asyncio.gather(*self._ending, return_exceptions=True)
        with contextlib.suppress(Unavailable):
            await self._spare.close()
        for attempt in self.all():
            with contextlib.suppress(Unavailable):
                await self._end(attempt, now=True)
        self.close_now()

    def close_now(self) -> None:
        """Kills what is left and removes the folders; for the end of the process."""
        self._by_id.clear()
        root, self._root = self._root, None
        if root is not None:
            for mark, attempt_id in _notes(root):
                processes.end(mark, attempt_id, _GRACE_SECONDS)
            remove(root)

    # --- inside ------------------------------------------------------------------------------

    @contextlib.asynccontextmanager
    async def _turn(self, task_run: str) -> Any:
        """One at a time for each task run."""
        lock, users = self._locks.get(task_run, (asyncio.Lock(), 0))
        self._locks[task_run] = (lock, users + 1)
        try:
            async with lock:
                yield
        finally:
            lock, users = self._locks.pop(task_run)
            if users > 1:
                self._locks[task_run] = (lock, users - 1)

    async def _known(self, kernel_name: str) -> None:
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
        self, kernel_name: str, folder: Path, environment: dict[str, str]
    ) -> Started:
        try:
            kernel_id = await self._kernels.start_kernel(
                kernel_name=kernel_name, cwd=str(folder), env={**os.environ, **environment}
            )
        except OSError as error:
            raise Unprocessable(
                f"The kernel {kernel_name!r} doesn't start: {error.strerror}.",
                code="kernel_did_not_start",
            ) from error
        manager = self._kernels.get_kernel(kernel_id)
        # One that died isn't to come back under the same name: its state is gone.
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
            await asyncio.to_thread(remove, folder)
            raise
        self._note(kernel, None)
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
        await asyncio.to_thread(remove, kernel.folder)
        _note_of(kernel.folder).unlink(missing_ok=True)

    async def _release(self, kernel: Started, *, now: bool) -> None:
        """Has the manager let go of a kernel, in whatever state it has it."""
        manager = kernel.manager
        manager.shutdown_wait_time = _GRACE_SECONDS
        # It may end between two of these lines: its user can end it too.
        with contextlib.suppress(Exception):
            if kernel.id in self._kernels:
                await self._kernels.shutdown_kernel(kernel.id, now=now)
            elif manager.has_kernel:
                # It died, and was taken off the list; its files and sockets were not.
                activity = getattr(manager, "_activity_stream", None)
                if activity is not None and not activity.closed():
                    activity.close()
                await manager.shutdown_kernel(now=True)

    # --- folders -----------------------------------------------------------------------------

    def _new_folder(self) -> Path:
        if self._root is None:
            self._root = new_root()
        folder = self._root / secrets.token_hex(4)
        folder.mkdir(mode=0o700)
        return folder

    def _note(self, kernel: Started, attempt_id: str | None) -> None:
        """Leaves word of a kernel for the next server, should this one be killed."""
        text = json.dumps({"attempt": attempt_id, **kernel.mark.to_json()})
        _note_of(kernel.folder).write_text(text, encoding="utf-8")


def _lay_out(snapshot: bytes, folder: Path) -> str:
    """Makes the folder of an attempt: the snapshot, and places for what comes in and goes out.

    Returns:
        The packages that are not as the snapshot has them, in words.
    """
    unpack(snapshot, folder)
    try:
        files.prepare(folder)
    except FileExistsError as error:
        raise InvalidInput(
            f"The snapshot must not contain {files.INPUTS} or {files.OUTPUTS}.",
            code="bad_snapshot",
        ) from error
    return changes(folder)


def _note_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def new_root() -> Path:
    """A private folder for this process, and an end to what processes before it left behind."""
    base = _base()
    with contextlib.suppress(FileExistsError):
        base.mkdir(mode=0o700)
    state = base.lstat()
    if base.is_symlink() or state.st_uid != os.getuid() or state.st_mode & 0o077:
        # Another user made it first: what lies there is theirs.
        return Path(tempfile.mkdtemp(prefix="wb-attempts-"))
    clear_left(base)
    mine = Mark.of(os.getpid())
    assert mine is not None
    root = base / f"{_machine()}-{mine.pid}-{mine.started:.2f}-{secrets.token_hex(2)}"
    root.mkdir(mode=0o700)
    return root


def _machine() -> str:
    """This machine's name, short: a folder may be shared with others, and sockets lie below it."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:6]


def _base() -> Path:
    return Path(tempfile.gettempdir()) / f"wb-attempts-{os.getuid()}"


def end_left(attempt_id: str) -> bool:
    """Ends the kernel of an attempt that another process of this machine has or had.

    Returns:
        Whether nothing of it is left.
    """
    marks: list[Mark | None] = [
        mark
        for root in (_base().iterdir() if _base().is_dir() else ())
        for mark, known in _notes(root)
        if known == attempt_id
    ]
    # Without a note there may still be what its kernel started.
    gone = [processes.end(mark, attempt_id) for mark in marks or [None]]
    return all(gone)


def clear_left(base: Path) -> None:
    """Ends the kernels and removes the folders of processes of this machine that are gone."""
    for root in base.iterdir():
        with contextlib.suppress(ValueError, OSError):
            machine, pid, started, _ = root.name.split("-")
            if machine != _machine() or Mark(int(pid), float(started)).alive():
                continue
            for mark, attempt_id in _notes(root):
                log.warning("ending kernel %s of a server that is gone", mark.pid)
                processes.end(mark, attempt_id)
            remove(root)


def _notes(root: Path) -> Iterator[tuple[Mark, str | None]]:
    for note in root.glob("*.json"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            value = json.loads(note.read_text(encoding="utf-8"))
            yield Mark.parse(value), value["attempt"]

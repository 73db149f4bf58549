"""Processes in which DuckDB runs: each for one statement, then ended.

Starting one takes half a second, forking it from a nursery a hundredth of that. ``duckdb_worker`` is
what runs in them, and says what goes in and comes out. The connectors that read through DuckDB share
them.
"""

from __future__ import annotations

import json
import os
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final

from .worker_errors import no_temporary_files

_SCRIPT: Final = Path(__file__).with_name("duckdb_worker.py")
ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    # A fork has no thread but the one that forks: libraries are to have none of their own.
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
# The first one waits for the imports, on a machine that may be busy.
_FORK_SECONDS: Final = 60.0


class Worker:
    """One process, waiting for its one request.

    Attributes:
        pid: its number.
    """

    def __init__(
        self, pid: int, handle: int, request: IO[bytes], output: IO[bytes], endings: IO[bytes]
    ) -> None:
        self.pid = pid
        self._handle: int | None = handle
        self._lock = threading.Lock()
        self._request = request
        self._output = output
        self._endings = endings
        self._temporary: Path | None = None

    def send(self, request: dict[str, Any], temporary: Path | None = None) -> None:
        """Asks it. Raises ``OSError`` when it has gone.

        Args:
            temporary: a folder of its own for temporary files, which goes with it.
        """
        self._temporary = temporary
        self._request.write(json.dumps(request).encode() + b"\n")
        self._request.flush()

    @property
    def output(self) -> IO[bytes]:
        """Where its Arrow stream comes from."""
        return self._output

    def ending(self) -> dict[str, Any] | None:
        """What the process said last, or ``None`` when it went without a word."""
        try:
            return dict(json.loads(self._endings.readline()))
        except ValueError:
            return None

    def kill(self) -> None:
        """Ends it at once. Safe from any thread, more than once."""
        with self._lock, suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def wait(self, seconds: float | None = None) -> bool:
        """Whether it has ended, after at most so long."""
        if self._handle is None:
            return True
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    def discard(self) -> None:
        """Ends it, and closes what leads to it."""
        self.kill()
        self.wait()
        with self._lock:
            handle, self._handle = self._handle, None
        if handle is not None:
            os.close(handle)
        for pipe in (self._request, self._output, self._endings):
            with suppress(OSError, ValueError):
                pipe.close()
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


class Nursery:
    """The process that the others are forked from, once it has done their imports."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-B", str(_SCRIPT), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._socket.settimeout(_FORK_SECONDS)

    def fork(self) -> Worker:
        """A new process. Raises ``OSError`` when the nursery is gone or can't make one."""
        theirs, ours = [], []
        try:
            for written_by_us in (True, False, False):
                read, write = os.pipe()
                theirs.append(read if written_by_us else write)
                ours.append(os.fdopen(write, "wb") if written_by_us else os.fdopen(read, "rb"))
            socket.send_fds(self._socket, [b"f"], theirs)
            pid, handles, _, _ = socket.recv_fds(self._socket, 32, 1)
            if not handles:
                raise OSError("no process could be made")
        except BaseException:
            for pipe in ours:
                pipe.close()
            raise
        finally:
            for each in theirs:
                os.close(each)
        return Worker(int(pid), handles[0], *ours)

    def close(self) -> None:
        """Ends it; those that it made live on."""
        self._socket.close()
        self.process.kill()
        self.process.wait()


class Workers:
    """Makes processes, each for a statement.

    Args:
        warm: start the nursery now, of about 90 MB; otherwise with the first statement, which waits
            for it.
        memory_limit: of one statement, as DuckDB writes it.
        threads: of one statement.
        temporary: where statements may write temporary files; ``None``: nowhere. It is made, and
            what an earlier process left in it is removed.
    """

    def __init__(
        self,
        *,
        warm: bool = False,
        memory_limit: str = "1GB",
        threads: int = 2,
        temporary: Path | None = None,
    ) -> None:
        self._limits = {"memory_limit": memory_limit, "threads": threads}
        self._temporary = temporary.absolute() if temporary is not None else None
        if self._temporary is not None:
            _tidy(self._temporary)
        self._lock = threading.Lock()
        self._nursery = Nursery() if warm else None

    def take(self) -> Worker:
        """A process that has had no request yet. Whoever takes it discards it.

        Raises:
            OSError: none can be made.
        """
        with self._lock:
            if self._nursery is not None:
                try:
                    return self._nursery.fork()
                except OSError:
                    self._nursery.close()  # it was killed: the next one may live
            self._nursery = Nursery()
            return self._nursery.fork()

    def send(self, worker: Worker, sql: str, source: dict[str, Any], temp_bytes: int = 0) -> None:
        """Asks a process for a statement's rows.

        Args:
            source: what it reads.
            temp_bytes: of temporary files that it may write; 0: none.

        Raises:
            OSError: it has gone.
            Unavailable: temporary files can't be written.
        """
        request: dict[str, Any] = {"sql": sql, "source": source, **self._limits}
        folder = None
        if self._temporary is not None and temp_bytes:
            try:
                folder = Path(tempfile.mkdtemp(prefix=f"query-{os.getpid()}-", dir=self._temporary))
            except OSError:
                raise no_temporary_files() from None
            request["temporary"] = {"folder": str(folder), "bytes": temp_bytes}
        worker.send(request, folder)

    def close(self) -> None:
        """Ends the nursery."""
        with self._lock:
            nursery, self._nursery = self._nursery, None
        if nursery is not None:
            nursery.close()


def _tidy(folder: Path) -> None:
    """Makes the folder of temporary files, and removes what processes that are gone left there."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in folder.iterdir():
        found = re.match(r"query-(\d+)-", left.name)
        if found and not Path(f"/proc/{found[1]}").exists():
            shutil.rmtree(left, ignore_errors=True)

"""Processes for work that must be killable from outside: one process per request.

Starting a Python process costs half a second of imports; forking one from a process that has done
them costs a hundredth of that. So there is a nursery: a process without threads, secrets or requests,
which forks whenever the service asks for a process. This file has both ends, and imports only the
standard library, so that it runs with an empty environment.
"""

from __future__ import annotations

import json
import os
import resource
import select
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, NoReturn

ENVIRONMENT: Final = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C.UTF-8",
    # A fork keeps only the forking thread, so libraries must not start threads.
    "OPENBLAS_NUM_THREADS": "1",
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
}
# The first fork waits for the imports, on a machine that may be busy.
_FORK_SECONDS: Final = 60.0


# The service's end -------------------------------------------------------------------------------


class Forked:
    """A forked process, waiting for its one request.

    It reads a line of JSON, may answer with a stream of bytes, and ends with a line of JSON.

    Attributes:
        pid: its process id.
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
        """Sends the request. Raises ``OSError`` if the process has ended.

        Args:
            temporary: the process's own folder for temporary files, removed with it.
        """
        self._temporary = temporary
        self._request.write(json.dumps(request).encode() + b"\n")
        self._request.flush()

    @property
    def temporary(self) -> Path | None:
        """Its own folder for temporary files."""
        return self._temporary

    @property
    def output(self) -> IO[bytes]:
        """The stream that it writes."""
        return self._output

    def ending(self) -> dict[str, Any] | None:
        """The process's last line, or ``None`` if it ended without one."""
        try:
            return dict(json.loads(self._endings.readline()))
        except ValueError:
            return None

    def said(self) -> dict[str, Any] | None:
        """The next line, before its answer; ``None`` if it ended without one."""
        return self.ending()

    def kill(self) -> None:
        """Kills it at once. Safe from any thread, and to repeat."""
        with self._lock, suppress(ProcessLookupError):
            if self._handle is not None:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def wait(self, seconds: float | None = None) -> bool:
        """Waits for its end, for at most this long. True if it has ended."""
        if self._handle is None:
            return True
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    def discard(self) -> None:
        """Kills it, closes its pipes and removes its temporary folder."""
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
    """Forks processes from a parent that has done their imports. Safe from any thread.

    Args:
        program: what Python runs in the parent: it calls ``serve`` with its last argument.
        warm: start the parent now; otherwise the first request starts it and waits for its imports.
    """

    def __init__(self, program: Sequence[str], *, warm: bool = False) -> None:
        self._program = program
        self._lock = threading.Lock()
        self._parent = _Parent(program) if warm else None

    def fork(self) -> Forked:
        """A new process, which has had no request yet. The caller must discard it.

        Raises:
            OSError: no process can be made.
        """
        with self._lock:
            if self._parent is not None:
                try:
                    return self._parent.fork()
                except OSError:
                    self._parent.close()  # it was killed: try another
            self._parent = _Parent(self._program)
            return self._parent.fork()

    def close(self) -> None:
        """Ends the parent; its forks live on."""
        with self._lock:
            parent, self._parent = self._parent, None
        if parent is not None:
            parent.close()


class _Parent:
    """The process that the others are forked from."""

    def __init__(self, program: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-I", "-B", *program, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env=ENVIRONMENT,
                cwd="/",
                pass_fds=(theirs.fileno(),),
                start_new_session=True,
            )
        self._socket.settimeout(_FORK_SECONDS)

    def fork(self) -> Forked:
        """Forks a process. Raises ``OSError`` if the parent has ended or can't fork."""
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
        return Forked(int(pid), handles[0], *ours)

    def close(self) -> None:
        self._socket.close()
        self.process.kill()
        self.process.wait()


# The nursery's end -------------------------------------------------------------------------------


def serve(descriptor: int, work: Callable[[int, int, int], None]) -> None:
    """The nursery's loop: forks processes until the service closes the socket.

    For each it receives three descriptors, and answers with the process's id and a pidfd.

    Args:
        descriptor: the socket, named by the last argument of the command line.
        work: what each process runs, with the descriptors of its request, its output and its ending.
    """
    nursery = socket.socket(fileno=descriptor)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGCHLD, _reap)
    while True:
        _, given, _, _ = socket.recv_fds(nursery, 1, 3)
        if len(given) != 3:
            return
        # A process that ends at once must not be reaped before its pidfd is open.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
        try:
            pid = os.fork()
        except OSError:
            nursery.send(b"none")
        else:
            if pid == 0:
                _become_forked(nursery, work, given)
            handle = os.pidfd_open(pid)
            socket.send_fds(nursery, [str(pid).encode()], [handle])
            os.close(handle)
        finally:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
            for each in given:
                os.close(each)


def _reap(*_: object) -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become_forked(
    nursery: socket.socket, work: Callable[[int, int, int], None], given: list[int]
) -> NoReturn:
    try:
        nursery.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
        os.setsid()
        work(*given)
    finally:
        # Never back into the nursery's loop. No exit handlers of libraries either: there is nothing to
        # save, and their threads may still run.
        os._exit(0)


def request_of(descriptor: int) -> dict[str, Any] | None:
    """Waits for the request; ``None`` if none will come.

    From then on the process ends as soon as the service ends, or no longer wants the answer.
    """
    line = os.fdopen(os.dup(descriptor), "rb").readline()
    if not line:
        return None
    threading.Thread(target=_leave_with_parent, args=[descriptor], daemon=True).start()
    return dict(json.loads(line))


def _leave_with_parent(descriptor: int) -> None:
    os.read(descriptor, 1)
    os._exit(1)


def say(descriptor: int, word: dict[str, Any]) -> None:
    """Writes a line before the last one: the service must be waiting for it."""
    line = memoryview(json.dumps(word).encode() + b"\n")
    while line:
        line = line[os.write(descriptor, line) :]


def end_with(descriptor: int, ending: dict[str, Any]) -> None:
    """Writes the process's last line."""
    with os.fdopen(descriptor, "w", encoding="utf-8") as endings:
        endings.write(json.dumps(ending) + "\n")

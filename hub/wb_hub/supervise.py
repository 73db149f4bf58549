"""Runs the Hub as a child process and leaves no process behind, however it ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import psutil

from wb_hub.launch import adopt_orphans

_STOP_SECONDS = 30
_KILL_SECONDS = 5
_LOG_KEPT_BYTES = 10 * 1024 * 1024
_TAIL_BYTES = 64 * 1024
# The Hub's own lines of level warning and above, as in "[W 2026-01-31 12:00:00.000 JupyterHub app:1] text".
_WARNING = re.compile(rb"^\[[WEC] \S+ \S+ JupyterHub (\S+)\] (.*)")
# Logged on every start, wrong password or request over plain HTTP: true, but nothing to act on.
_EXPECTED = re.compile(
    rb"Running JupyterHub without SSL|^[1-4]\d\d |Failed login|Role .* extra perm|Adding missing route"
    rb"|Skipping XSRF check for insecure request"
)


class Log:
    """The Hub's log file: written by the Hub and all its children, followed from here."""

    def __init__(self, path: Path, *, verbose: bool) -> None:
        self.path = path
        self._verbose = verbose
        if path.exists() and path.stat().st_size > _LOG_KEPT_BYTES:
            path.replace(path.with_suffix(".log.1"))
        path.touch(mode=0o600)
        self._read_to = path.stat().st_size
        self._rest = b""

    def show_new(self) -> None:
        """Prints what was logged since the last call: warnings, or everything if verbose."""
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            new = file.read()
            self._read_to = file.tell()
        *lines, self._rest = (self._rest + new).split(b"\n")
        for line in lines:
            warning = _WARNING.match(line)
            if self._verbose or (warning and warning[2] and not _EXPECTED.search(warning[2])):
                print(line.decode("utf-8", "replace"), file=sys.stderr, flush=True)

    def tail(self, lines: int = 20) -> str:
        with self.path.open("rb") as file:
            file.seek(max(0, self.path.stat().st_size - _TAIL_BYTES))
            return "\n".join(file.read().decode("utf-8", "replace").splitlines()[-lines:])


class StopRequest:
    """Remembers that a signal asked to stop."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._count = 0

    @contextlib.contextmanager
    def listening(self) -> Iterator[StopRequest]:
        watched = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._note) for number in watched}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _note(self, number: int, frame: object) -> None:
        self._count += 1
        self._event.set()

    @property
    def asked(self) -> bool:
        return self._event.is_set()

    @property
    def impatient(self) -> bool:
        """Whether a second signal came: stop without waiting."""
        return self._count > 1

    def wait(self, seconds: float) -> bool:
        """Waits for a request to stop. True if there was one."""
        return self._event.wait(seconds)


class HubProcess:
    """The Hub and everything it started."""

    def __init__(
        self,
        command: Sequence[str],
        env: Mapping[str, str],
        cwd: Path,
        log: Path,
        *,
        keep: Sequence[int] = (),
    ) -> None:
        # Orphaned descendants become our children, so that we can find and end them.
        adopt_orphans()
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "wb_hub.launch", "--", *command],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=subprocess.STDOUT,
                env={**env, "WB_TETHER_TO": str(os.getpid())},
                cwd=cwd,
                # Not in the terminal's process group: Ctrl-C reaches only us, and we stop in order.
                start_new_session=True,
                pass_fds=keep,
            )

    @property
    def status(self) -> int | None:
        """The Hub's exit status; None while it runs."""
        return self._process.poll()

    def service(self) -> psutil.Process | None:
        """The managed service's process, if it runs."""
        with contextlib.suppress(psutil.Error):
            for child in psutil.Process(self._process.pid).children():
                with contextlib.suppress(psutil.Error):
                    if "wb_server.cli" in child.cmdline() and "service" in child.cmdline():
                        return child
        return None

    def reap(self) -> None:
        """Collects the exit status of adopted orphans, which would stay as zombies."""
        with contextlib.suppress(ChildProcessError):
            for child in psutil.Process().children():
                if child.pid != self._process.pid and child.status() == psutil.STATUS_ZOMBIE:
                    os.waitpid(child.pid, os.WNOHANG)

    def stop(self, request: StopRequest) -> None:
        """Asks the Hub to stop, then ends it and any descendants that are left."""
        known = psutil.Process().children(recursive=True)
        if self._process.poll() is None:
            self._process.terminate()
            until = time.monotonic() + _STOP_SECONDS
            while (
                self._process.poll() is None and time.monotonic() < until and not request.impatient
            ):
                time.sleep(0.1)
        for sign, seconds in ((signal.SIGTERM, _KILL_SECONDS), (signal.SIGKILL, _KILL_SECONDS)):
            # Without a subreaper (not on Linux), orphans are known only from the list made before.
            left = {*psutil.Process().children(recursive=True), *known}
            left = {p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE}
            if not left:
                break
            for process in left:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.send_signal(signal.SIGKILL if request.impatient else sign)
            psutil.wait_procs(left, timeout=seconds)
        self._process.poll()
        self.reap()

"""Runs long commands, several in parallel, and shows what is running and for how long.

Each finished command is one line. On a terminal, an animated last line shows what is running.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

_FRAMES = "|/-\\"
_TAIL_LINES = 25


class StepFailed(Exception):
    """A step failed; the text is for the user at the terminal."""


def seconds(since: float) -> str:
    return f"{time.monotonic() - since:.0f} s"


def tail(path: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a text file, without reading all of a large one."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 64 * 1024))
        text = file.read().decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])


class _Board:
    """The lines on the terminal, shared by threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: dict[str, float] = {}
        self._frame = 0

    def _show(self) -> None:
        if not sys.stderr.isatty():
            return
        text = ""
        if self._active:
            self._frame += 1
            names = " · ".join(f"{title} {seconds(at)}" for title, at in self._active.items())
            text = f"{_FRAMES[self._frame % len(_FRAMES)]} {names}"
        # Cut to the terminal's width: a wrapped line can't be overwritten.
        width = max(10, shutil.get_terminal_size().columns - 1)
        print(f"\r\x1b[K{text[:width]}", end="", file=sys.stderr, flush=True)

    def starts(self, title: str) -> None:
        with self._lock:
            self._active[title] = time.monotonic()
            self._show()

    def moves(self) -> None:
        with self._lock:
            self._show()

    def ends(self, title: str, word: str = "") -> None:
        with self._lock:
            took = seconds(self._active.pop(title))
            clear = "\r\x1b[K" if sys.stderr.isatty() else ""
            print(f"{clear}  {title} {word or took}", file=sys.stderr, flush=True)
            self._show()


_board = _Board()
_stopped = threading.Event()


def stop() -> None:
    """Ends the commands running in all threads, and starts no more."""
    _stopped.set()


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command and everything it started, by its process group."""
    for sig, grace in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            return
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue


def _wait(process: subprocess.Popen[bytes]) -> int:
    while not _stopped.is_set():
        try:
            return process.wait(0.2)
        except subprocess.TimeoutExpired:
            _board.moves()
    raise StepFailed("stopped")


def run(
    title: str,
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    success: Collection[int] = (0,),
) -> None:
    """Runs ``command`` with its output in ``log``, and shows on the terminal how long it takes.

    Args:
        title: What the user reads while it runs.
        log: Receives both output streams; its end is shown on failure.
        success: The exit statuses that count as success.

    Raises:
        StepFailed: The command couldn't start or failed, or :func:`stop` was called.
    """
    if _stopped.is_set():
        raise StepFailed("stopped")
    start = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(f"$ {' '.join(command)}\n".encode())
        sink.flush()
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise StepFailed(f"{title}: {command[0]} can't be started: {error.strerror}") from None
    _board.starts(title)
    try:
        status = _wait(process)
    except BaseException:
        _end(process)
        _board.ends(title, "stopped")
        raise
    if status in success:
        _board.ends(title)
        return
    _board.ends(title, "failed")
    raise StepFailed(
        f"{tail(log)}\n\n{title} failed after {seconds(start)}. All of its output is in {log}"
    )

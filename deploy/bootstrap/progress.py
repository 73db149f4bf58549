"""Runs one long command at a time and shows, in one line, what it is and how long it takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

_FRAMES = "|/-\\"
_TAIL_LINES = 25


class StepFailed(Exception):
    """A step didn't work; the text is for the person at the terminal."""


def seconds(since: float) -> str:
    return f"{time.monotonic() - since:.0f} s"


def tail(path: Path, lines: int = _TAIL_LINES) -> str:
    """The last lines of a text file, without reading all of a large one."""
    with path.open("rb") as file:
        file.seek(0, os.SEEK_END)
        file.seek(max(0, file.tell() - 64 * 1024))
        text = file.read().decode("utf-8", "replace")
    return "\n".join(text.splitlines()[-lines:])


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command and everything it started: it leads a process group of its own."""
    for sig, grace in ((signal.SIGTERM, 5), (signal.SIGKILL, 5)):
        try:
            os.killpg(process.pid, sig)
        except ProcessLookupError:
            return
        try:
            process.wait(grace)
        except subprocess.TimeoutExpired:
            continue


def run(
    title: str,
    command: Sequence[str],
    *,
    log: Path,
    env: Mapping[str, str],
    cwd: Path | None = None,
    out: Path | None = None,
) -> None:
    """Runs ``command`` with its output in ``log`` and one line on the terminal.

    Args:
        title: What the person reads while it runs.
        log: Takes both output streams; its end is shown on failure.
        out: Where given, takes standard output instead of ``log``.

    Raises:
        StepFailed: The command could not start or gave another status than 0.
    """
    start = time.monotonic()
    live = sys.stderr.isatty()
    if not live:
        print(f"{title} ... ", end="", file=sys.stderr, flush=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        sink.write(f"$ {' '.join(command)}\n".encode())
        sink.flush()
        output = out.open("wb") if out else sink
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=sink,
                env=dict(env),
                cwd=cwd,
                start_new_session=True,
            )
        except OSError as error:
            raise StepFailed(f"{title}: {command[0]} can't be started: {error.strerror}") from None
        finally:
            if out:
                output.close()
        status = None
        frame = 0
        try:
            while status is None:
                if live:
                    mark = _FRAMES[frame % len(_FRAMES)]
                    print(
                        f"\r{mark} {title} {seconds(start)} ", end="", file=sys.stderr, flush=True
                    )
                    frame += 1
                try:
                    status = process.wait(0.2 if live else None)
                except subprocess.TimeoutExpired:
                    continue
        except BaseException:
            _end(process)
            print(file=sys.stderr)
            raise
    if status == 0:
        done = f"\r  {title} {seconds(start)} " if live else seconds(start)
        print(done, file=sys.stderr, flush=True)
        return
    print("failed", file=sys.stderr, flush=True)
    raise StepFailed(
        f"{tail(log)}\n\n{title} failed after {seconds(start)}. All of its output is in {log}"
    )

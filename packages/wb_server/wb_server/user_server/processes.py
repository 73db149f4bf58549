"""Identifies the processes of a kernel, and kills them all."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

# Names the attempt of a kernel; processes that the kernel starts inherit it.
VARIABLE = "WORKBENCH_ATTEMPT"


@dataclass(frozen=True)
class Mark:
    """A process, identified by its number and start time, since numbers are reused.

    Attributes:
        started: clock ticks since boot; seconds since 1970 on systems without /proc.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Mark | None:
        """The mark of a process, or ``None`` if it doesn't exist."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Mark:
        """Restores a mark from ``to_json``."""
        return cls(int(value["pid"]), float(value["started"]))

    def to_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "started": self.started}

    def alive(self) -> bool:
        """Whether the process still runs; a zombie doesn't."""
        try:
            return (
                _started(self.pid) == self.started
                and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
            )
        except psutil.Error:
            return False


def _started(pid: int) -> float | None:
    """When a process started, by a monotonic clock: psutil's time moves with the system clock."""
    try:
        # The fields after the process name, which is in parentheses and may contain anything.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return float(fields[19])
    except (OSError, IndexError, ValueError):
        pass
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def family(mark: Mark | None, attempt_id: str | None) -> set[Mark]:
    """A kernel and its processes: descendants, its session, and those with its attempt's variable.

    A child may start its own session and outlive its parent, but it keeps the environment.

    Args:
        mark: the kernel's; ``None`` if it is no longer known.
    """
    # Never 0, which the system returns for sessions that it doesn't show, or 1, the init process.
    if mark is not None and mark.pid <= 1:
        raise ValueError(f"process {mark.pid} is no kernel's")
    found: set[Mark] = set()
    with contextlib.suppress(psutil.Error):
        if mark is not None and mark.alive():
            found.add(mark)
            children = psutil.Process(mark.pid).children(recursive=True)
            found |= {known for child in children if (known := Mark.of(child.pid))}
    me, uid = os.getpid(), os.getuid()
    for pid in psutil.pids():
        if pid == me:
            continue
        with contextlib.suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            if process.uids().real != uid:
                continue
            each = Mark.of(pid)
            # A process that started before the kernel can't belong to it.
            if each is None or (mark is not None and each.started < mark.started):
                continue
            in_session = mark is not None and os.getsid(pid) == mark.pid
            carries = attempt_id is not None and process.environ().get(VARIABLE) == attempt_id
            if (in_session or carries) and each.alive():
                found.add(each)
    return found


def end(mark: Mark | None, attempt_id: str | None, seconds: float = 5.0) -> bool:
    """Kills a kernel and its processes, and waits until they are gone.

    Args:
        mark: as in ``family``.
        seconds: the maximum time to wait.

    Returns:
        Whether they are gone.
    """
    limit = time.monotonic() + seconds
    known = family(mark, attempt_id)
    while True:
        _kill(known)
        # A process may have started another one just before it was killed.
        known = {each for each in known if each.alive()} | family(mark, attempt_id)
        if not known:
            return True
        if time.monotonic() > limit:
            return False
        time.sleep(0.02)


def _kill(marks: Iterable[Mark]) -> None:
    for mark in marks:
        if mark.alive():
            with contextlib.suppress(psutil.Error):
                psutil.Process(mark.pid).kill()

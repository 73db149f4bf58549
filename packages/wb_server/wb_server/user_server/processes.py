"""The processes of a kernel: to know them again, and to see them gone."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

# Which attempt a kernel belongs to: what it starts inherits it.
VARIABLE = "WORKBENCH_ATTEMPT"


@dataclass(frozen=True)
class Mark:
    """A process, told from a later one with the same number by when it started.

    Attributes:
        started: clock ticks since this machine's boot; seconds since 1970 where there is no /proc.
    """

    pid: int
    started: float

    @classmethod
    def of(cls, pid: int) -> Mark | None:
        """The mark of a process that is there."""
        started = _started(pid)
        return None if started is None else cls(pid, started)

    @classmethod
    def parse(cls, value: Mapping[str, Any]) -> Mark:
        """What ``to_json`` made."""
        return cls(int(value["pid"]), float(value["started"]))

    def to_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "started": self.started}

    def alive(self) -> bool:
        """Whether the process still runs; one that ended and waits for its parent doesn't."""
        try:
            return (
                _started(self.pid) == self.started
                and psutil.Process(self.pid).status() != psutil.STATUS_ZOMBIE
            )
        except psutil.Error:
            return False


def _started(pid: int) -> float | None:
    """When a process started, by a clock that nobody sets: psutil's own moves with the system's."""
    try:
        # Behind the name, which may hold anything, and its bracket.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
        return float(fields[19])
    except (OSError, IndexError, ValueError):
        pass
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def family(mark: Mark | None, attempt_id: str | None) -> set[Mark]:
    """A kernel with all that came of it: descendants, its session, and whoever carries its attempt.

    A child may have a session of its own, and may have lost its parent; what it can't lose by that
    is the environment.

    Args:
        mark: of the kernel; ``None`` where nobody knows it any more.
    """
    # 0 and 1 are no kernel's: the system says 0 of sessions that it doesn't show, and 1 is the first
    # process of all.
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
            # Whoever started before the kernel can be none of its own.
            if each is None or (mark is not None and each.started < mark.started):
                continue
            in_session = mark is not None and os.getsid(pid) == mark.pid
            carries = attempt_id is not None and process.environ().get(VARIABLE) == attempt_id
            if (in_session or carries) and each.alive():
                found.add(each)
    return found


def end(mark: Mark | None, attempt_id: str | None, seconds: float = 5.0) -> bool:
    """Kills a kernel and all that came of it, and waits until they are gone.

    Args:
        mark: as ``family`` has it.

    Returns:
        Whether they are, after at most so many seconds.
    """
    limit = time.monotonic() + seconds
    known = family(mark, attempt_id)
    while True:
        _kill(known)
        # One that was killed may just have started another.
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

"""A cache of profiles of files whose format doesn't declare types, valid while a file is unchanged.

A worker's process scans a whole file to infer its columns' types (``texts.py``). It does so once for
each state of a file: the next statement finds the profile here.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any, Final

MAX_FILES: Final = 20_000
# A file system's timestamps may be this coarse, so that a change within it leaves no trace.
_TICK_NS: Final = 50_000_000

State = tuple[str, int, int, int, int, int]


def state_of(path: str) -> State:
    """A file's identity and state.

    Raises:
        OSError: the file can't be accessed.
    """
    stat = os.stat(path)
    return (path, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def is_settled(state: State) -> bool:
    """True if any change of the file from now on will change its state."""
    return max(state[-2:]) < time.time_ns() - _TICK_NS


class Profiles:
    """An LRU cache of file profiles, by kind, options and state. Safe from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, dict[str, Any]] = OrderedDict()

    def get(self, key: Hashable) -> dict[str, Any] | None:
        """The profile of a file in a state, or None."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def put(self, key: Hashable, profile: dict[str, Any]) -> None:
        """Stores a profile, and drops the least recently used one if there are too many."""
        with self._lock:
            self._known[key] = profile
            while len(self._known) > MAX_FILES:
                self._known.popitem(last=False)

    def wanted(self, kind: str, paths: Sequence[str], keys: Sequence[Hashable]) -> dict[str, Any]:
        """The profiles of a table's files by path, as a worker expects them; ``None`` if unknown."""
        if kind == "xlsx" or (kind == "parquet" and len(paths) == 1):
            return {}  # they declare their types
        return {path: self.get(key) for path, key in zip(paths, keys, strict=True)}

"""What is known of files whose text says nothing of types: kept while a file stays as it is.

A worker's process looks through a whole file to find its columns' types (``duckdb_texts``). That is
paid once for each state of a file: the next statement finds it here.
"""

from __future__ import annotations

import os
import threading
import time
from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Any, Final

MAX_FILES: Final = 20_000
# A file system's clock may stand still for so long, in which a file can change without a trace.
_TICK_NS: Final = 50_000_000

State = tuple[str, int, int, int, int, int]


def state_of(path: str) -> State:
    """A file's identity and state; raises ``OSError``."""
    stat = os.stat(path)
    return (path, stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


def is_settled(state: State) -> bool:
    """Whether a file that changes from now on will have another state."""
    return max(state[-2:]) < time.time_ns() - _TICK_NS


class Profiles:
    """Profiles of files, by their kind and state; the ones that were not used longest are dropped."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[Hashable, dict[str, Any]] = OrderedDict()

    def get(self, key: Hashable) -> dict[str, Any] | None:
        """What is known of a file in a state."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def put(self, key: Hashable, profile: dict[str, Any]) -> None:
        """Keeps what was found out."""
        with self._lock:
            self._known[key] = profile
            while len(self._known) > MAX_FILES:
                self._known.popitem(last=False)

    def wanted(self, kind: str, paths: Sequence[str], keys: Sequence[Hashable]) -> dict[str, Any]:
        """The profiles of a table's files by path, as a worker takes them; ``None``: not known."""
        if kind == "parquet" and len(paths) == 1:
            return {}  # it says itself which types it has
        return {path: self.get((kind, key)) for path, key in zip(paths, keys, strict=True)}

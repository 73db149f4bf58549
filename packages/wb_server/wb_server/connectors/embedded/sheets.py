"""Sheets of workbooks as Arrow files, so that a workbook isn't parsed again for each query."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Hashable
from contextlib import suppress
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 1 << 30
# A larger sheet would push out most others.
_MOST_OF_ONE: Final = MAX_BYTES // 4


class Sheets:
    """An LRU cache of sheets. Safe from any thread.

    A sheet belongs to one state of a connection, and is never read for another: who may use that
    connection is decided for each query.

    Args:
        folder: where it makes a folder of its own; ``None`` keeps none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._parent = folder
        self._folder: Path | None = None
        self._lock = threading.Lock()
        self._sizes: OrderedDict[Path, int] = OrderedDict()

    def find(self, key: Hashable) -> Path | None:
        """The file of a sheet, or None. It may be gone when it is opened."""
        with self._lock:
            if self._folder is None:
                return None
            path = self._folder / _name(key)
            if path not in self._sizes:
                return None
            self._sizes.move_to_end(path)
            return path

    def put(self, key: Hashable, written: Path) -> None:
        """Takes a file that a process has written, and drops the least recently used ones."""
        with self._lock, suppress(OSError):
            size = written.lstat().st_size
            if self._parent is None or written.is_symlink() or size > _MOST_OF_ONE:
                return
            if self._folder is None:
                self._folder = Path(
                    tempfile.mkdtemp(prefix=f"sheets-{os.getpid()}-", dir=self._parent)
                )
            path = self._folder / _name(key)
            written.replace(path)
            self._sizes.pop(path, None)
            self._sizes[path] = size
            while sum(self._sizes.values()) > MAX_BYTES:
                oldest, _ = self._sizes.popitem(last=False)
                oldest.unlink(missing_ok=True)

    def close(self) -> None:
        """Removes all files."""
        with self._lock:
            self._sizes.clear()
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None


def _name(key: Hashable) -> str:
    return f"{hashlib.sha256(repr(key).encode()).hexdigest()}.arrow"

"""Temporary folders for files that become artifacts, removed together with them."""

from __future__ import annotations

import shutil
import tempfile
import time
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from .base import Artifact

_PREFIX: Final = "artifact-"
# Older than any running task's folder: a task may take at most seven days.
_ABANDONED_SECONDS: Final = 8 * 86_400


class Files:
    """A folder for the files of one task.

    Attributes:
        path: its path.
    """

    def __init__(self, path: Path, remove: Callable[[], object]) -> None:
        self.path = path
        self._remove: Callable[[], object] | None = remove

    def artifacts(self, made: Iterable[Artifact]) -> list[Artifact]:
        """Returns the same artifacts; the folder stays until the last of them is garbage-collected."""
        found = list(made)
        if found and self._remove is not None:
            left = [len(found)]
            remove, self._remove = self._remove, None

            def gone() -> None:
                left[0] -= 1
                if not left[0]:
                    remove()

            for each in found:
                weakref.finalize(each, gone)
        return found

    def close(self) -> None:
        """Removes the folder, unless artifacts still use it."""
        if self._remove is not None:
            self._remove()


class Temporary:
    """Creates such folders.

    Args:
        root: the parent folder, which is created when needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tidied = False

    @contextmanager
    def files(self) -> Iterator[Files]:
        """A folder that lasts until the block ends, or until its artifacts are gone."""
        self._root.mkdir(parents=True, exist_ok=True)
        self._tidy()
        folder = tempfile.TemporaryDirectory(
            prefix=_PREFIX, dir=self._root, ignore_cleanup_errors=True
        )
        files = Files(Path(folder.name), folder.cleanup)
        try:
            yield files
        finally:
            files.close()

    def _tidy(self) -> None:
        """Removes folders that killed processes left behind; runs once per process."""
        if self._tidied:
            return
        self._tidied = True
        before = time.time() - _ABANDONED_SECONDS
        for folder in self._root.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                if folder.stat().st_mtime < before:
                    shutil.rmtree(folder, ignore_errors=True)

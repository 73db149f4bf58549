"""Files on their way to be artifacts: in folders that go away with them."""

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
# What no living task has: the longest may take seven days.
_LEFT_SECONDS: Final = 8 * 86_400


class Files:
    """A folder for files of one task.

    Attributes:
        path: where it is.
    """

    def __init__(self, path: Path, remove: Callable[[], object]) -> None:
        self.path = path
        self._remove: Callable[[], object] | None = remove

    def artifacts(self, made: Iterable[Artifact]) -> list[Artifact]:
        """The same artifacts; the folder stays until the last of them is gone."""
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
        """Removes the folder, unless artifacts hold it."""
        if self._remove is not None:
            self._remove()


class Temporary:
    """Makes such folders.

    Args:
        root: where; it is made when it is needed.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._tidied = False

    @contextmanager
    def files(self) -> Iterator[Files]:
        """A folder for as long as the block runs, or as the artifacts live that it handed out."""
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
        """Removes what processes left that were killed; once in the life of this one."""
        if self._tidied:
            return
        self._tidied = True
        before = time.time() - _LEFT_SECONDS
        for left in self._root.glob(f"{_PREFIX}*"):
            with suppress(OSError):
                if left.stat().st_mtime < before:
                    shutil.rmtree(left, ignore_errors=True)

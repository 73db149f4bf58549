"""Which workers of this machine are alive, so that a restarted one frees the tasks of its predecessor.

Each worker holds a lock on a file that bears its name. The system releases the lock when the process ends,
however that happens. Workers elsewhere aren't seen; the leases of their tasks expire.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class Presence:
    """A worker's lock, and those of others.

    Args:
        folder: where the files are; the same for all workers of a data folder.
        name: the worker's name.
    """

    def __init__(self, folder: Path, name: str) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._path = folder / name
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        # Not flock: a forked process would inherit it.
        fcntl.lockf(self._handle, fcntl.LOCK_EX)

    @contextlib.contextmanager
    def dead(self) -> Iterator[list[str]]:
        """The names of workers that were killed; they are forgotten once the block succeeds."""
        with contextlib.ExitStack() as stack:
            found = []
            for path in sorted(self._folder.iterdir()):
                if path == self._path:
                    continue
                try:
                    handle = os.open(path, os.O_RDWR)
                except OSError:
                    continue  # another user's, or just gone
                stack.callback(os.close, handle)
                try:
                    fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except OSError:
                    continue  # alive
                found.append(path)
            yield [path.name for path in found]
            for path in found:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """Says that the worker has ended its tasks itself."""
        self._path.unlink(missing_ok=True)
        os.close(self._handle)

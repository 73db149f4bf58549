"""Staging folders: something is built in one before it is renamed to its final place.

A staging folder is hidden, beside the final place, and locked by its process. If that process is
killed, the next operation there removes the folder, since nobody holds its lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .report import OperationError

_PREFIX, _SUFFIX = ".wb-", ".part"
_LOCK = "lock"


@contextmanager
def staging(parent: Path) -> Iterator[Path]:
    """A private folder in ``parent``, on the same file system, gone at the end of the block.

    Raises:
        OperationError: the parent is missing or can't be written.
    """
    try:
        _sweep(parent)
        folder = Path(tempfile.mkdtemp(prefix=_PREFIX, suffix=_SUFFIX, dir=parent))
    except FileNotFoundError:
        raise OperationError(f"There is no folder {parent}.") from None
    except OSError as error:
        raise OperationError(f"{parent} can't be written: {error.strerror}.") from error
    try:
        with (folder / _LOCK).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield folder
    finally:
        remove(folder)


def remove(folder: Path) -> None:
    """Removes a folder and everything in it, including read-only folders."""
    for place, folders, _ in os.walk(folder):
        for name in folders:
            path = Path(place, name)
            if not path.is_symlink():
                with contextlib.suppress(OSError):
                    path.chmod(0o700)
    shutil.rmtree(folder, ignore_errors=True)


def _sweep(parent: Path) -> None:
    """Removes staging folders that killed processes of this user left."""
    for folder in parent.glob(f"{_PREFIX}*{_SUFFIX}"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            handle = os.open(folder / _LOCK, os.O_RDWR | os.O_NOFOLLOW)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(folder)
            finally:
                os.close(handle)


def sync_folder(folder: Path) -> None:
    """Flushes a folder's entries to the disk."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

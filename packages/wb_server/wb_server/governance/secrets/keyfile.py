"""The file of the master key: one Fernet key per line, the newest first.

It is only ever replaced atomically, so a concurrent reader finds either the old keys or the new ones.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from ...kit.disk import is_full


class VaultError(Exception):
    """The vault can't be used; the text says what to do. The service must not start."""


def read(path: Path) -> list[str]:
    """The keys in a file.

    Raises:
        VaultError: it is missing, empty, unreadable, or open to other users.
    """
    try:
        mode = path.stat().st_mode
        keys = path.read_text("ascii").split()
    except FileNotFoundError as error:
        raise VaultError(
            f"The master key is missing: there is no file {path}. Restore it from your copy; "
            "without it no stored password can be read."
        ) from error
    except (OSError, UnicodeError) as error:
        raise VaultError(f"The master key in {path} can't be read.") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise VaultError(
            f"The master key in {path} can be read by other users. Run chmod 600 on it."
        )
    if not keys:
        raise VaultError(f"The master key in {path} is empty.")
    return keys


def make(path: Path, key: str) -> None:
    """Creates the file, readable by its owner only. Never overwrites one.

    Raises:
        FileExistsError: it already exists.
    """
    _write_new(path, [key])


def replace(path: Path, keys: Sequence[str]) -> None:
    """Replaces the keys in a file, durably and atomically, keeping its owner.

    Raises:
        VaultError: the file or its folder can't be written. The file is unchanged.
    """
    # Follow a link to the file itself: a rename would replace the link.
    path = path.resolve()
    new = path.with_name(f".{path.name}.new")
    try:
        owner = path.stat()
        # Left over from a rotation that was killed right here.
        new.unlink(missing_ok=True)
        _write_new(new, keys, owner)
        new.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise VaultError(_why_not(path, error)) from error


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Keeps others from replacing the file meanwhile. The lock ends with its process.

    Raises:
        VaultError: another process holds the lock, or the folder can't be written.
    """
    path = path.resolve()
    lock = path.with_name(f".{path.name}.lock")
    try:
        handle = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise VaultError(_why_not(path, error)) from error
    with os.fdopen(handle, "r+") as file:
        if os.geteuid() == 0:
            # Created by root: the key's owner must be able to take the lock next time.
            owner = path.stat()
            os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise VaultError(
                f"The master key in {path} is being rotated by another process. Wait until it ends."
            ) from None
        yield


def _write_new(path: Path, keys: Sequence[str], owner: os.stat_result | None = None) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        if owner is not None:
            made = os.fstat(handle)
            if (made.st_uid, made.st_gid) != (owner.st_uid, owner.st_gid):
                os.fchown(handle, owner.st_uid, owner.st_gid)
        file.write("".join(f"{key}\n" for key in keys))
        file.flush()
        os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _why_not(path: Path, error: OSError) -> str:
    said = f"The master key in {path} can't be replaced: {error.strerror}. "
    if error.errno in (errno.EBUSY, errno.EROFS, errno.EXDEV):
        return said + ("The file is mounted by itself or read-only. Mount its folder, writable.")
    if error.errno in (errno.EPERM, errno.EACCES):
        return said + "Run this as the user who owns the file and its folder."
    if is_full(error):
        return said + "Free some space there and run it again."
    return said + "Nothing was changed in it."

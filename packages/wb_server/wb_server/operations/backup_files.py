"""Copies files into a backup: blobs, and the folders of users and the administrator."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from . import manifest
from .archive import ArchiveWriter
from .database_state import BlobRow
from .installation import InstallationPaths
from .report import OperationError, Progress, count_text, size_text

# Not missed in a backup: recreated, or copies themselves.
_NOT_MISSED = frozenset({"workbench-data"})


class BlobGone(Exception):
    """A blob was deleted after the database was copied."""


def copy_blobs(
    paths: InstallationPaths,
    rows: list[BlobRow],
    writer: ArchiveWriter,
    progress: Progress,
    *,
    leave_out_damaged: bool,
) -> list[str]:
    """Copies the blobs that the copy of the database names.

    Returns:
        The digests of those that are missing or damaged, and so left out.

    Raises:
        BlobGone: one was deleted in the meantime.
        OperationError: some are missing or damaged, and ``leave_out_damaged`` isn't set.
    """
    size, damaged = 0, []
    for row in rows:
        path = paths.settings.blobs_folder / row.digest[:2] / row.digest[2:]
        try:
            source = open(path, "rb", opener=_reading)  # noqa: SIM115  closed below
        except FileNotFoundError:
            if not row.referenced:
                continue  # being removed
            if not _still_named(paths.settings.database, row.digest):
                raise BlobGone from None
            damaged.append(row.digest)
            continue
        with source:
            member = writer.file(f"blobs/{row.digest[:2]}/{row.digest[2:]}", source)
        if member.sha256 != row.digest:
            writer.undo()
            damaged.append(row.digest)
        else:
            size += member.size
    if damaged:
        found = f"{count_text(len(damaged), 'blob')} missing or damaged in {paths.settings.blobs_folder}"
        if not leave_out_damaged:
            raise OperationError(
                f"{found}, the first of them {damaged[0]}. Restore them from an earlier backup, or leave "
                "them out with --damaged-blobs."
            )
        progress.warn(f"wb: {found}: they are not in the backup")
    progress.say(f"Blobs: {count_text(len(rows) - len(damaged), 'blob')}, {size_text(size)}")
    return damaged


def _still_named(url: str, digest: str) -> bool:
    """True if the running installation's database still refers to a blob."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    table = sa.table("blobs", sa.column("digest"), sa.column("references"))
    try:
        with engine.connect() as connection:
            found = connection.execute(
                sa.select(table.c.references).where(table.c.digest == digest)
            ).scalar()
    finally:
        engine.dispose()
    return bool(found and found > 0)


def copy_folders(
    paths: InstallationPaths,
    writer: ArchiveWriter,
    progress: Progress,
    *,
    users: bool,
    files: bool,
) -> None:
    """Copies the Hub's extra configuration and, if wanted, users' homes and files of connections."""
    trees = [(*paths.hub_config, "Configuration")]
    if users:
        trees.append((paths.data / "users", "users", "People's homes"))
    if files:
        trees.append((paths.data / "files", "files", "Files"))
    for folder, name, title in trees:
        if not folder.is_dir() or folder.is_symlink():
            continue
        count, size = 0, 0
        for member in _tree(folder, name, writer, progress):
            count, size = count + 1, size + member.size
        progress.say(f"{title}: {count_text(count, 'file')}, {size_text(size)}")


def _tree(
    folder: Path, name: str, writer: ArchiveWriter, progress: Progress
) -> Iterator[manifest.Member]:
    """Copies a folder as it is now. Links stay links; sockets and the like are left out."""

    def failed(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for place, folders, files in os.walk(folder, onerror=failed):
        at = Path(place)
        prefix = "/".join([name, *at.relative_to(folder).parts])
        try:
            writer.folder(prefix, at.stat())
        except FileNotFoundError:
            continue
        links = [one for one in folders if (at / one).is_symlink()]
        folders.sort()
        for one in sorted([*files, *links]):
            path = at / one
            try:
                info = path.lstat()
                if stat.S_ISLNK(info.st_mode):
                    writer.link(f"{prefix}/{one}", os.readlink(path), info)
                elif stat.S_ISREG(info.st_mode):
                    with open(path, "rb", opener=_reading) as source:
                        yield writer.file(f"{prefix}/{one}", source)
            except FileNotFoundError:
                continue  # removed in the meantime
            except OSError as error:
                if error.errno == errno.ELOOP:
                    continue  # replaced by a link
                raise


def left_out(paths: InstallationPaths, *, users: bool, files: bool) -> list[str]:
    """Names what the data folder holds and the backup doesn't, and folders of files elsewhere."""
    settings = paths.settings
    taken = {"blobs", "hub", "workbench.db", "workbench.db-wal", "workbench.db-shm"}
    taken |= {paths.hub_config[0].name, settings.key_path.name, *_NOT_MISSED}
    taken |= {"users"} if users else set()
    taken |= {"files"} if files else set()
    there = {entry.name for entry in paths.data.iterdir() if not entry.name.startswith(".wb-")}
    outside = {
        str(root) for root in settings.roots if not root.resolve().is_relative_to(paths.data)
    }
    return sorted(there - taken) + sorted(outside)


def _reading(path: str, flags: int) -> int:
    # Follows no link that was put there, and doesn't wait for a pipe.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)

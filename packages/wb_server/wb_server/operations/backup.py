"""``wb backup``: everything that an installation needs to be restored, copied while it runs.

Each database is copied as of one moment, the Workbench's first. Blobs never change and are written
before the rows that name them, so the blobs that the copy names are copied after it. Nothing gets
the backup's name before all of it is on the disk.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ..governance.secrets import keyfile
from ..governance.secrets import passphrase as sealing
from ..kit import clock
from ..kit.disk import is_full
from ..kit.version import VERSION
from ..settings import Settings, in_force
from . import manifest
from .archive import ArchiveWriter
from .backup_databases import copy_database, copy_hub
from .backup_files import BlobGone, copy_blobs, copy_folders, left_out
from .installation import InstallationPaths
from .manifest import Manifest
from .report import OperationError, Progress
from .staging import staging, sync_folder

# A blob may be deleted after the database was copied; then the backup starts again.
_TRIES = 3
_HIDDEN = ("SECRET", "TOKEN", "PASSWORD", "DATABASE_URL")


@dataclass(frozen=True)
class Wanted:
    """What a backup holds besides databases, blobs and settings.

    Attributes:
        users: the homes in the data folder.
        files: the files of file connections in the data folder.
        damaged_blobs: True to leave out blobs that are missing or damaged, instead of failing.
    """

    users: bool = True
    files: bool = True
    damaged_blobs: bool = False


def backup(
    settings: Settings, target: Path, passphrase: str, wanted: Wanted, progress: Progress
) -> tuple[Path, Path]:
    """Makes a backup.

    Args:
        target: the archive, with the suffix ``.tar``. Its key is written beside it, with ``.key``.

    Returns:
        The archive, and the file of its key.

    Raises:
        OperationError: it can't be made. Nothing is left behind then.
    """
    paths = InstallationPaths.of(settings)
    target = target.resolve()
    key_file = key_of(target)
    _check_target(target, key_file, paths, wanted)
    try:
        sealing.check(passphrase)
        for turn in range(_TRIES):
            try:
                with staging(target.parent) as folder:
                    return _make(paths, target, key_file, passphrase, wanted, folder, progress)
            except BlobGone:
                progress.say(f"A blob was deleted in the meantime: starting attempt {turn + 2}")
        raise OperationError("Blobs keep being deleted. Try again later.")
    except (sealing.PassphraseError, keyfile.VaultError) as error:
        raise OperationError(str(error)) from error
    except OSError as error:
        raise OperationError(_os_text(error, target.parent)) from error


def key_of(archive: Path) -> Path:
    """Returns the file of an archive's key.

    Raises:
        OperationError: the archive's name doesn't end in ``.tar``.
    """
    if archive.suffix != ".tar":
        raise OperationError(f"The name of a backup must end in .tar: {archive.name} does not.")
    return archive.with_suffix(".key")


def _check_target(target: Path, key_file: Path, paths: InstallationPaths, wanted: Wanted) -> None:
    for path in (target, key_file):
        if path.exists() or path.is_symlink():
            raise OperationError(f"{path} already exists: choose another name.")
    inside = [paths.data / "blobs", paths.hub]
    inside += [paths.data / "users"] if wanted.users else []
    inside += [paths.data / "files"] if wanted.files else []
    for folder in inside:
        if target.is_relative_to(folder):
            raise OperationError(
                f"The backup would contain itself. Choose a place outside {folder}."
            )


def _make(
    paths: InstallationPaths,
    target: Path,
    key_file: Path,
    passphrase: str,
    wanted: Wanted,
    folder: Path,
    progress: Progress,
) -> tuple[Path, Path]:
    keys_before = keyfile.read(paths.settings.key_path)
    created_at = clock.now()
    archive = folder / "archive.tar"
    with open(archive, "xb", opener=_private) as file:
        done = 0

        def step(size: int) -> None:
            nonlocal done
            done += size
            progress.still("written", done)

        writer = ArchiveWriter(file, step)
        part, found, keys, proof = copy_database(paths, keys_before, folder, writer, progress)
        damaged = copy_blobs(
            paths, found.blobs, writer, progress, leave_out_damaged=wanted.damaged_blobs
        )
        hub = copy_hub(paths, folder, writer, progress)
        copy_folders(paths, writer, progress, users=wanted.users, files=wanted.files)
        missing = left_out(paths, users=wanted.users, files=wanted.files)
        writer.content(manifest.SETTINGS, _settings(paths.settings), created_at.timestamp())
        content = manifest.write(
            Manifest(
                format=manifest.FORMAT,
                version=VERSION,
                created_at=created_at,
                data_dir=str(paths.data),
                database=part,
                hub=hub,
                secrets=proof.opened,
                closed_secrets=proof.closed,
                left_out=missing,
                damaged_blobs=damaged,
            ),
            writer.members,
        )
        sealed = manifest.bind(content, keys, part.revision)
        writer.content(manifest.MANIFEST, content, created_at.timestamp())
        writer.close()
    made_key = folder / "archive.key"
    with open(made_key, "xb", opener=_private) as file:
        file.write(sealing.seal(sealed, passphrase))
        file.flush()
        os.fsync(file.fileno())
    # The archive comes last, because it makes the backup complete.
    _name(made_key, key_file)
    try:
        _name(archive, target)
    except BaseException:
        key_file.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
    if missing:
        progress.say(f"Not included: {', '.join(missing)} (in {paths.data})")
    return target, key_file


def _name(made: Path, final: Path) -> None:
    """Gives a file its final name, unless that name has been taken in the meantime."""
    try:
        os.link(made, final)
    except FileExistsError:
        raise OperationError(f"{final} already exists: choose another name.") from None
    except OSError:
        # The file system has no hard links.
        made.rename(final)


def _settings(settings: Settings) -> bytes:
    """The settings in force and the Hub's variables. Of a secret it only says that it is set."""
    variables = {
        name: "(set)" if any(word in name for word in _HIDDEN) and "FILE" not in name else value
        for name, value in sorted(os.environ.items())
        if name.startswith("WB_") and value
    }
    service = [
        {"name": name, "value": value, "from": source} for name, value, source, _ in in_force()
    ]
    text = {"data_dir": settings.data_dir, "settings": service, "environment": variables}
    return json.dumps(text, indent=1).encode() + b"\n"


def default_target(now: datetime) -> Path:
    """The default name of an archive: in the current folder, with the time."""
    return Path(f"workbench-{now:%Y%m%d-%H%M%S}.tar")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _os_text(error: OSError, place: Path) -> str:
    if is_full(error):
        return f"There is no space left in {place}. Nothing was written."
    return f"{error.filename or place} can't be read or written: {error.strerror}."

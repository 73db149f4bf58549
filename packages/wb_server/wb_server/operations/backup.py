"""``wb backup``: everything that a person needs to stand up again, made on a running system.

The databases are copied as of one moment, the Workbench's first. Blobs are never changed and are
written before the rows that name them, so those that the copy names are copied after it. Nothing has
the backup's name before all of it is on the disk.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from ..governance.secrets import keyfile
from ..governance.secrets import passphrase as sealing
from ..kit import clock
from ..kit.version import VERSION
from ..settings import Settings, in_force
from . import manifest, postgres, sqlite
from .archive import ArchiveWriter
from .database_state import BlobRow, DatabaseState, Proof, prove, read_state
from .manifest import DatabasePart, Manifest
from .report import OperationError, Progress, count_text, size_text
from .staging import staging, sync_folder

# A blob may be deleted between the copy of the database and its turn; then all begins again.
_TRIES = 3
_CONFIG = "jupyterhub_config.d"
# Not missed: made anew, or copies themselves.
_NOT_TAKEN = frozenset({"workbench-data"})
_HIDDEN = ("SECRET", "TOKEN", "PASSWORD", "DATABASE_URL")


@dataclass(frozen=True)
class Wanted:
    """What a backup shall hold besides databases, blobs and settings.

    Attributes:
        users: The homes in the data folder.
        files: The files of file connections in the data folder.
        damaged_blobs: Whether to go on where stored contents are missing or damaged.
    """

    users: bool = True
    files: bool = True
    damaged_blobs: bool = False


@dataclass(frozen=True)
class InstallationPaths:
    """Where the parts of an installation lie."""

    settings: Settings
    data: Path
    hub: Path

    @classmethod
    def of(
        cls, settings: Settings, environment: Mapping[str, str] = os.environ
    ) -> InstallationPaths:
        """As the settings and the Hub's own variable say."""
        data = Path(settings.data_dir).resolve()
        own = environment.get("WB_HUB_DIR")
        return cls(settings, data, Path(own).resolve() if own else data / "hub")

    @property
    def config_member(self) -> str:
        """The name of the folder of the Hub's extra configuration, in the archive."""
        return _CONFIG if self.hub == self.data / "hub" else f"hub/{_CONFIG}"


class _BlobGone(Exception):
    """A blob was deleted after the database was copied."""


def backup(
    settings: Settings, target: Path, passphrase: str, wanted: Wanted, progress: Progress
) -> tuple[Path, Path]:
    """Makes a backup; the archive and the file of its key.

    Args:
        target: the archive, with the suffix ``.tar``. The key lies beside it, with ``.key``.

    Raises:
        OperationError: it can't be made. Nothing has its name then.
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
            except _BlobGone:
                progress.say(
                    f"Stored content was deleted in the meantime: starting attempt {turn + 2}"
                )
        raise OperationError("Stored content keeps being deleted. Try again later.")
    except (sealing.PassphraseError, keyfile.VaultError) as error:
        raise OperationError(str(error)) from error
    except OSError as error:
        raise OperationError(_os_text(error, target.parent)) from error


def key_of(archive: Path) -> Path:
    """Where the key of an archive lies.

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
        part, found, keys, proof = _database(paths, keys_before, folder, writer, progress)
        damaged = _blobs(paths, found.blobs, wanted, writer, progress)
        hub = _hub(paths, folder, writer, progress)
        _trees(paths, wanted, writer, progress)
        left_out = _left_out(paths, wanted)
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
                left_out=left_out,
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
    # The archive last: with it the backup is complete.
    _name(made_key, key_file)
    try:
        _name(archive, target)
    except BaseException:
        key_file.unlink(missing_ok=True)
        raise
    sync_folder(target.parent)
    if left_out:
        progress.say(f"Not included: {', '.join(left_out)} (in {paths.data})")
    return target, key_file


def _name(made: Path, final: Path) -> None:
    """Gives a file its name, and never takes one that somebody took meanwhile."""
    try:
        os.link(made, final)
    except FileExistsError:
        raise OperationError(f"{final} already exists: choose another name.") from None
    except OSError:
        # A file system without links.
        made.rename(final)


def _database(
    paths: InstallationPaths,
    keys_before: list[str],
    folder: Path,
    writer: ArchiveWriter,
    progress: Progress,
) -> tuple[DatabasePart, DatabaseState, list[str], Proof]:
    """Copies the metadata database and proves the key on the copy."""
    url = paths.settings.database
    keys: list[str] = []
    proof = Proof(0, 0)

    def check(connection: sa.Connection) -> None:
        # Read again: a rotation may have added a key before the copy, or dropped one after it.
        nonlocal keys, proof
        keys = list(dict.fromkeys([*keyfile.read(paths.settings.key_path), *keys_before]))
        proof = prove(connection, keys)

    server = None
    if url.startswith("sqlite"):
        member, copied = manifest.WORKBENCH_SQLITE, folder / "workbench.db"
        sqlite.copy(sqlite.file_of(url), copied)
        with sqlite.reading(copied) as connection:
            found = read_state(connection)
            check(connection)
    else:
        member, copied = manifest.WORKBENCH_POSTGRES, folder / "workbench.dump"
        done = 0

        def step(size: int) -> None:
            nonlocal done
            done += size
            progress.still("database", done)

        found, server = postgres.dump(url, copied, check, step)
    with copied.open("rb") as source:
        size = writer.file(member, source).size
    copied.unlink()
    rows = count_text(sum(found.tables.values()), "row")
    tables = count_text(len(found.tables), "table")
    progress.say(f"Database: {tables}, {rows}, {size_text(size)}")
    progress.say(f"Key: opens the canary and {count_text(proof.opened, 'secret')} in all")
    if proof.closed:
        progress.warn(
            f"wb: {count_text(proof.closed, 'secret')} in the database can't be opened with the master key"
        )
    part = DatabasePart(
        kind="postgresql" if server else "sqlite",
        member=member,
        revision=found.revision,
        tables=found.tables,
        server=server,
    )
    return part, found, keys, proof


def _blobs(
    paths: InstallationPaths,
    rows: list[BlobRow],
    wanted: Wanted,
    writer: ArchiveWriter,
    progress: Progress,
) -> list[str]:
    """Copies the blobs that the copy of the database names; those that are damaged."""
    size, damaged = 0, []
    for row in rows:
        path = paths.settings.blobs_folder / row.digest[:2] / row.digest[2:]
        try:
            source = open(path, "rb", opener=_reading)  # noqa: SIM115  closed below
        except FileNotFoundError:
            if not row.referenced:
                continue  # being swept
            if not _still_named(paths.settings.database, row.digest):
                raise _BlobGone from None
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
        text = f"{count_text(len(damaged), 'stored content')} missing or damaged in " + str(
            paths.settings.blobs_folder
        )
        if not wanted.damaged_blobs:
            raise OperationError(
                f"{text}, the first is {damaged[0]}. Put them back from an earlier backup, or leave them "
                "out with --damaged-blobs."
            )
        progress.warn(f"wb: {text}: they are not in the backup")
    progress.say(f"Blobs: {count_text(len(rows) - len(damaged), 'blob')}, {size_text(size)}")
    return damaged


def _still_named(url: str, digest: str) -> bool:
    """Whether the living database refers to a blob."""
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


def _hub(
    paths: InstallationPaths, folder: Path, writer: ArchiveWriter, progress: Progress
) -> DatabasePart | None:
    """Copies the Hub's database: people, groups, password hashes, tokens' hashes.

    The cookie secret stays: with it and the database one could sign in as anyone. People sign in again
    after a restore.
    """
    source = paths.hub / "jupyterhub.sqlite"
    if not source.is_file():
        progress.say(f"Hub: none in {paths.hub}: people and groups are not in this backup")
        return None
    copied = folder / "hub.db"
    sqlite.copy(source, copied)
    tables = sqlite.counts(copied)
    with copied.open("rb") as file:
        size = writer.file(manifest.HUB_SQLITE, file).size
    copied.unlink()
    people = tables.get("users", 0)
    progress.say(f"Hub: {count_text(people, 'person', 'people')}, {size_text(size)}")
    return DatabasePart(kind="sqlite", member=manifest.HUB_SQLITE, tables=tables)


def _trees(
    paths: InstallationPaths, wanted: Wanted, writer: ArchiveWriter, progress: Progress
) -> None:
    """Copies the folders of people's and the administrator's own files."""
    config = paths.hub.parent if paths.config_member == _CONFIG else paths.hub
    trees = [(config / _CONFIG, paths.config_member, "Configuration")]
    if wanted.users:
        trees.append((paths.data / "users", "users", "People's homes"))
    if wanted.files:
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
                continue  # removed meanwhile
            except OSError as error:
                if error.errno == errno.ELOOP:
                    continue  # a link by now
                raise


def _left_out(paths: InstallationPaths, wanted: Wanted) -> list[str]:
    """What lies in the data folder and is not in the backup, for the person to see."""
    settings = paths.settings
    taken = {"blobs", "hub", "workbench.db", "workbench.db-wal", "workbench.db-shm", _CONFIG}
    taken |= {settings.key_path.name, *_NOT_TAKEN}
    taken |= {"users"} if wanted.users else set()
    taken |= {"files"} if wanted.files else set()
    there = {entry.name for entry in paths.data.iterdir() if not entry.name.startswith(".wb-")}
    outside = {
        str(root) for root in settings.roots if not root.resolve().is_relative_to(paths.data)
    }
    return sorted(there - taken) + sorted(outside)


def _settings(settings: Settings) -> bytes:
    """The settings in force, and the variables that set the Hub; secrets are only said to be set."""
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
    """The archive's name if none is given: in the current folder, with the time."""
    return Path(f"workbench-{now:%Y%m%d-%H%M%S}.tar")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _reading(path: str, flags: int) -> int:
    # Not through a link that somebody put there, and not waiting for a pipe.
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)


def _os_text(error: OSError, place: Path) -> str:
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"There is no space left in {place}. Nothing was written."
    return f"{error.filename or place} can't be read or written: {error.strerror}."

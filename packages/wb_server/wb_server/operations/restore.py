"""``wb restore``: restores a backup into a new data folder, and verifies it first.

Everything is unpacked into a hidden folder beside the new data folder and compared with the manifest,
which is bound to the key file. Only then is it renamed; a restore that fails or is killed leaves nothing
behind.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ..governance.secrets import passphrase as sealing
from ..kit import db
from ..kit.disk import is_full
from ..settings import Settings
from . import manifest, postgres, sqlite
from .archive import Extracted, extract, finish
from .backup import key_of
from .database_state import BlobRow, differences, prove, read_state
from .manifest import Bound, DatabasePart, Manifest
from .report import OperationError, Progress, count_text, size_text
from .staging import staging, sync_folder

_DATABASE = "workbench.db"
_KEY = "master.key"
_NOTES = "restored"


@dataclass(frozen=True)
class RestoreTarget:
    """Where a backup is restored to.

    Attributes:
        data: The new data folder.
        database_url: An empty PostgreSQL database; the empty string for SQLite.
        key_file: Where the master key goes, if not into the data folder.
    """

    data: Path
    database_url: str = ""
    key_file: Path | None = None

    @classmethod
    def of(cls, settings: Settings) -> RestoreTarget:
        """The target that the settings name.

        Raises:
            OperationError: the database is an SQLite file outside the data folder.
        """
        data = Path(settings.data_dir).absolute()
        url = settings.database_url
        if url.startswith("sqlite"):
            if sqlite.file_of(url).absolute() != data / _DATABASE:
                raise OperationError(
                    "An SQLite database is restored into the data folder. Omit --database-url, "
                    "and unset WB_DATABASE_URL."
                )
            url = ""
        key = settings.key_path.absolute()
        return cls(data, url, None if key == data / _KEY else key)


def restore(archive: Path, target: RestoreTarget, passphrase: str, progress: Progress) -> Manifest:
    """Restores a backup and verifies it.

    Raises:
        OperationError: it can't be restored. The target is then unchanged.
    """
    bound = _open_key(archive, passphrase)
    _check_revision(bound.revision)
    _check_target(target)
    try:
        with archive.open("rb") as file, staging(target.data.parent) as folder:
            size = os.fstat(file.fileno()).st_size
            free = shutil.disk_usage(folder).free
            if size > free:
                raise OperationError(
                    f"The backup needs {size_text(size)}, but {target.data.parent} has only "
                    f"{size_text(free)} free."
                )
            made = folder / "data"
            made.mkdir(mode=0o700)
            done = 0

            def step(chunk: int) -> None:
                nonlocal done
                done += chunk
                progress.still("unpacked", done, size)

            found = extract(file, made, step)
            backup = _compare(found, bound)
            progress.say(f"Archive: {count_text(len(found.members), 'member')}, every hash matches")
            _check_kind(backup.database, target)
            finish(found, made)
            _install(made, found, backup, bound, target, progress)
            return backup
    except FileNotFoundError as error:
        raise OperationError(f"There is no file {error.filename or archive}.") from error
    except OSError as error:
        raise OperationError(_os_text(error, target.data.parent)) from error


def _open_key(archive: Path, passphrase: str) -> Bound:
    path = key_of(archive)
    if not archive.is_file():
        raise OperationError(f"There is no file {archive}.")
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        raise OperationError(
            f"The key of this backup is missing: there is no file {path}. Put it next to the "
            "archive."
        ) from None
    except OSError as error:
        raise OperationError(f"{path} can't be read: {error.strerror}.") from error
    try:
        return manifest.bound(sealing.unseal(text, passphrase))
    except sealing.PassphraseError as error:
        raise OperationError(str(error)) from error


def _check_revision(revision: str | None) -> None:
    if revision is not None and revision not in db.revisions():
        raise OperationError(
            f"The backup's tables are at version {revision}, which this version of the Workbench "
            "doesn't know. Update the Workbench to the version that made the backup, or a newer "
            "one."
        )


def _check_target(target: RestoreTarget) -> None:
    if target.data.is_symlink() or (target.data.exists() and not target.data.is_dir()):
        raise OperationError(f"{target.data} already exists. Name a new folder with --data-dir.")
    if target.data.is_dir() and any(target.data.iterdir()):
        raise OperationError(f"{target.data} is not empty. Name a new folder with --data-dir.")
    if target.key_file is not None and target.key_file.exists():
        raise OperationError(
            f"{target.key_file} already holds a master key, which is not overwritten. Name "
            "another file with --key-file (WB_KEY_FILE)."
        )
    if target.database_url:
        with postgres.connected(target.database_url) as connection:
            if not postgres.empty(connection):
                raise OperationError(
                    "The database is not empty. Create a new one with createdb and name it with "
                    "--database-url."
                )


def _check_kind(part: DatabasePart, target: RestoreTarget) -> None:
    if part.kind == "postgresql" and not target.database_url:
        raise OperationError(
            "This is a backup of a PostgreSQL database. Name an empty one with --database-url."
        )
    if part.kind == "sqlite" and target.database_url:
        raise OperationError(
            "This is a backup of an SQLite database, which is restored into the data folder. "
            "Omit --database-url, and unset WB_DATABASE_URL."
        )


def _compare(found: Extracted, bound: Bound) -> Manifest:
    """The manifest, checked against the key file and what was unpacked."""
    if found.manifest is None:
        raise OperationError("The backup is damaged: it is truncated or incomplete.")
    backup, members = manifest.read(found.manifest)
    if not bound.fits(found.manifest):
        raise OperationError(
            "The archive and the key file belong to different backups, or the archive was changed."
        )
    for name in members.keys() - found.members.keys():
        raise OperationError(f"The backup is damaged: {name!a} is missing.")
    for name in found.members.keys() - members.keys():
        raise OperationError(f"The backup was changed: {name!a} was added to it.")
    for name, member in members.items():
        if found.members[name] != member:
            raise OperationError(f"The backup is damaged: {name!a} was changed.")
    return backup


def _install(
    made: Path,
    found: Extracted,
    backup: Manifest,
    bound: Bound,
    target: RestoreTarget,
    progress: Progress,
) -> None:
    """Moves the parts to their places in a data folder, verifies them, and renames the folder."""
    source = made / backup.database.member
    if backup.hub is not None:
        _prepare_hub(made / backup.hub.member, backup.hub, progress)
    key = made / _KEY
    with open(key, "x", opener=_private, encoding="ascii") as file:
        file.write("".join(f"{line}\n" for line in bound.keys))
    notes = made / _NOTES
    notes.mkdir(mode=0o700)
    (made / manifest.SETTINGS).rename(notes / manifest.SETTINGS)
    with open(notes / "manifest.json", "xb", opener=_private) as text:
        text.write(found.manifest or b"")
    try:
        if backup.database.kind == "sqlite":
            database = made / _DATABASE
            source.rename(database)
            sqlite.check(database, "in the backup")
            with sqlite.reading(database) as connection:
                _prove(connection, backup, bound.keys, made, progress)
                _move_folders(connection, backup, target, progress)
        else:
            postgres.load(target.database_url, source)
            source.unlink()
            with postgres.connected(target.database_url) as connection:
                _prove(connection, backup, bound.keys, made, progress)
                _move_folders(connection, backup, target, progress)
        (made / "database").rmdir()
        _report_settings(notes / manifest.SETTINGS, progress)
        _place(made, key, target)
    except BaseException:
        if backup.database.kind == "postgresql":
            with contextlib.suppress(OperationError, sa.exc.SQLAlchemyError):
                postgres.clear(target.database_url)
        raise


def _place(made: Path, key: Path, target: RestoreTarget) -> None:
    os.sync()
    if target.key_file is not None:
        with open(target.key_file, "xb", opener=_private) as file:
            file.write(key.read_bytes())
            file.flush()
            os.fsync(file.fileno())
        key.unlink()
    try:
        # Replaces an empty folder, and nothing else.
        made.rename(target.data)
    except BaseException:
        if target.key_file is not None:
            target.key_file.unlink(missing_ok=True)
        raise
    sync_folder(target.data.parent)


def _prove(
    connection: sa.Connection,
    backup: Manifest,
    keys: list[str],
    made: Path,
    progress: Progress,
) -> None:
    found = read_state(connection)
    if found.revision != backup.database.revision:
        raise OperationError("The backup is damaged: its tables are at another version.")
    if wrong := differences(backup.database.tables, found.tables):
        raise OperationError(f"The backup is damaged: {wrong}.")
    rows = count_text(sum(found.tables.values()), "row")
    progress.say(f"Database: {count_text(len(found.tables), 'table')}, {rows}, as counted then")
    proof = prove(connection, keys)
    if proof.opened != backup.secrets:
        raise OperationError(
            f"The key opens {proof.opened} of {backup.secrets} secrets: the backup is damaged."
        )
    progress.say(f"Key: the canary decrypts, {count_text(proof.opened, 'secret')} in all")
    _prove_blobs(found.blobs, backup, made, progress)


def _prove_blobs(rows: list[BlobRow], backup: Manifest, made: Path, progress: Progress) -> None:
    """Checks that every referenced blob exists; its hash, which is its name, was checked before."""
    missing = [
        row.digest
        for row in rows
        if row.referenced
        and row.digest not in backup.damaged_blobs
        and not (made / "blobs" / row.digest[:2] / row.digest[2:]).is_file()
    ]
    if missing:
        raise OperationError(f"The backup is damaged: blob {missing[0]} is missing.")
    progress.say(
        f"Blobs: {count_text(len(rows) - len(backup.damaged_blobs), 'blob')}, hashes match"
    )
    if backup.damaged_blobs:
        progress.warn(
            f"wb: {count_text(len(backup.damaged_blobs), 'blob')} was already missing "
            "when the backup was made; restored/manifest.json names them"
        )


def _prepare_hub(database: Path, part: DatabasePart, progress: Progress) -> None:
    """Checks the Hub's database, and removes the servers that ran when it was copied.

    The Hub would look for their process ids, which may belong to anything by now, and kill those.
    """
    sqlite.check(database, "of the Hub in the backup")
    found = sqlite.counts(database)
    if wrong := differences(part.tables, found):
        raise OperationError(f"The backup is damaged: in the Hub's database, {wrong}.")
    with contextlib.closing(sqlite3.connect(database)) as hub, hub:
        columns = {row[1] for row in hub.execute("PRAGMA table_info(spawners)")}
        if {"server_id", "state"} <= columns:
            hub.execute(
                "DELETE FROM servers WHERE id IN "
                "(SELECT server_id FROM spawners WHERE server_id IS NOT NULL)"
            )
            hub.execute("UPDATE spawners SET server_id = NULL, state = '{}'")
    progress.say(f"Hub: {count_text(found.get('users', 0), 'user')}; all are signed out")


def _move_folders(
    connection: sa.Connection, backup: Manifest, target: RestoreTarget, progress: Progress
) -> None:
    """Points file connections in the old data folder to the new one."""
    old, new = Path(backup.data_dir), target.data
    if old == new or "connections" not in backup.database.tables:
        return
    table = sa.table(
        "connections",
        sa.column("id"),
        sa.column("connector"),
        sa.column("config", sa.JSON),
    )
    moved = 0
    rows = connection.execute(
        sa.select(table.c.id, table.c.config).where(table.c.connector == "files")
    ).all()
    for identifier, config in rows:
        folder = Path(str(config.get("folder", "")))
        if folder.is_absolute() and folder.is_relative_to(old):
            moved += 1
            connection.execute(
                table.update()
                .where(table.c.id == identifier)
                .values(config=config | {"folder": str(new / folder.relative_to(old))})
            )
    connection.commit()
    if moved:
        progress.say(
            f"Folders: {count_text(moved, 'file connection')} now in {new} instead of {old}"
        )


def _report_settings(path: Path, progress: Progress) -> None:
    """Reports settings that were set when the backup was made and differ now."""
    try:
        then: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        before: dict[str, str] = dict(then["environment"])
    except (ValueError, KeyError, TypeError) as error:
        raise OperationError("The backup is damaged: its settings can't be read.") from error
    changed = [
        f"{name}={value}"
        for name, value in before.items()
        if os.environ.get(name) != value and not _of_place(name)
    ]
    if changed:
        progress.say(f"Settings that were set then and aren't now: {' '.join(changed)}")


def _of_place(name: str) -> bool:
    """Whether a variable names a location, which differs on this machine."""
    return name in {"WB_DATABASE_URL", "WB_TETHER"} or name.endswith(("_DIR", "_FILE", "_PORT"))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _os_text(error: OSError, place: Path) -> str:
    if is_full(error):
        return f"There is no space left in {place}. Nothing was written."
    if error.errno in {errno.ENOTEMPTY, errno.EEXIST}:
        return f"{error.filename or place} already exists. Nothing was overwritten."
    return f"{error.filename or place} can't be read or written: {error.strerror}."

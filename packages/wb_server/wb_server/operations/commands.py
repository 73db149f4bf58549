"""The commands ``wb backup``, ``wb restore`` and ``wb migrate``."""

from __future__ import annotations

import argparse
import getpass
import stat
import sys
import time
from collections.abc import Callable
from pathlib import Path

from ..settings import Settings
from .report import OperationError, Progress, size_text

# Each command imports the database code that it needs, so that others, such as `wb config`, don't.

BACKUP = "copy databases, blobs, settings and files into one file, and the key into another"
RESTORE = "restore a backup into an empty data folder, and verify it"
MIGRATE = "migrate the metadata database to this version, after copying it, and check its key"

_OPEN_TO_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def define_backup(command: argparse.ArgumentParser, settings: Callable[..., None]) -> None:
    """Adds the arguments of ``wb backup``."""
    settings(command)
    command.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE.tar",
        help="the backup (default: workbench-TIME.tar here); the key goes into FILE.key",
    )
    _add_passphrase(command)
    command.add_argument(
        "--without-users",
        action="store_true",
        help="leave out users' homes: notebooks and files in the data folder",
    )
    command.add_argument(
        "--without-files",
        action="store_true",
        help="leave out the files of file connections in the data folder",
    )
    command.add_argument(
        "--damaged-blobs",
        action="store_true",
        help="leave out blobs that are missing or damaged, instead of stopping",
    )
    command.add_argument("--quiet", action="store_true", help="print only the result")


def define_restore(command: argparse.ArgumentParser, settings: Callable[..., None]) -> None:
    """Adds the arguments of ``wb restore``."""
    settings(command)
    command.add_argument(
        "file", type=Path, metavar="FILE.tar", help="the backup; its key is in FILE.key"
    )
    _add_passphrase(command)
    command.add_argument("--quiet", action="store_true", help="print only the result")


def define_migrate(command: argparse.ArgumentParser, settings: Callable[..., None]) -> None:
    """Adds the arguments of ``wb migrate``."""
    settings(command)
    command.add_argument(
        "--no-copy", action="store_true", help="migrate without a copy of the database first"
    )
    command.add_argument(
        "--back",
        type=Path,
        metavar="COPY",
        help="replace the database with a copy made before a migration",
    )


def run_backup(arguments: argparse.Namespace) -> int:
    """Runs ``wb backup`` and returns its exit status."""
    from sqlalchemy.exc import SQLAlchemyError

    from ..kit import clock
    from .backup import Wanted, backup, default_target

    settings, began = Settings.from_environment(), time.monotonic()
    target = arguments.file or default_target(clock.now())
    wanted = Wanted(
        users=not arguments.without_users,
        files=not arguments.without_files,
        damaged_blobs=arguments.damaged_blobs,
    )
    try:
        secret = _passphrase(arguments.passphrase_file, twice=True)
        archive, key = backup(settings, target, secret, wanted, Progress(quiet=arguments.quiet))
    except (OperationError, SQLAlchemyError) as error:
        return _failed(error)
    size = size_text(archive.stat().st_size)
    print(f"Backup: {archive} ({size}) in {time.monotonic() - began:.1f} s")
    print(f"Key:    {key}, sealed with the passphrase. Keep it apart from the backup")
    return 0


def run_restore(arguments: argparse.Namespace) -> int:
    """Runs ``wb restore`` and returns its exit status."""
    from sqlalchemy.exc import SQLAlchemyError

    from ..kit import db
    from .restore import RestoreTarget, restore

    settings, began = Settings.from_environment(), time.monotonic()
    try:
        target = RestoreTarget.of(settings)
        secret = _passphrase(arguments.passphrase_file, twice=False)
        restored = restore(arguments.file, target, secret, Progress(quiet=arguments.quiet))
    except (OperationError, SQLAlchemyError) as error:
        return _failed(error)
    made = f"{restored.created_at:%Y-%m-%d %H:%M:%S} UTC by version {restored.version}"
    print(f"Restored {target.data} as of {made}, in {time.monotonic() - began:.1f} s")
    if restored.database.revision != db.revisions()[-1]:
        print(
            f"Its tables are at version {restored.database.revision}: the next start migrates them to "
            f"{db.revisions()[-1]}, or run `./wb migrate --data-dir {target.data}`"
        )
    print(f"Start it: ./wb up --data-dir {target.data}")
    return 0


def run_migrate(arguments: argparse.Namespace) -> int:
    """Runs ``wb migrate`` and returns its exit status."""
    from sqlalchemy.exc import SQLAlchemyError

    from ..governance.secrets import vault
    from ..kit import db
    from . import migration

    settings = Settings.from_environment()
    try:
        # The key first: never touch a database with a key that isn't its own.
        master = vault.load(settings.key_path)
        if arguments.back:
            migration.go_back(settings, arguments.back, Progress())
            return 0
        done = migration.migrate(settings, copy=not arguments.no_copy)
        if done.before is not None and done.before != done.after:
            print(f"Migrated the metadata database from version {done.before} to {done.after}")
        if done.copy:
            print(f"Copy of the previous version: {done.copy}")
        database = db.Database(settings.database)
        try:
            master.prove(database)
        finally:
            database.close()
    except (OperationError, vault.VaultError, SQLAlchemyError, OSError) as error:
        return _failed(error)
    return 0


def _failed(error: Exception) -> int:
    from sqlalchemy.exc import DBAPIError

    if isinstance(error, DBAPIError):
        text = f"The metadata database failed: {str(error.orig).splitlines()[0]}"
    else:
        text = str(error)
    print(f"wb: {' '.join(text.split())}", file=sys.stderr)
    return 1


def _add_passphrase(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help="file with the passphrase of the key, readable only by you (default: ask)",
    )


def _passphrase(path: Path | None, *, twice: bool) -> str:
    """The passphrase, from a file or asked for at the terminal.

    Raises:
        OperationError: the file can't be used, there is no terminal, or the two entries differ.
    """
    from ..governance.secrets import passphrase as sealing

    try:
        secret = _asked(twice=twice) if path is None else _read(path)
        if twice:
            sealing.check(secret)
    except sealing.PassphraseError as error:
        raise OperationError(str(error)) from error
    return secret


def _read(path: Path) -> str:
    try:
        if path.stat().st_mode & _OPEN_TO_OTHERS:
            raise OperationError(f"{path} can be read by other users. Run chmod 600 on it.")
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or "it isn't UTF-8"
        raise OperationError(f"The passphrase in {path} can't be read: {reason}.") from error


def _asked(*, twice: bool) -> str:
    if not sys.stdin.isatty():
        raise OperationError(
            "No terminal to ask for the passphrase: pass a file with --passphrase-file."
        )
    try:
        secret = getpass.getpass("Passphrase of the key: ")
        if twice and getpass.getpass("Repeat it: ") != secret:
            raise OperationError("The passphrases differ. Nothing was done.")
    except EOFError:
        raise OperationError("No passphrase was given.") from None
    return secret

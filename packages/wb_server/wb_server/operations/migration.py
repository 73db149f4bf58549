"""Migrates the metadata database to the code's version, after copying it.

A migration that fails leaves the database unchanged (``migrations/env.py``); the copy is for one that
succeeds and is regretted.
"""

from __future__ import annotations

import logging
import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa
from alembic.util import CommandError

from ..governance.secrets import vault
from ..kit import clock, db
from ..kit.disk import is_full
from ..settings import Settings
from . import postgres, sqlite
from .database_state import read_state, require_key
from .report import OperationError, Progress

log = logging.getLogger("wb_server")

KEPT = 5
_FOLDER = "backups"
# The time has a fixed width, so that for each version the order of names is the order of times.
_NAME = re.compile(r"before-(?P<revision>.+)-(?P<time>\d{8}T\d{6,12}Z)\.(db|dump)")


@dataclass(frozen=True)
class Migrated:
    """The outcome: the versions before and after, and the path of the copy."""

    before: str | None
    after: str | None
    copy: Path | None


def migrate(settings: Settings, *, copy: bool = True) -> Migrated:
    """Migrates the database to the newest version, creating it if missing.

    Args:
        copy: whether to copy an older database first.

    Raises:
        OperationError: the database is newer than the code, the key isn't its own, the copy can't
            be made, or a migration failed. The database is then unchanged.
        VaultError: the master key can't be read.
    """
    url = settings.database
    before, newest = _versions(url)
    if before == newest:
        return Migrated(before, newest, None)
    if before is not None and before not in db.revisions():
        raise OperationError(
            f"The metadata database is at version {before}, which is newer than this version of "
            "the Workbench. Run the newer version."
        )
    if before is not None:
        _require_key(settings)
    made = None
    if before is not None and copy:
        made = _copy(settings, newest)
        log.info("the database was copied to %s", made)
    try:
        db.migrate(url)
    except (sa.exc.SQLAlchemyError, CommandError, RuntimeError) as error:
        raise OperationError(_failed(settings, before, newest, made, error)) from error
    return Migrated(before, newest, made)


def _require_key(settings: Settings) -> None:
    """Refuses a key that isn't the database's own: it might be the wrong database."""
    database = db.Database(settings.database)
    try:
        with database.read() as connection:
            require_key(connection, vault.load(settings.key_path))
    finally:
        database.close()


def _versions(url: str) -> tuple[str | None, str | None]:
    if url.startswith("sqlite"):
        path = sqlite.file_of(url)
        if not path.exists() or path.stat().st_size == 0:
            return None, db.revisions()[-1]
    database = db.Database(url)
    try:
        return db.versions(database)
    except sa.exc.OperationalError as error:
        raise OperationError(
            f"The metadata database can't be opened: {str(error.orig).splitlines()[0]}"
        ) from error
    finally:
        database.close()


def _failed(
    settings: Settings,
    before: str | None,
    newest: str | None,
    copy: Path | None,
    error: Exception,
) -> str:
    """One line: what failed, how the database is now, and how to go back."""
    reason = (str(getattr(error, "orig", None) or error).splitlines() or ["no reason given"])[0]
    said = f"The migration of the metadata database to {newest} failed: {reason}. "
    with suppress(OperationError, sa.exc.SQLAlchemyError):
        now, _ = _versions(settings.database)
        if now == before:
            said += f"The database is unchanged, at version {before or 'none'}. "
    if before is None:
        return said + "Nothing has been stored in it yet."
    said += "To go back, start the version of the Workbench that ran before"
    if copy is not None:
        said += (
            f"; the copy made before is {copy}, and `./wb migrate --back {copy} --data-dir "
            f"{settings.data_dir}` restores it if needed"
        )
    return f"{said}."


def _copy(settings: Settings, newest: str | None) -> Path:
    """Copies the database into the data folder and drops the oldest copies."""
    folder = Path(settings.data_dir) / _FOLDER
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = _fresh(folder, f"before-{newest}", settings.database)
        _write(settings.database, made)
    except (OSError, OperationError) as error:
        reason = error.strerror or str(error) if isinstance(error, OSError) else str(error)
        if isinstance(error, OSError) and is_full(error):
            reason = "there is no space left."
        raise OperationError(
            f"No copy of the metadata database can be made in {folder}, so it was not migrated: "
            f"{reason} Fix that, or make your own backup and run `./wb migrate --no-copy`."
        ) from error
    for old in copies(settings)[KEPT:]:
        old.unlink(missing_ok=True)
    return made


def _fresh(folder: Path, name: str, url: str) -> Path:
    """An unused path in the folder."""
    suffix = ".db" if url.startswith("sqlite") else ".dump"
    path = folder / f"{name}-{clock.now():%Y%m%dT%H%M%S%fZ}{suffix}"
    if path.exists():
        raise OperationError(f"{path} already exists.")
    return path


def _write(url: str, target: Path) -> None:
    """Writes a copy, under a temporary name until it is complete."""
    part = target.with_name(f".{target.name}.part")
    part.unlink(missing_ok=True)
    try:
        if url.startswith("sqlite"):
            sqlite.copy(sqlite.file_of(url), part)
        else:
            postgres.dump(url, part, lambda _: None, lambda _: None)
        part.rename(target)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def copies(settings: Settings) -> list[Path]:
    """The copies made before migrations, the newest first."""
    folder = Path(settings.data_dir) / _FOLDER
    found = [(_NAME.fullmatch(path.name), path) for path in folder.glob("before-*")]
    dated = [(match["time"], path) for match, path in found if match]
    return [path for _, path in sorted(dated, reverse=True)]


def go_back(settings: Settings, copy: Path, progress: Progress) -> None:
    """Replaces the database with a copy, after copying its current state.

    Raises:
        OperationError: the copy can't be used, or the database is in use.
    """
    url = settings.database
    if not copy.is_file():
        known = ", ".join(str(path) for path in copies(settings)) or "none"
        raise OperationError(f"There is no file {copy}. Copies made before migrations: {known}.")
    lite = url.startswith("sqlite")
    with copy.open("rb") as file:
        head = file.read(16)
    if not head.startswith(b"SQLite format 3" if lite else b"PGDMP"):
        raise OperationError(f"{copy} isn't a copy of this kind of database.")
    if lite:
        sqlite.check(copy, str(copy))
        with sqlite.reading(copy) as connection:
            if read_state(connection).revision is None:
                raise OperationError(f"{copy} isn't a copy of a metadata database.")
    kept = _fresh(Path(settings.data_dir) / _FOLDER, "replaced", url)
    kept.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    _write(url, kept)
    progress.say(f"The current database was copied to {kept}")
    try:
        if lite:
            sqlite.put_back(copy, sqlite.file_of(url))
        else:
            postgres.put_back(url, copy)
    except OperationError:
        kept.unlink()
        raise
    now, _ = _versions(url)
    progress.say(f"The database is at version {now or 'none'} again, as in {copy}")
    progress.say(
        "Now start the version of the Workbench that belongs to it. This version would migrate "
        "it again"
    )

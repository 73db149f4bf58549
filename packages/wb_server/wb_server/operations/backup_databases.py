"""Copies databases into a backup, each as of one moment."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa

from ..governance.secrets import keyfile
from . import manifest, postgres, sqlite
from .archive import ArchiveWriter
from .database_state import DatabaseState, Proof, prove, read_state
from .installation import InstallationPaths
from .manifest import DatabasePart
from .report import Progress, count_text, size_text


def copy_database(
    paths: InstallationPaths,
    keys_before: list[str],
    folder: Path,
    writer: ArchiveWriter,
    progress: Progress,
) -> tuple[DatabasePart, DatabaseState, list[str], Proof]:
    """Copies the metadata database and proves the master key on the copy.

    Returns:
        The manifest's part, the state of the copy, the keys, and what they open.
    """
    url = paths.settings.database
    keys: list[str] = []
    proof = Proof(0, 0)

    def check(connection: sa.Connection) -> None:
        # Read again: a rotation may have added a key before the copy, or removed one after it.
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


def copy_hub(
    paths: InstallationPaths, folder: Path, writer: ArchiveWriter, progress: Progress
) -> DatabasePart | None:
    """Copies the Hub's database: users, groups, hashes of passwords and tokens.

    The cookie secret is left out: with it and the database one could sign in as anyone. Users sign in
    again after a restore.
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

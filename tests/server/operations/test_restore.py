"""A restore unpacks a complete backup into an empty place, or leaves nothing behind."""

from __future__ import annotations

import io
import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.installation import Installation, refusal, wb
from support.postgres import Cluster

from wb_server.operations import manifest

pytestmark = pytest.mark.slow


def restore(
    archive: Path, new: Path, passphrase_file: Path, *options: str
) -> tuple[int, str, Callable[[], str]]:
    done = wb(
        *("restore", archive, "--passphrase-file", passphrase_file, *options),
        WB_DATA_DIR=str(new),
    )
    return done.returncode, done.stderr, lambda: refusal(done)


def rewrite(archive: Path, change: Callable[[str, bytes], bytes | None]) -> None:
    """Rewrites an archive with other contents of its files; ``None`` leaves one out."""
    part = archive.with_suffix(".new")
    with tarfile.open(archive) as old, tarfile.open(part, "w") as new:
        for member in old:
            file = old.extractfile(member) if member.isfile() else None
            if file is None:
                new.addfile(member)
            elif (changed := change(member.name, file.read())) is not None:
                member.size = len(changed)
                new.addfile(member, io.BytesIO(changed))
    part.replace(archive)


def first(archive: Path, start: str) -> str:
    """The first file whose name has this prefix."""
    with tarfile.open(archive) as file:
        return next(one.name for one in file if one.isfile() and one.name.startswith(start))


def cut(by: Callable[[int], int]) -> Callable[[Path], None]:
    return lambda archive: os.truncate(archive, by(archive.stat().st_size))


def content(start: str, change: Callable[[bytes], bytes | None]) -> Callable[[Path], None]:
    """Changes the content of the first file whose name has this prefix."""

    def act(archive: Path) -> None:
        which = first(archive, start)
        rewrite(archive, lambda name, old: change(old) if name == which else old)

    return act


def added(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> Callable[[Path], None]:
    """Adds a member before the others."""

    def act(archive: Path) -> None:
        part = archive.with_suffix(".new")
        with tarfile.open(archive) as old, tarfile.open(part, "w") as new:
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, target
            member.size = 1 if kind == tarfile.REGTYPE else 0
            new.addfile(member, io.BytesIO(b"x"))
            for member in old:
                new.addfile(member, old.extractfile(member) if member.isfile() else None)
        part.replace(archive)

    return act


def replaced(archive: Path) -> None:
    archive.write_text("a text\n" * 999)


def flipped(old: bytes) -> bytes:
    return old[:5000] + bytes([old[5000] ^ 1]) + old[5001:]


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "cut in the middle": (cut(lambda size: size // 2), "damaged"),
    "cut in its manifest": (cut(lambda size: size - 12_000), "damaged"),
    "cut to one block": (cut(lambda size: 512), "damaged"),
    "empty": (cut(lambda size: 0), "damaged"),
    "no archive": (replaced, "isn't a complete tar"),
    "a changed byte of the database": (content("database/", flipped), "was changed"),
    "a longer blob": (content("blobs/", lambda old: old + b"x"), "was changed"),
    "a missing blob": (content("blobs/", lambda old: None), "is missing"),
    "a changed manifest": (content("manifest", lambda old: old + b" "), "different backups"),
    "no manifest": (content("manifest", lambda old: None), "truncated"),
    "a manifest that is no JSON": (content("manifest", lambda old: b"{"), "manifest can't be read"),
    "a file too many": (added("blobs/extra"), "was added"),
    "a link too many": (added("users/extra", tarfile.SYMTYPE, "/etc"), "was added"),
    "a member twice": (added("database/workbench.db"), "twice"),
    "a path that leads out": (added("../../out"), "doesn't belong"),
    "a path that leads out later": (added("users/../../../out"), "doesn't belong"),
    "a path from the root": (added("/etc/out"), "doesn't belong"),
    "a link and a file through it": (added("users/ana", tarfile.SYMTYPE, "/etc"), "twice"),
    "a hard link": (
        added("users/x", tarfile.LNKTYPE, "/etc/passwd"),
        "neither a file nor a folder",
    ),
    "a device": (added("users/x", tarfile.CHRTYPE), "neither a file nor a folder"),
    "a key inside": (added("master.key"), "doesn't belong"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    backed_up: Path, tmp_path: Path, passphrase_file: Path, damage: str
) -> None:
    act, words = DAMAGES[damage]
    act(backed_up)
    before = sorted(path.name for path in tmp_path.iterdir())
    _, _, refused = restore(backed_up, tmp_path / "new", passphrase_file)
    assert words in refused()
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert not (tmp_path.parent / "out").exists()


def test_a_wrong_passphrase_is_reported(backed_up: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the passphrase at all\n")
    wrong.chmod(0o600)
    _, _, refused = restore(backed_up, tmp_path / "new", wrong)
    assert "passphrase" in refused()
    assert not (tmp_path / "new").exists()


def test_a_missing_or_foreign_key_is_reported(
    backed_up: Path, tmp_path: Path, passphrase_file: Path
) -> None:
    key = backed_up.with_suffix(".key")
    shutil.move(key, tmp_path / "away")
    _, _, refused = restore(backed_up, tmp_path / "new", passphrase_file)
    assert str(key.name) in refused()
    key.write_bytes(b"something else")
    _, _, refused = restore(backed_up, tmp_path / "new", passphrase_file)
    assert refused()
    assert not (tmp_path / "new").exists()


def test_a_folder_that_is_not_empty_is_left_alone(
    backed_up: Path, tmp_path: Path, passphrase_file: Path
) -> None:
    taken = tmp_path / "new"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    _, _, refused = restore(backed_up, taken, passphrase_file)
    assert str(taken) in refused()
    assert [path.name for path in taken.iterdir()] == ["mine.txt"]


def test_a_backup_with_newer_tables_is_refused(lite: Installation, tmp_path: Path) -> None:
    with sqlite3.connect(lite.data / "workbench.db") as database:
        database.execute("update alembic_version set version_num = '9999_later'")
    database.close()
    assert lite.backup(tmp_path / "b.tar").returncode == 0
    _, _, refused = restore(tmp_path / "b.tar", tmp_path / "new", lite.passphrase_file)
    assert "9999_later" in refused() and "Update the Workbench" in refused()
    assert not (tmp_path / "new").exists()


def test_a_backup_of_a_newer_format_is_refused(
    lite: Installation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as later:
        later.setattr(manifest, "FORMAT", 2)
        assert lite.backup(tmp_path / "b.tar").returncode == 0
    _, _, refused = restore(tmp_path / "b.tar", tmp_path / "new", lite.passphrase_file)
    assert "newer version" in refused()
    assert not (tmp_path / "new").exists()


def test_the_key_of_another_backup_is_refused(
    lite: Installation, backed_up: Path, tmp_path: Path
) -> None:
    assert lite.backup(tmp_path / "c.tar").returncode == 0
    (tmp_path / "c.key").replace(tmp_path / "b.key")
    _, _, refused = restore(backed_up, tmp_path / "new", lite.passphrase_file)
    assert "different backups" in refused()
    assert not (tmp_path / "new").exists()


def test_the_kind_of_database_has_to_match(
    installation: Installation, new_url: Callable[[str], str], tmp_path: Path, postgres: Cluster
) -> None:
    assert installation.backup(tmp_path / "b.tar").returncode == 0
    new, secret = tmp_path / "new", ("--passphrase-file", installation.passphrase_file)
    lite = installation.database_url.startswith("sqlite")
    if lite:
        url = postgres.url_of(postgres.database)
        cases = {url: "not empty", f"sqlite:///{tmp_path / 'other.db'}": "Omit --database-url"}
        with postgres.connect() as connection:
            connection.execute("create table if not exists somebodys (n int)")
    else:
        cases = {"": "Name an empty one", installation.database_url: "not empty"}
    for url, words in cases.items():
        done = wb("restore", tmp_path / "b.tar", *secret, WB_DATA_DIR=str(new), WB_DATABASE_URL=url)
        assert words in refusal(done)
        assert not new.exists()
    if lite:
        with postgres.connect() as connection:
            connection.execute("drop table somebodys")


def test_a_key_file_elsewhere_is_created_there_and_never_overwritten(
    backed_up: Path, one_backup: Path, tmp_path: Path, passphrase_file: Path
) -> None:
    key = tmp_path / "keys" / "master.key"
    key.parent.mkdir()
    key.write_text("mine")
    _, _, refused = restore(backed_up, tmp_path / "new", passphrase_file, "--key-file", str(key))
    assert "not overwritten" in refused()
    assert key.read_text() == "mine"
    key.unlink()
    options = ("--key-file", str(key))
    status, output, _ = restore(backed_up, tmp_path / "new", passphrase_file, *options)
    assert status == 0, output
    assert key.read_text() == (one_backup.parent / "data" / "master.key").read_text()
    assert key.stat().st_mode & 0o777 == 0o600
    assert not (tmp_path / "new" / "master.key").exists()


def test_a_restored_installation_works_like_the_original(
    lite: Installation, backed_up: Path, tmp_path: Path, passphrase_file: Path
) -> None:
    new = tmp_path / "new"
    status, output, _ = restore(backed_up, new, passphrase_file)
    assert status == 0, output
    done = wb("audit", "verify", WB_DATA_DIR=str(new))
    assert done.returncode == 0 and "The audit log is intact." in done.stdout
    assert wb("migrate", WB_DATA_DIR=str(new)).returncode == 0

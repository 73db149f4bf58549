"""A restore takes a whole backup into an empty place, or leaves nothing behind."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from support.installation import Installation, refusal, wb


def restore(
    archive: Path, new: Path, passphrase_file: Path, *options: str
) -> tuple[int, str, Callable[[], str]]:
    done = wb(
        *("restore", archive, "--passphrase-file", passphrase_file, *options),
        WB_DATA_DIR=str(new),
    )
    return done.returncode, done.stderr, lambda: refusal(done)


def rewrite(archive: Path, change: Callable[[str, bytes], bytes | None], **more: bytes) -> None:
    """Writes an archive again with other contents; ``None`` leaves a member out."""
    part = archive.with_suffix(".new")
    with tarfile.open(archive) as old, tarfile.open(part, "w") as new:
        for member in old:
            file = old.extractfile(member) if member.isfile() else None
            content = file.read() if file else b""
            changed = change(member.name, content)
            if changed is None:
                continue
            member.size = len(changed) if member.isfile() else 0
            new.addfile(member, io.BytesIO(changed) if member.isfile() else None)
        for name, content in more.items():
            member = tarfile.TarInfo(name.replace("__", "/"))
            member.size = len(content)
            new.addfile(member, io.BytesIO(content))
    part.replace(archive)


def same(name: str, content: bytes) -> bytes:
    return content


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as file:
        return file.getnames()


@pytest.mark.parametrize(
    "damage",
    [
        "cut in the middle",
        "cut at the end",
        "empty",
        "no archive",
        "a changed byte of the database",
        "a changed blob",
        "a missing blob",
        "a member too many",
        "a path that leads out",
        "no manifest",
        "a manifest that is no JSON",
    ],
)
def test_a_damaged_backup_is_refused_and_leaves_nothing(
    backed_up: Path, tmp_path: Path, passphrase_file: Path, damage: str
) -> None:
    size = backed_up.stat().st_size
    blob = next(name for name in names(backed_up) if "blobs/" in name and len(name) > 40)
    database = next(name for name in names(backed_up) if name.endswith("workbench.db"))
    if damage == "cut in the middle":
        backed_up.write_bytes(backed_up.read_bytes()[: size // 2])
    elif damage == "cut at the end":
        backed_up.write_bytes(backed_up.read_bytes()[: size - 20_000])
    elif damage == "empty":
        backed_up.write_bytes(b"")
    elif damage == "no archive":
        backed_up.write_bytes(b"just a text\n" * 1000)
    elif damage == "a changed byte of the database":
        rewrite(
            backed_up,
            lambda name, content: (
                content[:5000] + bytes([content[5000] ^ 1]) + content[5001:]
                if name == database
                else content
            ),
        )
    elif damage == "a changed blob":
        rewrite(backed_up, lambda name, content: content + b"x" if name == blob else content)
    elif damage == "a missing blob":
        rewrite(backed_up, lambda name, content: None if name == blob else content)
    elif damage == "a member too many":
        rewrite(backed_up, same, blobs__extra=b"x")
    elif damage == "a path that leads out":
        rewrite(backed_up, same, **{"..__..__out": b"x"})
    elif damage == "no manifest":
        rewrite(backed_up, lambda name, content: None if "manifest" in name else content)
    else:
        rewrite(backed_up, lambda name, content: b"{" if "manifest" in name else content)
    before = sorted(path.name for path in tmp_path.iterdir())
    _, _, refused = restore(backed_up, tmp_path / "new", passphrase_file)
    assert refused()
    assert sorted(path.name for path in tmp_path.iterdir()) == before
    assert not (tmp_path.parent / "out").exists()


def test_a_wrong_passphrase_is_told(backed_up: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not the passphrase at all\n")
    wrong.chmod(0o600)
    _, _, refused = restore(backed_up, tmp_path / "new", wrong)
    assert "passphrase" in refused()
    assert not (tmp_path / "new").exists()


def test_a_key_that_is_missing_or_of_another_backup_is_told(
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


def test_a_place_that_is_taken_is_left_alone(
    backed_up: Path, tmp_path: Path, passphrase_file: Path
) -> None:
    taken = tmp_path / "new"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine")
    _, _, refused = restore(backed_up, taken, passphrase_file)
    assert str(taken) in refused()
    assert [path.name for path in taken.iterdir()] == ["mine.txt"]


def test_a_backup_of_a_newer_version_is_refused(
    backed_up: Path, tmp_path: Path, passphrase_file: Path
) -> None:
    def newer(name: str, content: bytes) -> bytes:
        if "manifest" not in name:
            return content
        text = json.dumps(json.loads(content)).replace("0005_limits", "9999_later")
        return text.encode()

    rewrite(backed_up, newer)
    _, _, refused = restore(backed_up, tmp_path / "new", passphrase_file)
    assert refused()
    assert not (tmp_path / "new").exists()


def test_what_was_restored_is_used_like_the_original(
    lite: Installation, backed_up: Path, tmp_path: Path, passphrase_file: Path
) -> None:
    new = tmp_path / "new"
    status, output, _ = restore(backed_up, new, passphrase_file)
    assert status == 0, output
    done = wb("audit", "verify", WB_DATA_DIR=str(new))
    assert done.returncode == 0 and "The audit log is whole." in done.stdout
    assert wb("migrate", WB_DATA_DIR=str(new)).returncode == 0

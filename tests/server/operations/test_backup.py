"""A backup holds everything, is restored unchanged, and is made completely or not at all."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.fernet import Fernet
from support.installation import (
    PASSPHRASE,
    PASSWORD,
    WRITTEN,
    Installation,
    environment,
    refusal,
    rows_of,
    wb,
)

from wb_server.governance.secrets import vault
from wb_server.kit.blobs import Blobs, blobs
from wb_server.kit.db import Database
from wb_server.operations import backup as backups
from wb_server.operations.backup import Wanted, backup
from wb_server.operations.report import Progress

pytestmark = pytest.mark.slow


def test_every_row_is_restored(
    installation: Installation, new_url: Callable[[str], str], tmp_path: Path
) -> None:
    target = tmp_path / "b.tar"
    made = installation.backup(target)
    assert made.returncode == 0, made.stderr
    assert sorted(path.name for path in tmp_path.glob("b.*")) == ["b.key", "b.tar"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("b.*")} == {0o600}
    assert not list(tmp_path.glob(".wb-*"))

    new = tmp_path / "new"
    postgresql = installation.database_url.startswith("postgresql")
    url = new_url("new") if postgresql else ""
    done = wb(
        *("restore", target, "--passphrase-file", installation.passphrase_file),
        WB_DATA_DIR=str(new),
        WB_DATABASE_URL=url,
    )
    assert done.returncode == 0, done.stderr
    for line in ("every hash matches", "as counted then", "the canary decrypts", "3 blobs, hashes"):
        assert line in done.stderr

    before, after = installation.rows(), rows_of(url or f"sqlite:///{new / 'workbench.db'}")
    assert before.keys() == after.keys()
    assert len(before["audit"]) >= 40
    for name in before.keys() - {"connections"}:
        assert before[name] == after[name], name
    # The connection to files points into the new folder; nothing else in the rows has changed.
    text = str(before["connections"]).replace(f"{installation.data}/", f"{new}/")
    assert text == str(after["connections"])

    assert (new / "master.key").read_bytes() == (installation.data / "master.key").read_bytes()
    assert (new / "master.key").stat().st_mode & 0o777 == 0o600
    store = Blobs(new / "blobs", Database(url or f"sqlite:///{new / 'workbench.db'}"))
    for digest in installation.blobs:
        with store.open(digest) as one, installation_blob(installation, digest).open("rb") as two:
            assert one.read() == two.read()
    store._database.close()


def installation_blob(installation: Installation, digest: str) -> Path:
    return installation.data / "blobs" / digest[:2] / digest[2:]


def test_users_files_and_the_hub_are_restored(
    lite: Installation, backed_up: Path, tmp_path: Path
) -> None:
    new = tmp_path / "new"
    done = restore(lite, backed_up, new)
    assert done.returncode == 0, done.stderr
    home, old = new / "users" / "ana", lite.data / "users" / "ana"
    assert {os.fsencode(p.name) for p in home.iterdir()} == {
        os.fsencode(p.name) for p in old.iterdir() if p.name != "pipe"
    }
    assert (home / "run.sh").stat().st_mode & 0o777 == 0o755
    assert (home / "run.sh").stat().st_mtime == WRITTEN
    assert os.readlink(home / "link") == "work.ipynb"
    assert os.readlink(home / "out") == "/etc/hostname"
    assert (home / "empty").is_dir()
    assert (new / "files" / "mine" / "a.csv").read_text() == "x\n1\n"
    assert (new / "jupyterhub_config.d" / "own.py").exists()
    # A stolen backup signs nobody in, and the Hub looks for no process of the old machine.
    assert not (new / "hub" / "cookie_secret").exists()
    hub = rows_of(f"sqlite:///{new / 'hub' / 'jupyterhub.sqlite'}")
    assert hub["users"] == [(1, "ana"), (2, "bo")]
    assert hub["servers"] == [(1, 8081)]
    assert hub["spawners"] == [(1, 1, None, "{}"), (2, 2, None, "{}")]


def test_what_is_left_out_is_reported(lite: Installation, tmp_path: Path) -> None:
    done = lite.backup(tmp_path / "b.tar", "--without-users", "--without-files")
    assert done.returncode == 0
    assert f"Not included: files, logs, temporary, users (in {lite.data})" in done.stderr
    assert not {name.split("/")[0] for name in names(tmp_path / "b.tar")} & {"users", "files"}


def test_the_archive_holds_no_secret_in_clear(
    lite: Installation, backed_up: Path, tmp_path: Path
) -> None:
    content = backed_up.read_bytes()
    key = (lite.data / "master.key").read_bytes().strip()
    for secret in (key, PASSWORD.encode(), b"c00kie"):
        assert secret not in content
        assert secret not in backed_up.with_suffix(".key").read_bytes()
    with tarfile.open(backed_up) as tar:
        settings = json.loads(tar.extractfile("settings.json").read())  # type: ignore[union-attr]
    assert settings["environment"]["WB_DATABASE_URL"] == "(set)"


def names(archive: Path) -> list[str]:
    with tarfile.open(archive) as tar:
        return tar.getnames()


def restore(
    lite: Installation, archive: Path, new: Path, **env: str
) -> subprocess.CompletedProcess[str]:
    return wb(
        *("restore", archive, "--passphrase-file", lite.passphrase_file),
        **{"WB_DATA_DIR": str(new), **env},
    )


def test_an_unusable_target_is_refused(lite: Installation, tmp_path: Path) -> None:
    for name in ("b.tar", "b.key"):
        (tmp_path / name).write_text("mine")
        assert "already exists" in refusal(lite.backup(tmp_path / "b.tar"))
        assert (tmp_path / name).read_text() == "mine"
        (tmp_path / name).unlink()
    assert "must end in .tar" in refusal(lite.backup(tmp_path / "b.zip"))
    assert "There is no folder" in refusal(lite.backup(tmp_path / "none" / "b.tar"))
    assert "would contain itself" in refusal(lite.backup(lite.data / "users" / "b.tar"))


@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        ("short", 0o600, "at least 12"),
        ("aaaaaaaaaaaaaaa", 0o600, "4 different"),
        (PASSPHRASE, 0o644, "chmod 600"),
        (None, 0, "can't be read"),
    ],
)
def test_an_unusable_passphrase_is_refused(
    lite: Installation, tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    lite.passphrase_file.unlink()
    if content is not None:
        lite.passphrase_file.write_text(content)
        lite.passphrase_file.chmod(mode)
    assert words in refusal(lite.backup(tmp_path / "b.tar"))
    assert not list(tmp_path.glob("b.*"))


def test_without_a_terminal_a_passphrase_file_is_needed(lite: Installation, tmp_path: Path) -> None:
    assert "--passphrase-file" in refusal(lite.run("backup", tmp_path / "b.tar"))


@pytest.mark.parametrize(("second", "status"), [(PASSPHRASE, 0), ("another one of these", 1)])
def test_at_a_terminal_the_passphrase_is_asked_for_twice(
    lite: Installation, tmp_path: Path, second: str, status: int
) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [
            sys.executable,
            "-P",
            "-m",
            "wb_hub.quick",
            "wb_server.cli",
            "backup",
            str(tmp_path / "b.tar"),
        ],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env=environment(WB_DATA_DIR=str(lite.data)),
    )
    os.close(theirs)
    shown = b""
    for answer in (PASSPHRASE, second):
        # Answered at the prompt: what is typed before it is discarded.
        while not shown.endswith(b": "):
            shown += os.read(ours, 1024)
        os.write(ours, f"{answer}\n".encode())
        shown += b"\n"
    # On Linux the end of the other side is an error.
    with contextlib.suppress(OSError):
        while chunk := os.read(ours, 1024):
            shown += chunk
    os.close(ours)
    assert process.wait(60) == status, shown
    assert PASSPHRASE.encode() not in shown
    assert (tmp_path / "b.tar").exists() is (status == 0)


def test_a_key_of_another_database_is_refused(installation: Installation, tmp_path: Path) -> None:
    (installation.data / "master.key").write_bytes(Fernet.generate_key())
    assert "doesn't belong to" in refusal(installation.backup(tmp_path / "b.tar"))
    assert not list(tmp_path.glob("b.*")) + list(tmp_path.glob(".wb-*"))


def test_damaged_blobs_are_reported_and_left_out_only_on_request(
    lite: Installation, tmp_path: Path
) -> None:
    installation_blob(lite, lite.blobs[1]).write_bytes(b"changed")
    installation_blob(lite, lite.blobs[2]).unlink()
    line = refusal(lite.backup(tmp_path / "b.tar"))
    assert "2 blobs missing or damaged" in line
    assert not list(tmp_path.glob("b.*"))
    done = lite.backup(tmp_path / "b.tar", "--damaged-blobs")
    assert done.returncode == 0, done.stderr
    assert "not in the backup" in done.stderr
    assert sum(name.startswith("blobs/") for name in names(tmp_path / "b.tar")) == 1
    back = restore(lite, tmp_path / "b.tar", tmp_path / "new")
    assert back.returncode == 0, back.stderr
    assert "already missing" in back.stderr


def test_a_damaged_database_is_refused(lite: Installation, tmp_path: Path) -> None:
    path = lite.data / "workbench.db"
    content = bytearray(path.read_bytes())
    content[8192:40960] = bytes(32768)
    path.write_bytes(content)
    assert "damaged" in refusal(lite.backup(tmp_path / "b.tar"))
    assert not list(tmp_path.glob("b.*"))


class Deletes(Progress):
    """Deletes a blob once the database is copied, as an expiry would."""

    def __init__(self, installation: Installation) -> None:
        super().__init__(quiet=True)
        self.lines: list[str] = []
        self._installation = installation

    def say(self, line: str) -> None:
        self.lines.append(line)
        if line.startswith("Key:") and sum(one.startswith("Key:") for one in self.lines) == 1:
            digest = self._installation.blobs.pop()
            database = Database(self._installation.database_url)
            with database.write() as transaction:
                transaction.execute(blobs.delete().where(blobs.c.digest == digest))
            database.close()
            installation_blob(self._installation, digest).unlink()


def test_a_blob_deleted_during_a_backup_restarts_it(lite: Installation, tmp_path: Path) -> None:
    progress = Deletes(lite)
    backup(lite.settings, tmp_path / "b.tar", PASSPHRASE, Wanted(), progress)
    assert any("starting attempt 2" in line for line in progress.lines)
    members = [name for name in names(tmp_path / "b.tar") if name.startswith("blobs/")]
    assert len(members) == len(lite.blobs) == 2
    back = restore(lite, tmp_path / "b.tar", tmp_path / "new")
    assert back.returncode == 0, back.stderr


class Shrinks(Progress):
    """Truncates a file while it is copied."""

    def __init__(self, path: Path) -> None:
        super().__init__(quiet=True)
        self._path = path
        self._written = 0

    def still(self, what: str, done: int, of: int | None = None) -> None:
        if self._path.stat().st_size > 5_000_000 and done > 3_000_000:
            os.truncate(self._path, 1234)


def test_a_file_that_is_truncated_while_it_is_copied_is_copied_again(
    lite: Installation, tmp_path: Path
) -> None:
    big = lite.data / "users" / "ana" / "big"
    big.write_bytes(os.urandom(8_000_000))
    backup(lite.settings, tmp_path / "b.tar", PASSPHRASE, Wanted(), Shrinks(big))
    with tarfile.open(tmp_path / "b.tar") as tar:
        assert tar.getmember("users/ana/big").size == 1234
    assert restore(lite, tmp_path / "b.tar", tmp_path / "new").returncode == 0
    assert (tmp_path / "new" / "users" / "ana" / "big").read_bytes() == big.read_bytes()


def test_a_key_rotated_during_a_backup_is_in_it(lite: Installation, tmp_path: Path) -> None:
    """Both keys, if the copy of the database may need either."""
    old = (lite.data / "master.key").read_text().strip()
    new = Fernet.generate_key().decode()
    real = backups.keyfile.read
    calls = 0

    def read(path: Path) -> list[str]:
        nonlocal calls
        calls += 1
        return real(path) if calls == 1 else [new, old] if calls == 2 else real(path)

    backups.keyfile.read, saved = read, backups.keyfile.read
    try:
        backup(lite.settings, tmp_path / "b.tar", PASSPHRASE, Wanted(), Progress(quiet=True))
    finally:
        backups.keyfile.read = saved
    assert restore(lite, tmp_path / "b.tar", tmp_path / "new").returncode == 0
    assert (tmp_path / "new" / "master.key").read_text().split() == [new, old]
    vault.load(tmp_path / "new" / "master.key")


def test_a_missing_pg_dump_is_reported(installation: Installation, tmp_path: Path) -> None:
    options = ("--passphrase-file", installation.passphrase_file)
    done = installation.run("backup", tmp_path / "b.tar", *options, PATH=str(tmp_path))
    if installation.database_url.startswith("sqlite"):
        assert done.returncode == 0
    else:
        assert "pg_dump is missing" in refusal(done)
        assert sa.engine.make_url(installation.database_url).password not in done.stderr

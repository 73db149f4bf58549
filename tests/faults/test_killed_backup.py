"""A killed backup or restore leaves nothing that looks complete, and the next one works."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from support.command import Command, start
from support.installation import PASSPHRASE, Installation, environment, install
from support.metadata import new_database
from support.postgres import Cluster
from support.wait import wait_for

pytestmark = pytest.mark.slow

# Bytes: large enough that the command can't finish before the test has seen it start.
BIG = 300_000_000


@pytest.fixture(params=["sqlite", "postgresql"])
def big(request: pytest.FixtureRequest, tmp_path: Path) -> Installation:
    """An installation with a large file of a user."""
    url = f"sqlite:///{tmp_path / 'data' / 'workbench.db'}"
    if request.param == "postgresql":
        postgres: Cluster = request.getfixturevalue("postgres")
        url = new_database(postgres)
    passphrase = tmp_path / "passphrase"
    passphrase.write_text(PASSPHRASE)
    passphrase.chmod(0o600)
    it = install(tmp_path / "data", url, passphrase)
    with (it.data / "users" / "ana" / "big").open("wb") as file:
        file.truncate(BIG)
    return it


@contextmanager
def started(it: Installation, *arguments: object, **env: str) -> Iterator[Command]:
    """A running command, killed at the end."""
    with open(os.devnull, "wb") as nothing:
        words = (*arguments, "--passphrase-file", it.passphrase_file)
        running = start(words, environment(**env), nothing)
    try:
        yield running
    finally:
        running.kill()
        running.wait()


def size_below(folder: Path, pattern: str) -> int:
    """Total bytes of the unfinished files that match."""
    return sum(path.stat().st_size for path in folder.glob(pattern))


def test_a_killed_backup_or_restore_leaves_nothing_complete_and_the_next_works(
    big: Installation, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = tmp_path / "backups"
    place.mkdir()
    target = place / "b.tar"
    env = {"WB_DATA_DIR": str(big.data), "WB_DATABASE_URL": big.database_url}
    with started(big, "backup", target, **env) as running:
        wait_for(lambda: size_below(place, ".wb-*/archive.tar") > 1_000_000)
        os.kill(running.pid, signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
    assert [path.name for path in place.iterdir() if not path.name.startswith(".wb-")] == []

    assert big.backup(target).returncode == 0
    # What the killed backup left behind is gone, too.
    assert sorted(path.name for path in place.iterdir()) == ["b.key", "b.tar"]

    home = tmp_path / "restored"
    home.mkdir()
    url = ""
    if big.database_url.startswith("postgresql"):
        url = new_database(request.getfixturevalue("postgres"))
    new = {"WB_DATA_DIR": str(home / "new"), "WB_DATABASE_URL": url}
    with started(big, "restore", target, **new) as running:
        wait_for(lambda: size_below(home, ".wb-*/data/users/ana/big") > 1_000_000)
        os.kill(running.pid, signal.SIGKILL)
        assert running.wait() == -signal.SIGKILL
    assert not (home / "new").exists()
    with started(big, "restore", target, **new) as running:
        assert running.wait(60) == 0
    assert [path.name for path in home.iterdir()] == ["new"]
    assert (home / "new" / "users" / "ana" / "big").stat().st_size == BIG

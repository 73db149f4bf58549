"""Fixtures: data folders with something of everything, and backups of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from support.installation import PASSPHRASE, Installation, install
from support.metadata import new_database
from support.passphrases import cheap
from support.postgres import Cluster

MakeUrl = Callable[[str], str]


@pytest.fixture(scope="package", autouse=True)
def _cheap_passphrases() -> Iterator[None]:
    """Backups are sealed in a hundredth of the time; how well is tested in ``test_passphrase.py``."""
    with cheap():
        yield


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    """A file with the passphrase, readable by its owner only."""
    path = tmp_path / "passphrase"
    path.write_text(f"{PASSPHRASE}\n")
    path.chmod(0o600)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> MakeUrl:
    """Makes addresses of empty databases, once in SQLite and once in PostgreSQL."""
    if request.param == "sqlite":
        return lambda name: f"sqlite:///{tmp_path / name / 'workbench.db'}"
    postgres: Cluster = request.getfixturevalue("postgres")
    return lambda name: new_database(postgres, f"ops_{name}")


@pytest.fixture
def installation(new_url: MakeUrl, tmp_path: Path, passphrase_file: Path) -> Installation:
    """A data folder with something of everything."""
    return install(tmp_path / "data", new_url("data"), passphrase_file)


@pytest.fixture
def lite(tmp_path: Path, passphrase_file: Path) -> Installation:
    """The same, in SQLite only."""
    url = f"sqlite:///{tmp_path / 'data' / 'workbench.db'}"
    return install(tmp_path / "data", url, passphrase_file)


@pytest.fixture(scope="package")
def one_backup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shared backup that is never changed, with its key next to it."""
    folder = tmp_path_factory.mktemp("backup")
    words = folder / "passphrase"
    words.write_text(PASSPHRASE)
    words.chmod(0o600)
    it = install(folder / "data", f"sqlite:///{folder / 'data' / 'workbench.db'}", words)
    done = it.backup(folder / "b.tar")
    assert done.returncode == 0, done.stderr
    return folder / "b.tar"


@pytest.fixture
def backed_up(one_backup: Path, tmp_path: Path) -> Path:
    """A copy of a backup and its key, to be damaged."""
    for suffix in (".tar", ".key"):
        shutil.copy2(one_backup.with_suffix(suffix), tmp_path)
    return tmp_path / one_backup.name

"""Data folders with something of everything."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from support.installation import PASSPHRASE, Installation, install
from support.postgres import Cluster

MakeUrl = Callable[[str], str]


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

    def make(name: str) -> str:
        full = f"ops_{name}_{abs(hash(tmp_path)):x}"
        with postgres.connect() as connection:
            connection.execute(f"create database {full}")
        url = postgres.url.replace("postgresql://", "postgresql+psycopg://")
        return url.replace(f"/{postgres.database}", f"/{full}")

    return make


@pytest.fixture
def installation(new_url: MakeUrl, tmp_path: Path, passphrase_file: Path) -> Installation:
    """A data folder with something of everything."""
    return install(tmp_path / "data", new_url("data"), passphrase_file)


@pytest.fixture
def lite(tmp_path: Path, passphrase_file: Path) -> Installation:
    """The same, in SQLite only."""
    url = f"sqlite:///{tmp_path / 'data' / 'workbench.db'}"
    return install(tmp_path / "data", url, passphrase_file)


@pytest.fixture
def backed_up(lite: Installation, tmp_path: Path) -> Path:
    """The archive of a backup; its key beside it."""
    target = tmp_path / "b.tar"
    done = lite.backup(target)
    assert done.returncode == 0, done.stderr
    return target

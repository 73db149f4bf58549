"""The Workbench with a connection of each kind, and how many values to compare."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from support.mariadb import MariaDB
from support.postgres import Cluster

from .place import Place, place
from .reading import Tally

TALLY = pytest.StashKey[Tally]()


@pytest.fixture(scope="session")
def values(pytestconfig: pytest.Config) -> int:
    """How many values to compare, for each connector and path."""
    return int(pytestconfig.getoption("--values"))


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """What was compared, told at the end."""
    given = pytestconfig.getoption("--seed")
    it = Tally(random.randrange(10**6) if given is None else int(given))
    pytestconfig.stash[TALLY] = it
    return it


@pytest.fixture(scope="session")
def workbench(
    tmp_path_factory: pytest.TempPathFactory, postgres: Cluster, mariadb: MariaDB
) -> Iterator[Place]:
    """A Workbench in local mode."""
    with place(tmp_path_factory.mktemp("values"), postgres, mariadb) as it:
        yield it


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Says how many values were compared."""
    if (tally := config.stash.get(TALLY, None)) is not None:
        terminalreporter.section("values")
        for line in tally.lines():
            terminalreporter.write_line(f"values: {line}")  # for `./wb test`

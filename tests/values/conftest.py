"""A Workbench with a connection of each kind, and the number of values to compare."""

from __future__ import annotations

import random
from collections.abc import Iterator

import pytest
from support.mariadb import MariaDB
from support.postgres import Cluster
from support.summary import at_the_end

from .place import Place, place
from .reading import Tally


@pytest.fixture(scope="session")
def values(pytestconfig: pytest.Config) -> int:
    """The number of values to compare for each connector and path."""
    return int(pytestconfig.getoption("--values"))


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    """The counts of compared values, printed at the end."""
    given = pytestconfig.getoption("--seed")
    it = Tally(random.randrange(10**6) if given is None else int(given))
    at_the_end(pytestconfig, lambda: [f"values: {line}" for line in it.lines()])
    return it


@pytest.fixture(scope="session")
def workbench(
    tmp_path_factory: pytest.TempPathFactory, postgres: Cluster, mariadb: MariaDB
) -> Iterator[Place]:
    """A Workbench in local mode."""
    with place(tmp_path_factory.mktemp("values"), postgres, mariadb) as it:
        yield it

"""A Workbench with users, for tests of the rules of pipelines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from support.house import House, house_at
from support.postgres import Cluster


@pytest.fixture
def house(tmp_path: Path, postgres: Cluster) -> Iterator[House]:
    """A Workbench that runs tasks in its own process; ana owns the connection ``warehouse``."""
    with house_at(tmp_path, postgres) as it:
        yield it

"""A MySQL server, fetched if missing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.mariadb import MariaDB
from support.mysql import server


@pytest.fixture(scope="session")
def mysql() -> Iterator[MariaDB]:
    """A temporary MySQL server."""
    with server() as it:
        yield it

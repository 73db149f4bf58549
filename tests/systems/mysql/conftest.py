"""A MySQL server, fetched if it isn't there yet."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.mariadb import MariaDB
from support.mysql import server


@pytest.fixture(scope="session")
def mysql() -> Iterator[MariaDB]:
    """A MySQL server of our own."""
    with server() as it:
        yield it

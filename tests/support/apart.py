"""A separate Hub in place of the shared one: import both fixtures in tests that disturb their Hub."""

from __future__ import annotations

import pytest
from running_hub import Running

from .people import People


@pytest.fixture(scope="session")
def hub(hub_apart: tuple[Running, People]) -> Running:
    """A Workbench that no other test uses at the same time."""
    return hub_apart[0]


@pytest.fixture(scope="session")
def people(hub_apart: tuple[Running, People]) -> People:
    """The Hub's users."""
    return hub_apart[1]

"""A Hub of their own."""

from __future__ import annotations

import pytest
from running_hub import Running
from support.people import People


@pytest.fixture(scope="session")
def hub(hub_apart: tuple[Running, People]) -> Running:
    """A Workbench that no other test uses meanwhile."""
    return hub_apart[0]


@pytest.fixture(scope="session")
def people(hub_apart: tuple[Running, People]) -> People:
    """Its people."""
    return hub_apart[1]

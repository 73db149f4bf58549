"""The Hub apart in place of the run's own: import both fixtures where tests disturb the Hub they use."""

from __future__ import annotations

import pytest
from running_hub import Running

from .people import People


@pytest.fixture(scope="session")
def hub(hub_apart: tuple[Running, People]) -> Running:
    """A Workbench that no other test uses meanwhile."""
    return hub_apart[0]


@pytest.fixture(scope="session")
def people(hub_apart: tuple[Running, People]) -> People:
    """Its people."""
    return hub_apart[1]

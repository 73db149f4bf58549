"""The API as its clients reach it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.api import Api
from support.jupyter import embedded


@pytest.fixture(scope="session")
def embedded_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API embedded in a Jupyter server: local mode."""
    with embedded(tmp_path_factory.mktemp("local")) as api:
        yield api


@pytest.fixture(scope="session", params=["embedded"])
def api(request: pytest.FixtureRequest) -> Api:
    """The API, on each of its hosts in turn."""
    it: Api = request.getfixturevalue(f"{request.param}_api")
    return it

"""The API as its clients reach it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.api import Api
from support.jupyter import embedded
from support.people import People


@pytest.fixture(scope="session")
def embedded_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """The API embedded in a Jupyter server: local mode."""
    with embedded(tmp_path_factory.mktemp("local")) as api:
        yield api


@pytest.fixture(scope="session")
def service_api(people: People) -> Iterator[Api]:
    """The API of the service, behind the Hub's proxy, as an engineer."""
    api = people.api("a-engineer")
    yield api
    api.close()


@pytest.fixture(scope="session")
def gateway_api(people: People) -> Iterator[Api]:
    """The API through the gateway in an engineer's own server."""
    people.start_server("a-engineer")
    api = people.gateway("a-engineer")
    yield api
    api.close()


@pytest.fixture(scope="session", params=["embedded", "service", "gateway"])
def api(request: pytest.FixtureRequest) -> Api:
    """The API, on each of its hosts in turn."""
    it: Api = request.getfixturevalue(f"{request.param}_api")
    return it

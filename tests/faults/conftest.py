"""An installation with real workers and schedulers, shared by the tests of a file.

Three processes take seconds to start, so a killed process is replaced only before the next test.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from support.postgres import Cluster, cluster
from support.site import Site, site

# The gate refuses pg_sleep in statements; a view may call it.
_NAPS = (1, 2, 3, 600)


def warehouse(postgres: Cluster) -> None:
    """Creates the slow views that the tests' pipelines read."""
    with postgres.connect() as connection:
        for seconds in _NAPS:
            connection.execute(
                f"create or replace view nap{seconds} as select 1 as one from pg_sleep({seconds})"
            )
        connection.execute(
            "create or replace view drops as select i as id, pg_sleep(0.002)::text as slow "
            "from generate_series(1, 1000) i"
        )


@pytest.fixture(scope="module")
def metadata() -> Iterator[Cluster]:
    """A PostgreSQL for the metadata alone, which keeps commits across a crash."""
    with cluster(durable=True) as it:
        yield it


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, postgres: Cluster
) -> Iterator[Site]:
    """The installation."""
    url = ""
    if request.param == "postgresql":
        own: Cluster = request.getfixturevalue("metadata")
        url = own.url_of(own.database)
    with site(tmp_path_factory.mktemp("site"), url) as it:
        warehouse(postgres)
        it.connect("warehouse", postgres.config())
        yield it


@pytest.fixture
def place(shared: Site) -> Iterator[Site]:
    """The installation with two healthy workers, a healthy scheduler, and no pipelines."""
    shared.complete(workers=2, schedulers=1)
    yield shared
    shared.forget()

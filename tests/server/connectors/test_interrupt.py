"""The stop button, from the kernel down to the database."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from jupyter_client.manager import start_new_kernel
from support.api import Api
from support.people import People
from support.postgres import Cluster
from support.wait import wait_for


@pytest.fixture
def kernel(people: People, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The manager and the client of an engineer's Workbench kernel."""
    monkeypatch.setenv("JUPYTER_PREFER_ENV_PATH", "1")
    environment = {
        **os.environ,
        "WORKBENCH_URL": f"{people.url}/services/workbench",
        "WORKBENCH_TOKEN": people.token("a-engineer"),
    }
    manager, client = start_new_kernel(kernel_name="workbench-python", env=environment)
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


@pytest.fixture
def warehouse(people: People, postgres: Cluster) -> Iterator[str]:
    """The engineer's connection to the cluster."""
    api: Api = people.api("a-engineer")
    name = f"i_{uuid.uuid4().hex[:8]}"
    made = api.ok(
        "POST", "/connections", {"name": name, "connector": "postgres", "config": postgres.config()}
    )
    yield name
    api.ok("DELETE", f"/connections/{made['id']}")
    api.close()


@pytest.mark.parametrize("way", ["magic", "python"])
def test_an_interrupt_stops_the_query_in_the_database(
    kernel: Any, warehouse: str, postgres: Cluster, way: str
) -> None:
    manager, client = kernel
    mark = f"m_{uuid.uuid4().hex[:8]}"
    sql = f"select count(*) as {mark} from generate_series(1, 1000000) a, generate_series(1, 1000000) b"
    code = f"%sql {warehouse} {sql}" if way == "magic" else (
        f"import polars, wb\nwb.query('{warehouse}', '{sql}').df()"
    )  # fmt: skip

    sent = client.execute(code)
    wait_for(lambda: postgres.active(mark) == 1, 60)
    manager.interrupt_kernel()
    wait_for(lambda: postgres.active(mark) == 0, 10)
    # Replies to requests made at the kernel's start may come first.
    while client.get_shell_msg(timeout=30)["parent_header"]["msg_id"] != sent:
        pass
    # The kernel still works.
    client.execute_interactive("1 + 1", timeout=30)

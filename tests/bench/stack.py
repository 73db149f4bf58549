"""The stack that the benchmarks run on: a PostgreSQL with rows, and a Workbench beside it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx
import psutil
from running_hub import Browser, Running, start_up
from support.api import Api
from support.postgres import Cluster, cluster

CONNECTION = "bench"
TABLE = "bench_rows"
TRIPLE = "bench_rows_3x"
USER = "admin"

# Nine columns typical of an orders table: keys, text, money, times, a flag.
_ROWS = f"""
create table {TABLE} as
select
    n::integer as id,
    (n::bigint * 7919) % 5000000000 as reference,
    'customer ' || lpad((n * 31 % 50000)::text, 7, '0') as customer,
    (array['new', 'paid', 'shipped', 'returned', 'closed'])[n % 5 + 1] as status,
    ((n::bigint * n * 31 + 7) % 9999991 / 100.0)::numeric(12, 2) as amount,
    ((n::bigint * n * 17 + 3) % 1999993 / 100.0)::numeric(12, 2) as tax,
    date '2020-01-01' + n % 2000 as day,
    timestamptz '2020-01-01 00:00:00+00' + n * interval '97.003 seconds' as at,
    n % 3 = 0 as paid
from generate_series(1, %s) as n
"""


@dataclass(frozen=True)
class Truth:
    """What every path must return, as summed by PostgreSQL itself."""

    rows: int
    ids: int
    amount: Decimal
    tax: Decimal
    paid: int


@dataclass(frozen=True)
class Stack:
    """Addresses, tokens and processes of the running stack.

    Attributes:
        service_url: the Workbench service itself, as kernels reach it.
        gateway_url: the same API through the gateway in the user's server, behind the Hub's proxy.
        server_url: the user's Jupyter server.
        token: allows the Workbench and the user's server, and nothing else.
    """

    postgres: Cluster
    hub: Running
    service_url: str
    gateway_url: str
    server_url: str
    token: str
    service: psutil.Process
    server: psutil.Process
    database: psutil.Process


def fill(postgres: Cluster, rows: int) -> None:
    """Creates the table, and a view with three times its rows."""
    with postgres.connect() as connection:
        # Formatted here: PostgreSQL takes no parameters in `create table as`.
        connection.execute(_ROWS.replace("%s", str(int(rows))))
        connection.execute(f"alter table {TABLE} add primary key (id)")
        connection.execute(f"vacuum analyze {TABLE}")
        union = " union all ".join([f"select * from {TABLE}"] * 3)
        connection.execute(f"create view {TRIPLE} as {union}")


def truth(postgres: Cluster, least: int) -> Truth:
    """Sums over the rows with an id above ``least``."""
    with postgres.connect() as connection:
        found = connection.execute(
            f"select count(*), sum(id), sum(amount), sum(tax), count(*) filter (where paid) "
            f"from {TABLE} where id > %s",
            [least],
        ).fetchone()
    assert found is not None
    return Truth(*found)


@contextlib.contextmanager
def start_stack(rows: int) -> Iterator[Stack]:
    """Starts the stack, with one connection and the administrator's server."""
    with cluster() as postgres, tempfile.TemporaryDirectory(prefix="wb-bench-") as folder:
        fill(postgres, rows)
        with start_up(Path(folder) / "data") as hub:
            assert hub.admin_password
            with Browser(hub.url) as browser:
                browser.sign_in(USER, hub.admin_password)
                browser.start_server(USER)
                made = browser.api(
                    "POST",
                    f"/users/{USER}/tokens",
                    json={
                        "note": "benchmark",
                        "expires_in": 3600,
                        "scopes": [
                            "access:services!service=workbench",
                            "custom:workbench:use",
                            f"access:servers!user={USER}",
                        ],
                    },
                )
            made.raise_for_status()
            token = made.json()["token"]
            service = _process(hub, "wb_server.cli")
            # As the Hub configured it: only browsers go through the Hub's proxy.
            service_url = service.environ()["JUPYTERHUB_SERVICE_URL"].rstrip("/")
            if not service_url.endswith("/services/workbench"):
                service_url += "/services/workbench"
            server_url = f"{hub.url}/user/{USER}"
            api = Api(service_url, token)
            try:
                connection = {"name": CONNECTION, "connector": "postgres"}
                api.ok("POST", "/connections", {**connection, "config": postgres.config()})
            finally:
                api.close()
            httpx.get(
                f"{server_url}/workbench/api/v1/me", headers={"Authorization": f"token {token}"}
            ).raise_for_status()
            yield Stack(
                postgres=postgres,
                hub=hub,
                service_url=service_url,
                gateway_url=f"{server_url}/workbench",
                server_url=server_url,
                token=token,
                service=service,
                server=_process(hub, "jupyterhub.singleuser"),
                database=_database(postgres),
            )


def _database(postgres: Cluster) -> psutil.Process:
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] == "postgres" and str(postgres.port) in process.info["cmdline"]:
            return process
    raise RuntimeError("PostgreSQL has no process")


def _process(hub: Running, module: str) -> psutil.Process:
    return next(each for each in hub.descendants() if module in each.cmdline())

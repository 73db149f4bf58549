"""One row can't fill the service's memory: the process's own peak is measured, with a control."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from support.postgres import Cluster

pytestmark = pytest.mark.slow

SCRIPT = """
import json, sys
import psutil
from support.memory import peak
from wb_server.gate.permits import Permit
from wb_server.gate.seal import SEAL
from wb_server.connectors.mysql import result as mysql_result
from wb_server.connectors.postgres import inflow as postgres_inflow, query as postgres_query
from wb_server.connectors.base import Target
from wb_server.connectors.mysql.connector import MySQLConfig, MySQLConnector
from wb_server.connectors.postgres.connector import PostgresConfig, PostgresConnector
from wb_server.kit.network import NetworkPolicy
from wb_server.kit.errors import TooLarge

kind, config, groups, limit = json.load(sys.stdin)
for module in (mysql_result, postgres_query):
    module.MAX_ROW_BYTES = limit or module.MAX_ROW_BYTES
postgres_inflow.MAX_CALL_BYTES = limit or postgres_inflow.MAX_CALL_BYTES
connector, model = {
    "postgres": (PostgresConnector, PostgresConfig), "mysql": (MySQLConnector, MySQLConfig),
}[kind]
connector = connector(NetworkPolicy(allow_loopback=True))
target = Target("c", 1, model.model_validate(config))

def run(sql):
    permit = Permit("q", "ana", "c", "read", sql, seal=SEAL)
    with connector.open(permit, target) as session:
        try:
            return sum(batch.num_rows for batch in session.run(timeout=60, max_write_rows=0))
        except TooLarge as error:
            return error.code

run("select repeat('x', 1000)")
before = peak()
answers = []
for group in groups:
    found = [run(sql) for sql in group]
    answers.append([found, peak() - before, psutil.Process().memory_info().rss // 2**20 - before])
print(json.dumps(answers))
"""

LARGE = {
    "postgres": [
        "select repeat('x', 150000000) as x",
        "select " + ", ".join(["repeat('x', 1300000)"] * 30),
        "select array(select generate_series(1, 4500000)) as x",
        "select array_fill(null::int, array[10000000]) as x",
        "select array_fill(1e131071, array[600]) as x",
        "select " + ", ".join(["1e131071"] * 1600),
        "select jsonb_build_array(" + ", ".join(["1e131071"] * 99) + ", repeat('\\x01', 6000000))",
        "select row(1, repeat('x', 150000000)) as x",
        "select repeat('x', 150000000)::bytea as x",
        "select xmlelement(name a, repeat('x', 150000000)) as x",
        "select repeat('1', 150000000)::varbit as x",
    ],
    "mysql": [
        "select " + ", ".join(["repeat('x', 15000000)"] * 10),
        "select " + ", ".join(["repeat(x'00', 15000000)"] * 4),
    ],
}
# As large as a row may be: these are read.
FITS = {
    "postgres": [
        "select repeat('x', 33000000) as x",
        "select repeat('x', 3000000) as x from generate_series(1, 12)",
        "select array(select generate_series(1, 2000000)) as x",
    ],
    "mysql": [
        "select repeat('x', 15000000), repeat(x'00', 15000000)",
        "select repeat('x', 3000000) as x from seq_1_to_12",
    ],
}
CONTROL = {
    "postgres": "select repeat('x', 120000000) as x",
    "mysql": "select " + ", ".join(["repeat('x', 15000000)"] * 8),
}


def measured(kind: str, config: object, groups: list[list[str]], limit: int = 0) -> Any:
    """For each group of statements: their results, and the process's growth in MiB, at its peak and
    for good."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        input=json.dumps([kind, config, groups, limit]),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_row_is_bounded(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue("postgres" if kind == "postgres" else "mariadb")
    config = server.config()
    (refused, peak, _), (came, high, left) = measured(kind, config, [LARGE[kind], FITS[kind] * 2])
    assert refused == ["too_large"] * len(LARGE[kind])
    # PostgreSQL reports the size before it sends; MariaDB's row is read until it is too large.
    assert peak < (60 if kind == "postgres" else 100)
    assert "too_large" not in came
    assert high < 150
    assert left < 50
    # Control: without the limit, the measurement shows the growth.
    ((came, high, _),) = measured(kind, config, [[CONTROL[kind]]], 2**31 - 1)
    assert came == [1]
    assert high > 200


def test_an_errors_text_is_bounded(postgres: Cluster) -> None:
    """A failed cast's message holds the value, of which the driver makes seven copies."""
    sql = "select cast(repeat('x', 150000000) as int)"
    (found, peak, left), *_ = measured("postgres", postgres.config(), [[sql]])
    assert found == ["too_large"]
    assert peak < 400
    assert left < 50

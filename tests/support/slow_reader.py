"""Reads statements batch by batch in a separate process, and reports its peak memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pkgutil import resolve_name
from typing import Any

from .memory import peak


def read_slowly(
    connector: str, config: Mapping[str, Any], statements: Sequence[str]
) -> list[tuple[int, int]]:
    """After each statement: the rows read so far, and the process's peak memory in MiB.

    Args:
        connector: the connector's class, as ``module:Class``.
        config: the source's configuration.
    """
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps([connector, config, statements]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    return [(rows, most) for rows, most in map(json.loads, done.stdout.splitlines())]


def main() -> None:
    """Reads the statements that stdin names."""
    from wb_server.connectors.base import Target
    from wb_server.gate.permits import Permit
    from wb_server.gate.seal import SEAL
    from wb_server.kit.network import NetworkPolicy

    named, config, statements = json.load(sys.stdin)
    connector = resolve_name(named)(NetworkPolicy(allow_loopback=True))
    target = Target("c", 1, connector.Config.model_validate(config))
    rows = 0
    for sql in statements:
        permit = Permit("q", "ana", "c", "read", sql, seal=SEAL)
        with connector.open(permit, target) as session:
            for batch in session.run(timeout=100, max_write_rows=0):
                rows += batch.num_rows
        print(json.dumps([rows, peak()]), flush=True)


if __name__ == "__main__":
    main()

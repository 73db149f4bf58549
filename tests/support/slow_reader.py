"""Reads statements in a process of their own, a batch at a time, and says what that held in memory."""

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
    """After each statement: the rows so far, and the most MiB that the process has held.

    Args:
        connector: its class, as ``module:Class``.
        config: of the source.
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
    """Reads what standard input asks for."""
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

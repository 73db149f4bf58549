"""Ports for servers that can't choose one themselves."""

from __future__ import annotations

import os
import socket
from pathlib import Path

# The variable with the address of the process that holds the run's servers (``shared``).
ADDRESS = "TESTS_SERVERS"


def free_port() -> int:
    """A loopback port that nothing listens on, and that no other process of this test run was given.

    Between the choice and the server's start, the system would give the port to others.
    """
    address = os.environ.get(ADDRESS)
    while True:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        if address is None or _claimed(Path(address).with_name("ports"), port):
            return port


def _claimed(folder: Path, port: int) -> bool:
    folder.mkdir(exist_ok=True)
    try:
        (folder / str(port)).touch(exist_ok=False)
    except FileExistsError:
        return False
    return True

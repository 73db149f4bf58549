"""A worker process for tests: drives one attempt of a notebook and prints what it records.

Arguments: the Hub's address, the user, the notebook's file. The token is in ``WORKER_TOKEN``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

from support.notebooks import Attempts, Recorded

from wb_server.hosts.hub_servers import HubServers
from wb_server.pipelines.kernels import driver
from wb_server.pipelines.kernels.remote import ServerKernels


def main(hub: str, user: str, path: str) -> None:
    driver.SAVE_SECONDS = 0.1
    servers = HubServers(f"{hub}/hub/api", os.environ["WORKER_TOKEN"], hub)
    attempts = Attempts(ServerKernels(servers), user)
    attempt, recorded = attempts.attempt({"n.ipynb": Path(path).read_bytes()}, task_run="killed")
    recorded.when_saved = lambda content: tell(recorded, content)
    attempts.end(attempt, recorded)


def tell(recorded: Recorded, content: bytes) -> None:
    """Prints a line for each save: the recorded kernel and the notebook."""
    print(json.dumps({"kernel": recorded.kernels[-1], "notebook": content.decode()}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])

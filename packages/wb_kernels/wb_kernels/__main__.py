"""Starts the kernel "Workbench Python": ``python -m wb_kernels -f CONNECTION_FILE``."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def main() -> None:
    """Runs the kernel until it is shut down."""
    # `python -m` puts the notebook's folder first: a notebook named random.py would break imports.
    if sys.path[0] == "" or Path(sys.path[0]) == Path.cwd():
        del sys.path[0]
    os.environ["PLOOMBER_STATS_ENABLED"] = "false"

    from wb_kernels.kernel import WorkbenchKernelApp

    WorkbenchKernelApp.launch_instance()


if __name__ == "__main__":
    main()

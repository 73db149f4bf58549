"""Starts the kernel "Workbench Python": ``python -m wb_kernels -f CONNECTION_FILE``.

It starts without httpx's command line, in a pipeline without the debugger, and collects less garbage
while it imports modules, which create none.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from pathlib import Path

_COMMAND = "httpx._main"
_DEBUGGER = "debugpy"


def main() -> None:
    """Runs the kernel until it is shut down."""
    # `python -m` puts the notebook's folder first: a notebook named random.py would break imports.
    if sys.path[0] == "" or Path(sys.path[0]) == Path.cwd():
        del sys.path[0]
    os.environ["PLOOMBER_STATS_ENABLED"] = "false"

    threshold = gc.get_threshold()
    gc.set_threshold(50_000, 20, 20)
    # Importing a module that is None raises an ImportError, which both importers expect.
    sys.modules[_COMMAND] = None  # type: ignore[assignment]
    if os.environ.pop("WORKBENCH_UNATTENDED", ""):
        sys.modules[_DEBUGGER] = None  # type: ignore[assignment]
        importlib.import_module("ipykernel.debugger")
        # The notebook may import it.
        del sys.modules[_DEBUGGER]

    from wb_kernels.kernel import WorkbenchKernelApp

    WorkbenchKernelApp.threshold = threshold
    WorkbenchKernelApp.launch_instance()


if __name__ == "__main__":
    main()

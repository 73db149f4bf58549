"""The scheduler host: fires schedules and does the upkeep of runs. Any number of them may run."""

from __future__ import annotations

import signal
import sys
import threading

from ..composition import StartError, build
from ..governance.secrets.vault import VaultError
from ..kit.errors import WorkbenchError
from ..settings import Settings
from .service import logging_of


def main(settings: Settings) -> int:
    """Runs until a signal stops it. Returns the exit status."""
    logging_of(settings.log_format)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    try:
        workbench = build(settings, "scheduler")
    except (StartError, VaultError, WorkbenchError) as error:
        print(f"wb: {error}", file=sys.stderr)
        return 1
    stop.wait()
    workbench.close()
    return 0

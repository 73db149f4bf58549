"""The scheduler host: fires schedules, and goes on with what was left lying. Any number of them."""

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
    """Ticks until it is told to stop. Returns the exit status."""
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

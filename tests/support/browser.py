"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

_ARGUMENTS = [
    # Tests may run as root, where Chromium's own sandbox doesn't start.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def executable() -> Path:
    """The browser's program.

    Raises:
        RuntimeError: it isn't installed; a test that needs it fails and isn't skipped.
    """
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return Path(path)
    raise RuntimeError("Chromium is missing: apt install chromium")


@contextmanager
def served() -> Iterator[str]:
    """Runs a headless browser while the block runs; yields the address for Playwright."""
    with tempfile.TemporaryDirectory(prefix="wb-browser-") as folder:
        options = Path(folder) / "options.json"
        options.write_text(json.dumps({"executablePath": str(executable()), "args": _ARGUMENTS}))
        command = [sys.executable, "-m", "playwright", "launch-server"]
        process = subprocess.Popen(
            [*command, "--browser", "chromium", "--config", str(options)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            # The command starts the browser as a child: both are ended as one process group.
            start_new_session=True,
        )
        assert process.stdout is not None
        with process.stdout as output:
            try:
                address = output.readline().strip()
                if not address:
                    raise RuntimeError("the browser did not start")
                yield address
            finally:
                os.killpg(process.pid, signal.SIGTERM)
                process.wait()


@contextmanager
def browser(address: str) -> Iterator[Browser]:
    """Connects to a running browser while the block runs."""
    with sync_playwright() as playwright:
        it = playwright.chromium.connect(address)
        try:
            yield it
        finally:
            it.close()

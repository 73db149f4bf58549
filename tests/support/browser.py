"""Debian's Chromium, driven by Playwright."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright


def executable() -> Path:
    """The browser's program.

    Raises:
        RuntimeError: it isn't installed; a test that needs it fails, it doesn't skip.
    """
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return Path(path)
    raise RuntimeError("Chromium is missing: apt install chromium")


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless browser for as long as the block runs."""
    with sync_playwright() as playwright:
        it = playwright.chromium.launch(
            executable_path=str(executable()),
            args=[
                "--headless=new",
                # Tests may run as root, where Chromium's own sandbox doesn't start.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-quic",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
            ],
        )
        try:
            yield it
        finally:
            it.close()

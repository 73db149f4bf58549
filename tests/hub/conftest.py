"""Fixtures for the tests that share one Workbench."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from running_hub import Browser, Running
from support.apart import hub as hub
from support.apart import people as people


@pytest.fixture
def admin(hub: Running) -> Iterator[Browser]:
    """The administrator's browser, signed in."""
    assert hub.admin_password
    with Browser(hub.url) as browser:
        browser.sign_in("admin", hub.admin_password)
        assert browser.signed_in() == "admin"
        yield browser


@pytest.fixture
def stranger(hub: Running) -> Iterator[Browser]:
    """A browser without a signed-in user."""
    with Browser(hub.url) as browser:
        yield browser


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A temporary home folder, and an environment without the Workbench's settings."""
    import os

    for name in [name for name in os.environ if name.startswith(("WB_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path

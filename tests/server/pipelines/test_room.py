"""Which processes run tasks."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from support.metadata import migrate_new

from wb_server.composition import build
from wb_server.governance.secrets import vault
from wb_server.kit.room import ProcessRole
from wb_server.settings import Settings


def _executors() -> int:
    return sum(thread.name in ("wb-keeper", "wb-rights") for thread in threading.enumerate())


@pytest.mark.parametrize(
    ("role", "redis", "runs"),
    [
        ("service", False, True),
        ("service", True, False),
        ("worker", True, True),
        ("scheduler", False, False),
        ("command", False, False),
    ],
)
def test_only_processes_that_run_tasks_have_an_executor(
    tmp_path: Path, role: ProcessRole, redis: bool, runs: bool
) -> None:
    url = f"unix://{tmp_path / 'nothing.sock'}" if redis else ""
    settings = Settings(data_dir=str(tmp_path), redis_url=url)
    vault.generate(settings.key_path)
    migrate_new(settings.database)
    before = _executors()
    workbench = build(settings, role)
    try:
        assert (_executors() > before) is runs
    finally:
        workbench.close()

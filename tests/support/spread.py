"""Distributes tests over processes: which run together, and which start first.

The tests of a group run in sequence in one process. By default a file is a group, because its tests share
what they create in a server. Each browser test is a group, because each signs in its own user.
``@pytest.mark.xdist_group(name)`` overrides this.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from .ports import ADDRESS
from .summary import at_the_end

# Tests of the shared Hub act as the same few users.
_HUB = {"hub", "people", "service_api", "gateway_api"}
# A second Hub, used by one test at a time: these kill its service, measure its memory, read all its
# files.
_HUB_APART = "hub_apart"
_BROWSER = {"page", "context"}
# Estimates for groups without a recorded duration: servers and browsers take longest.
_GUESS = {"hub apart": 300.0, "hub": 200.0, "slow": 40.0, "browser": 30.0, "file": 1.0}


def group_of(item: pytest.Item) -> str:
    """The name of a test's group."""
    mark = item.get_closest_marker("xdist_group")
    if mark is not None:
        return str(mark.kwargs.get("name") or mark.args[0])
    names = set(getattr(item, "fixturenames", ()))
    if _HUB_APART in names:
        return "hub apart"
    if names & _BROWSER:
        return item.nodeid.partition("[")[0]
    host = getattr(getattr(item, "callspec", None), "params", {}).get("api")
    if names & _HUB or host in ("service", "gateway"):
        return "hub"
    return item.nodeid.partition("::")[0]


def spread(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Orders groups longest first, and writes each test's group to a file for the controller."""
    groups: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        groups[group_of(item)].append(item)
    known = _read(_durations_file(config))

    def seconds(name: str) -> float:
        slow = any(item.get_closest_marker("slow") for item in groups[name])
        kind = "browser" if "::" in name else "slow" if slow else "file"
        return float(known.get(name) or _GUESS.get(name) or _GUESS[kind])

    names = sorted(groups, key=seconds, reverse=True)
    items[:] = [item for name in names for item in groups[name]]
    path = _groups_file()
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({item.nodeid: name for name in names for item in groups[name]}))
    draft.replace(path)


class Leader:
    """The controller's plugin: schedules groups and records how long each took."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._groups: dict[str, str] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object:
        """Replaces xdist's ``loadgroup``, which marks test ids in a way that pytest 9 ignores."""
        from xdist.scheduler import LoadScopeScheduling

        class ByGroup(LoadScopeScheduling):
            def _split_scope(scheduler, nodeid: str) -> str:
                return self._group(nodeid)

        config.option.loadscopereorder = False
        return ByGroup(config, log)

    def _group(self, nodeid: str) -> str:
        self._groups = self._groups or _read(_groups_file())
        return self._groups[nodeid]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Adds the duration of a test's phase to its group."""
        if report.nodeid in self._groups:
            self._seconds[self._group(report.nodeid)] += report.duration

    def pytest_testnodedown(self, node: Any) -> None:
        """Collects a finished worker's lines for the summary."""
        lines = getattr(node, "workeroutput", {}).get("lines", [])
        at_the_end(self._config, lambda: lines)

    def pytest_sessionfinish(self) -> None:
        """Saves the durations for the next run; groups that did not run keep theirs."""
        path = _durations_file(self._config)
        path.parent.mkdir(exist_ok=True)
        kept = _read(path) | {name: round(took, 1) for name, took in self._seconds.items()}
        path.write_text(json.dumps(kept, indent=1, sort_keys=True))


def _groups_file() -> Path:
    return Path(os.environ[ADDRESS]).with_name("groups.json")


def _durations_file(config: pytest.Config) -> Path:
    return config.rootpath / ".wb" / "durations.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found

"""How the tests are spread over processes: what has to stay together, and what goes first.

Tests of a group run one after another in one process, groups in any. A file is a group, since its tests
share what they make in a server; the tests of a browser are groups of their own, since each has a person
of its own. ``@pytest.mark.xdist_group(name)`` names another.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from .shared import ADDRESS
from .summary import at_the_end

# The Hub of the run, to which these tests speak as the same few people.
_HUB = {"hub", "people", "service_api", "gateway_api"}
# A Hub that one test after another has for itself: they kill its service, count its memory, read all
# of its files.
_HUB_APART = "hub_apart"
_BROWSER = {"page", "context"}
# What is known of no earlier run: servers and browsers take longest.
_GUESS = {"hub apart": 300.0, "hub": 200.0, "browser": 30.0, "file": 1.0}


def group_of(item: pytest.Item) -> str:
    """Which group a test belongs to."""
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
    """Puts the longest groups first, and tells the leading process which test is of which group."""
    groups: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        groups[group_of(item)].append(item)
    known = _read(_durations(config))

    def seconds(name: str) -> float:
        kind = "browser" if "::" in name else "file"
        return float(known.get(name) or _GUESS.get(name) or _GUESS[kind])

    names = sorted(groups, key=seconds, reverse=True)
    items[:] = [item for name in names for item in groups[name]]
    told = _told()
    draft = told.with_suffix(f".{os.getpid()}")
    draft.write_text(json.dumps({item.nodeid: name for name in names for item in groups[name]}))
    draft.replace(told)


class Leader:
    """In the process that leads the run: hands out groups, and notes how long they took."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._groups: dict[str, str] = {}
        self._seconds: defaultdict[str, float] = defaultdict(float)

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> object:
        """The plugin's own for groups writes them into ids, where newer pytests no longer look."""
        from xdist.scheduler import LoadScopeScheduling

        class ByGroup(LoadScopeScheduling):
            def _split_scope(scheduler, nodeid: str) -> str:
                return self._group(nodeid)

        config.option.loadscopereorder = False
        return ByGroup(config, log)

    def _group(self, nodeid: str) -> str:
        self._groups = self._groups or _read(_told())
        return self._groups[nodeid]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Adds a phase of a test."""
        if report.nodeid in self._groups:
            self._seconds[self._group(report.nodeid)] += report.duration

    def pytest_testnodedown(self, node: Any) -> None:
        """Takes over what a process that has ended leaves for the end of the run."""
        lines = getattr(node, "workeroutput", {}).get("lines", [])
        at_the_end(self._config, lambda: lines)

    def pytest_sessionfinish(self) -> None:
        """Keeps the times for the next run, with what is known of groups that did not run."""
        path = _durations(self._config)
        path.parent.mkdir(exist_ok=True)
        kept = _read(path) | {name: round(took, 1) for name, took in self._seconds.items()}
        path.write_text(json.dumps(kept, indent=1, sort_keys=True))


def _told() -> Path:
    return Path(os.environ[ADDRESS]).with_name("groups.json")


def _durations(config: pytest.Config) -> Path:
    return config.rootpath / ".wb" / "durations.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return found

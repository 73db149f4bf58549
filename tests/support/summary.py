"""Summary lines that tests print at the end of a run, in one process or several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

_ATTACKS = "test_smuggling.py::test_"
_LINES = pytest.StashKey[list[Callable[[], list[str]]]]()


def at_the_end(config: pytest.Config, lines: Callable[[], list[str]]) -> None:
    """Registers lines to print once all tests have run."""
    config.stash.setdefault(_LINES, []).append(lines)


def left(config: pytest.Config) -> list[str]:
    """The lines of this process's tests."""
    return [line for lines in config.stash.get(_LINES, []) for line in lines()]


def rates(reporter: Any) -> Iterator[str]:
    """The gate's rates for honest statements and for attacks; a line for each dialect."""
    stopped, tried = Counter[str](), Counter[str]()
    for outcome in ("passed", "failed"):
        for report in reporter.getreports(outcome):
            for name, value in getattr(report, "user_properties", []):
                if name == "rate":
                    yield f"rate: {value}"
            _, found, rest = report.nodeid.partition(_ATTACKS)
            if found and "[" in rest:
                dialect = rest.partition("[")[0]
                tried[dialect] += 1
                stopped[dialect] += outcome == "passed"
    for dialect in sorted(tried):
        yield (
            f"rate: attacks, {dialect}: {tried[dialect]} tried, "
            f"{stopped[dialect]} refused or harmless"
        )

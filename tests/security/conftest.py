"""The rates of the gate: what it refuses of honest statements, and what of attacks."""

from __future__ import annotations

from collections import Counter

import pytest

ATTACKS = "test_smuggling.py::test_"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Prints a line for each dialect; ``./wb test`` shows lines that begin with ``rate:``."""
    stopped, tried = Counter[str](), Counter[str]()
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in getattr(report, "user_properties", []):
                if name == "rate":
                    terminalreporter.write_line(f"rate: {value}")
            _, found, rest = report.nodeid.partition(ATTACKS)
            if found and "[" in rest:
                dialect = rest.partition("[")[0]
                tried[dialect] += 1
                stopped[dialect] += outcome == "passed"
    for dialect in sorted(tried):
        terminalreporter.write_line(
            f"rate: attacks, {dialect}: {tried[dialect]} tried, "
            f"{stopped[dialect]} refused or harmless"
        )

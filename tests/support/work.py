"""The gate's work for a statement, counted in lines of Python run, which is reproducible.

Run as a program, it reads ``[dialect, sql, params]`` lists as JSON and writes a number for each. It
imports sqlglot from its Python sources, since compiled code can't be counted.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, SourceFileLoader
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[2]


def lines_run(statements: Sequence[tuple[str, str, dict[str, Any]]]) -> list[int]:
    """The number of lines that each analysis runs, counted in a separate process."""
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(statements),
        capture_output=True,
        text=True,
        check=True,
        cwd=_ROOT,
    )
    found: list[int] = json.loads(done.stdout)
    return found


def _from_sources() -> None:
    """Makes sqlglot's modules importable from .py files only; other imports are unchanged."""
    hook = FileFinder.path_hook((SourceFileLoader, SOURCE_SUFFIXES))

    def sources(path: str) -> Any:
        if "sqlglot" not in Path(path).parts:
            raise ImportError
        return hook(path)

    sys.path_hooks.insert(0, sources)
    sys.path_importer_cache.clear()


def _count(dialect: Any, sql: str, params: dict[str, Any]) -> int:
    from wb_server.gate.statement import analyse
    from wb_server.kit.errors import WorkbenchError

    number = 0

    def trace(_frame: Any, event: str, _argument: Any) -> Any:
        nonlocal number
        if event == "line":
            number += 1
        return trace

    sys.settrace(trace)
    try:
        analyse(sql, dialect, params)
    except WorkbenchError:
        pass  # a refusal must be fast as well
    finally:
        sys.settrace(None)
    return number


if __name__ == "__main__":
    _from_sources()
    import sqlglot.parser

    assert str(sqlglot.parser.__file__).endswith(".py")
    asked = json.load(sys.stdin)
    for dialect in {each[0] for each in asked}:
        _count(dialect, "SELECT 1 + 1", {})  # warms the caches
    print(json.dumps([_count(*each) for each in asked]))

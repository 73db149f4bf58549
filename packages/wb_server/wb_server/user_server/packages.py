"""The packages installed where notebooks run: saved with a version, compared in a run.

When a notebook that worked a month ago fails now, a library's version has often changed. Like
``folder.py``, this imports nothing of the service.
"""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

# A file of the version, and so of each attempt's folder, in the format of `pip freeze`.
PACKAGES = ".packages.txt"
_MAX_SHOWN = 5


def installed() -> str:
    """The packages of this process's environment, sorted, as lines of ``name==version``."""
    return _installed(tuple((path, _changed(path)) for path in sys.path))


def changes(folder: Path) -> str:
    """How the packages differ from when the version in this folder was saved; empty if they don't.

    Additional packages are ignored: a notebook that worked didn't need them.
    """
    try:
        before = _parsed((folder / PACKAGES).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    now = _parsed(installed())
    found = [
        f"{name} {version}, now {now.get(name, 'gone')}"
        for name, version in sorted(before.items())
        if now.get(name) != version
    ]
    more = f"; and {len(found) - _MAX_SHOWN} more" if len(found) > _MAX_SHOWN else ""
    return "; ".join(found[:_MAX_SHOWN]) + more


@lru_cache(maxsize=1)
def _installed(path: tuple[tuple[str, int], ...]) -> str:
    # If a package is on the path twice, the first one is imported.
    found: dict[str, str] = {}
    for each in metadata.distributions(path=[folder for folder, _ in path]):
        name = re.sub(r"[-_.]+", "-", each.metadata["Name"] or "").lower()
        if name:
            found.setdefault(name, each.version)
    return "".join(f"{name}=={version}\n" for name, version in sorted(found.items()))


def _changed(path: str) -> int:
    try:
        return os.stat(path or ".").st_mtime_ns
    except OSError:
        return 0


def _parsed(text: str) -> dict[str, str]:
    lines = (line.partition("==") for line in text.splitlines())
    return {name: version for name, separator, version in lines if separator}

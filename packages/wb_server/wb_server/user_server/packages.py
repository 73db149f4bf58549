"""The packages that are installed where notebooks run: kept with a version, compared in a run.

A notebook that worked a month ago and doesn't now has often met another version of a library. Imports
nothing of the service, as ``folder.py``.
"""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from importlib import metadata
from pathlib import Path

# Among the files of a version, and so in the folder of each attempt; as `pip freeze` writes it.
PACKAGES = ".packages.txt"
_SHOWN = 5


def installed() -> str:
    """The packages of this process's environment, a line ``name==version`` each, sorted."""
    return _installed(tuple((path, _changed(path)) for path in sys.path))


def changes(folder: Path) -> str:
    """What is different now from when the version in this folder was saved; empty if nothing is.

    Of packages that are there in addition nothing is said: a notebook that worked didn't need them.
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
    more = f"; and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return "; ".join(found[:_SHOWN]) + more


@lru_cache(maxsize=1)
def _installed(path: tuple[tuple[str, int], ...]) -> str:
    # The first on the path is the one that is imported.
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

"""The folder of a pipeline's file: what of it belongs to the pipeline, and is saved with it.

Imports nothing of the service: a person's own Jupyter server and the command line use it.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path

from .packages import PACKAGES, installed

# What belongs to a pipeline: code and small tables. Data lies in databases and stores.
SUFFIXES = frozenset(
    {
        ".csv",
        ".ipynb",
        ".json",
        ".md",
        ".py",
        ".r",
        ".sql",
        ".toml",
        ".tsv",
        ".txt",
        ".yaml",
        ".yml",
    }
)
MAX_FILE = 2 * 2**20
MAX_NOTEBOOK = 64 * 2**20
# Of all that a version keeps a copy of.
MAX_FILES = 500
MAX_SNAPSHOT = 20 * 2**20
IGNORE_FILE = ".workbenchignore"
_NOTEBOOK = ".ipynb"
# Beside a notebook that runs in a pipeline: what the tasks before made, and what it makes. Here they are
# of somebody who tried it by hand.
INPUTS = "inputs"
OUTPUTS = "outputs"


def collect(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder that belong to a pipeline: code and small tables, by their path.

    Left out are hidden files and folders, pipeline files, links, what is larger than 2 MiB (of
    notebooks 64 MiB: their outputs stay behind), other kinds of files, the folders ``inputs`` and
    ``outputs``, and what a line of ``.workbenchignore`` matches.
    """
    ignore = folder / IGNORE_FILE
    patterns = [
        line.strip().rstrip("/")
        for line in (ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else [])
        if line.strip() and not line.startswith("#")
    ]
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part in ("node_modules", "__pycache__") for part in parts):
            continue
        if parts[0] in (INPUTS, OUTPUTS) and len(parts) > 1:
            continue
        if path.is_symlink() or not path.is_file() or path.suffix.lower() not in SUFFIXES:
            continue
        name = "/".join(parts)
        largest = MAX_NOTEBOOK if path.suffix.lower() == _NOTEBOOK else MAX_FILE
        if name.endswith((".pipeline.yaml", ".pipeline.yml")) or path.stat().st_size > largest:
            continue
        above = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
        if any(fnmatch.fnmatch(each, pattern) for each in (*above, *parts) for pattern in patterns):
            continue
        yield name, path


def snapshot(folder: Path) -> Iterator[tuple[str, bytes]]:
    """What a version keeps of a folder: the files that belong to it, by path and content.

    Where there are notebooks, it keeps the list of installed packages too, as ``PACKAGES``.
    """
    notebooks = False
    for name, path in collect(folder):
        notebooks = notebooks or path.suffix.lower() == _NOTEBOOK
        yield name, content_of(path)
    if notebooks:
        yield PACKAGES, installed().encode()


def content_of(path: Path) -> bytes:
    """What is saved of a file: a notebook without its outputs, anything else as it is.

    Outputs are of another run, may be large, and hold data that not all may see who see the pipeline.
    """
    raw = path.read_bytes()
    if path.suffix.lower() != _NOTEBOOK:
        return raw
    try:
        notebook = json.loads(raw)
        for cell in notebook["cells"]:
            if cell.get("cell_type") == "code":
                cell["outputs"], cell["execution_count"] = [], None
    except (ValueError, KeyError, TypeError, AttributeError):
        return raw  # it isn't one: who runs it says so
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode()

"""The folder of a pipeline file: determines which files belong to the pipeline and are saved with it.

Imports nothing of the service: users' Jupyter servers and the command line use it.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Iterator
from pathlib import Path

from .packages import PACKAGES, installed

# What belongs to a pipeline: code and small tables. Data belongs in databases and object stores.
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
# For the whole snapshot that a version keeps.
MAX_FILES = 500
MAX_SNAPSHOT = 20 * 2**20
IGNORE_FILE = ".workbenchignore"
_NOTEBOOK = ".ipynb"
# The folders of a notebook's inputs and outputs. In a pipeline's own folder they are left over from
# trying the notebook by hand.
INPUTS = "inputs"
OUTPUTS = "outputs"


def collect(folder: Path) -> Iterator[tuple[str, Path]]:
    """The files of a folder that belong to a pipeline: code and small tables, by path.

    Excluded are hidden files and folders, pipeline files, links, files over 2 MiB (notebooks over 64 MiB:
    they are saved without outputs), other kinds of files, the folders ``inputs`` and ``outputs`` in it and
    beside notebooks, and whatever a line of ``.workbenchignore`` matches.
    """
    ignore = folder / IGNORE_FILE
    patterns = [
        line.strip().rstrip("/")
        for line in (ignore.read_text(encoding="utf-8").splitlines() if ignore.is_file() else [])
        if line.strip() and not line.startswith("#")
    ]
    paths = sorted(folder.rglob("*"))
    tried = {folder, *(path.parent for path in paths if path.suffix.lower() == _NOTEBOOK)}
    left_over = {each / name for each in tried for name in (INPUTS, OUTPUTS)}
    for path in paths:
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") or part in ("node_modules", "__pycache__") for part in parts):
            continue
        if not left_over.isdisjoint(path.parents):
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
    """The files that a version keeps of a folder, by path and content.

    If there are notebooks, that includes the list of installed packages, as ``PACKAGES``.
    """
    notebooks = False
    for name, path in collect(folder):
        notebooks = notebooks or path.suffix.lower() == _NOTEBOOK
        yield name, content_of(path)
    if notebooks:
        yield PACKAGES, installed().encode()


def content_of(path: Path) -> bytes:
    """The content to save of a file: a notebook without its outputs, anything else unchanged.

    Outputs are from another run, may be large, and may hold data that not everyone who sees the pipeline
    may see.
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
        return raw  # not a notebook; running it reports that
    return json.dumps(notebook, ensure_ascii=False, indent=1).encode()

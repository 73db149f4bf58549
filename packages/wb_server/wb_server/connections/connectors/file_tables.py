"""Which files are tables, and what these are called: one rule for folders and for object stores.

- A file ``Sales 2025.csv`` is the table ``sales_2025``: its stem in lower case, with
  underscores for everything that is neither a letter of a to z nor a digit.
- A subfolder that holds files of one kind only, at any depth, is one table with all of their
  rows; folders named ``key=value`` give columns. A subfolder with several kinds is no table.
- Where two would have one name, each of them gets its kind added (``orders_csv``,
  ``orders_parquet``), so that no name silently changes its meaning; what is still equal is
  numbered in the order of file names.
- Hidden files and folders, whose names begin with ``.`` or ``_``, are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from ...kit.errors import TooLarge

SCHEMA: Final = "files"
MAX_FILES: Final = 10_000

_ENDINGS: Final = {
    ".parquet": "parquet",
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "tsv",
    ".tsv.gz": "tsv",
    ".json": "json",
    ".json.gz": "json",
    ".jsonl": "json",
    ".jsonl.gz": "json",
    ".ndjson": "json",
    ".ndjson.gz": "json",
}


@dataclass(frozen=True)
class FileTable:
    """A table: files of one kind."""

    kind: str
    paths: tuple[str, ...]


def is_hidden(name: str) -> bool:
    """Whether a file or folder of this name is left out."""
    return name.startswith((".", "_"))


def kind_of(name: str) -> str | None:
    """``parquet``, ``csv``, ``tsv`` or ``json`` by a file's name; ``None``: it holds no data."""
    lower = name.lower()
    return next((kind for end, kind in _ENDINGS.items() if lower.endswith(end)), None)


def name_tables(files: Iterable[tuple[str, str]]) -> dict[str, FileTable]:
    """The tables that files make, by name.

    Args:
        files: those that hold data: the path below the folder, with ``/``, and where to read it.

    Raises:
        TooLarge: there are more than 10,000 files.
    """
    single: dict[str, str] = {}
    below: dict[str, list[tuple[str, str]]] = {}
    for number, (path, place) in enumerate(files):
        if number >= MAX_FILES:
            raise TooLarge(
                f"There are more than {MAX_FILES} data files: choose a folder further down.",
                code="too_many_files",
                limit=MAX_FILES,
            )
        first, slash, rest = path.partition("/")
        if slash:
            below.setdefault(first, []).append((rest, place))
        else:
            single[first] = place
    found: list[tuple[str, FileTable]] = []
    for entry in sorted({*single, *below}):
        if entry in single and (kind := kind_of(entry)):
            stem = re.split(r"\.(?=[^.]+(\.gz)?$)", entry, flags=re.IGNORECASE)[0]
            found.append((_table_name(stem), FileTable(kind, (single[entry],))))
        inside = below.get(entry, [])
        kinds = {kind_of(path) for path, _ in inside}
        kind = kinds.pop() if len(kinds) == 1 else None
        if kind:
            paths = tuple(place for _, place in inside)
            found.append((_table_name(entry), FileTable(kind, paths)))
    return _distinct(found)


def _table_name(stem: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", stem.lower()).strip("_") or "table"
    return (f"t_{name}" if name[0].isdigit() else name)[:63]


def _distinct(found: Sequence[tuple[str, FileTable]]) -> dict[str, FileTable]:
    count: dict[str, int] = {}
    for name, _ in found:
        count[name] = count.get(name, 0) + 1
    tables: dict[str, FileTable] = {}
    for name, table in found:
        wanted = name if count[name] == 1 else f"{name}_{table.kind}"
        final, number = wanted, 1
        while final in tables or (final != name and final in count):
            number += 1
            final = f"{wanted}_{number}"
        tables[final] = table
    return tables

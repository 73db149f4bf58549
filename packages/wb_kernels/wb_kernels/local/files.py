"""Files that a statement names, as tables: found below the home too, with types of the whole file."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import duckdb

from wb_server.kit.duckdb_sql import file_literal, literal, quoted

_SHEETS: Final = (".xlsx", ".xlsm")
# DuckDB guesses the types of these from the first 20,480 rows, and rounds or refuses later values.
_READERS: Final = {
    "read_csv": re.compile(r"\.(csv|tsv)(\.gz|\.zst)?$", re.IGNORECASE),
    "read_json": re.compile(r"\.(json|jsonl|ndjson)(\.gz|\.zst)?$", re.IGNORECASE),
}
_NAMED: Final = re.compile(r"[./*]")


def named_files(connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
    """The files that a statement names as tables: ``from 'data/x.csv'``."""
    try:
        names = connection.get_table_names(sql)
    except duckdb.Error:
        # Not one statement for it, as PIVOT is; or a mistake, which running it reports better.
        names = set(re.findall(r"'([^'\n]+\.\w+)'", sql))
    return sorted(name.strip('"') for name in names if _NAMED.search(name))


def as_table(connection: duckdb.DuckDBPyConnection, name: str, home: Path) -> bool:
    """Makes a temporary view of a named file.

    Returns:
        False if DuckDB reads the file by itself, or there is none.
    """
    path = _found(name, home)
    if path is None:
        return False
    if path.lower().endswith(_SHEETS):
        import pandas as pd  # type: ignore[import-untyped]

        from wb_kernels.frames import arrow_table

        # As objects, or a text like 007 would become a number.
        connection.register(name, arrow_table(pd.read_excel(path, dtype=object, engine="openpyxl")))
        return True
    place = literal(path)
    if Path(path).exists() and glob.has_magic(path):  # in its name, as in ``export [1].csv``
        place = file_literal(str(Path(path).absolute()))
    for reader, pattern in _READERS.items():
        if pattern.search(path):
            rows = f"{reader}({place}, sample_size = -1)"
            break
    else:
        if literal(name) == place:
            return False
        rows = place
    view = f"CREATE OR REPLACE TEMP VIEW {quoted(name)}"
    connection.execute(f"{view} AS SELECT * FROM {rows}")  # noqa: S608  both are quoted
    return True


def _found(name: str, home: Path) -> str | None:
    """The path or pattern if there are such files: below the notebook's folder, else below the home."""
    candidates = [name] if Path(name).is_absolute() else [name, str(home / name)]
    if name.startswith("~/"):
        candidates = [str(home / name[2:])]
    return next((path for path in candidates if _exists(path)), None)


def _exists(path: str) -> bool:
    return Path(path).exists() or next(iter(_matches(path)), None) is not None


def _matches(pattern: str) -> Iterator[str]:
    return glob.iglob(pattern, recursive=True) if glob.has_magic(pattern) else iter(())

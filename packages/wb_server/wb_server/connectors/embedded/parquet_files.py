"""Several Parquet files as one table; if their types differ, a type that holds all values exactly.

DuckDB takes the more general of two types, in which values may change: ``DECIMAL(38,0)`` for a
``DECIMAL(10,2)``, ``DOUBLE`` for a ``BIGINT`` of 17 digits. Here the type is wide enough, or the
statement fails.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

import duckdb

from ...kit.duckdb_sql import file_literal, literal, quoted
from .bad_value import BadValue

# Integer types with their maximum number of digits. DuckDB finds a common type for any two.
_WHOLE: Final = {
    "TINYINT": 3, "SMALLINT": 5, "INTEGER": 10, "BIGINT": 19, "UTINYINT": 3, "USMALLINT": 5,
    "UINTEGER": 10, "UBIGINT": 20, "HUGEINT": 39, "UHUGEINT": 39,
}  # fmt: skip
_FLOATS: Final = ("FLOAT", "DOUBLE")
# Up to here every integer is exact as a double.
_EXACT: Final = 2**53


def profile(connection: duckdb.DuckDBPyConnection, path: str) -> dict[str, Any]:
    """A file's columns."""
    found = connection.sql(
        f"SELECT * FROM read_parquet([{file_literal(path)}], hive_partitioning = false)"  # noqa: S608
    )
    return {
        "columns": [
            [name, str(kind)] for name, kind in zip(found.columns, found.types, strict=True)
        ]
    }


def select(files: Sequence[tuple[str, dict[str, Any]]], partitions: str) -> str:
    """A query that reads the rows of files with their profiles.

    Args:
        files: paths and profiles.
        partitions: the reader's options for the columns from folder names.

    Raises:
        BadValue: no type holds the values of a column exactly (``type_mismatch``).
    """
    kinds: dict[str, dict[str, None]] = {}
    for _, it in files:
        for name, kind in it["columns"]:
            kinds.setdefault(name.casefold(), {})[kind] = None
    targets = {
        name: target
        for name, several in kinds.items()
        if len(several) > 1 and (target := _target(name, list(several)))
    }
    alike: dict[str, tuple[list[tuple[str, str]], list[str]]] = {}
    for path, it in files:
        changed = [(name, kind) for name, kind in it["columns"] if name.casefold() in targets]
        alike.setdefault(repr(changed), (changed, []))[1].append(path)
    return " UNION ALL BY NAME ".join(
        _read(paths, partitions, [(*column, targets[column[0].casefold()]) for column in changed])
        for changed, paths in alike.values()
    )


def _read(paths: Sequence[str], partitions: str, changed: Sequence[tuple[str, str, str]]) -> str:
    places = ", ".join(map(file_literal, paths))
    source = f"read_parquet([{places}], union_by_name = true, {partitions})"
    casts = ", ".join(
        f"{_cast(name, kind, target)} AS {quoted(name)}"
        for name, kind, target in changed
        if kind != target
    )
    return f"SELECT *{f' REPLACE ({casts})' if casts else ''} FROM {source}"  # noqa: S608


def _cast(name: str, kind: str, target: str) -> str:
    cast = f"CAST({quoted(name)} AS {target})"
    if target != "DOUBLE" or _WHOLE.get(kind, 0) < 16:
        return cast
    message = literal(
        f"The column “{name}” holds floating-point numbers in some files, and in others integers "
        "with more digits than these can store"
    )
    beyond = f"{quoted(name)} NOT BETWEEN {0 if kind[0] == 'U' else -_EXACT} AND {_EXACT}"
    return f"CASE WHEN {beyond} THEN error({message}) ELSE {cast} END"


def _target(name: str, kinds: Sequence[str]) -> str | None:
    """A type for the values of all; ``None`` if DuckDB's choice is one."""
    decimals = [
        (int(found[1]), int(found[2]))
        for kind in kinds
        if (found := re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", kind))
    ]
    whole = [_WHOLE[kind] for kind in kinds if kind in _WHOLE]
    floats = [kind for kind in kinds if kind in _FLOATS]
    if "VARCHAR" in kinds:
        return None  # each value becomes its text
    if len(decimals) + len(whole) + len(floats) == len(kinds):
        if floats and all(width <= 15 for width, _ in decimals):
            return "DOUBLE"
        if not floats and not decimals:
            return None
        scale = max((scale for _, scale in decimals), default=0)
        width = scale + max([*(width - scale for width, scale in decimals), *whole])
        if not floats and width <= 38:
            return f"DECIMAL({width},{scale})"
    elif not any(re.search("DECIMAL|FLOAT|DOUBLE", kind) for kind in kinds):
        return None
    raise BadValue(
        "type_mismatch",
        f"The column “{name}” is {' in some files and '.join(kinds)} in others: no type holds all of "
        "its values exactly. Write the files with one type.",
        column=name,
        types=list(kinds),
    )

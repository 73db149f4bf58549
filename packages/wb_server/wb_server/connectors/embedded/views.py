"""Creates views of a connection's files, with the types that their values have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import duckdb

from . import csv_files as of_csv
from . import json_files as of_json
from . import parquet_files as of_parquet
from .bad_value import BadValue
from .csv_files import literal, quoted

# Called with the path and the new profile of each file that had none.
Learned: TypeAlias = Callable[[str, dict[str, Any]], None]


def make_views(
    connection: duckdb.DuckDBPyConnection, tables: dict[str, Any], learned: Learned
) -> None:
    """Creates a view in the schema ``files`` for each table.

    Args:
        connection: where to create them.
        tables: kind, paths, profiles and partitions by name; ``None`` for a table of which only the
            name matters, not the columns.
        learned: called with each new profile.

    Raises:
        BadValue: a file can't be read as a table.
        duckdb.Error: a file can't be read.
    """
    connection.execute("CREATE SCHEMA files; SET schema = 'files'")
    for name, table in tables.items():
        select = _select(connection, table, learned) if table is not None else "SELECT 0 AS files"
        connection.execute(f"CREATE VIEW files.{quoted(name)} AS {select}")


def _select(connection: duckdb.DuckDBPyConnection, table: dict[str, Any], learned: Learned) -> str:
    kind, paths = table["kind"], table["paths"]
    partitions = _partitions(table.get("partitions", {}))
    if kind == "parquet" and len(paths) == 1:
        places = ", ".join(map(literal, paths))
        return f"SELECT * FROM read_parquet([{places}], {partitions})"  # noqa: S608
    profiles = table.get("profiles", {})
    files = []
    for path in paths:
        profile = profiles.get(path)
        if profile is None:
            profile = _profile(connection, kind, path)
            learned(path, profile)
        files.append((path, profile))
    if kind == "parquet":
        return of_parquet.select(files, partitions)
    return of_json.select(files, partitions) if kind == "json" else of_csv.select(files, partitions)


def _profile(connection: duckdb.DuckDBPyConnection, kind: str, path: str) -> dict[str, Any]:
    try:
        if kind == "parquet":
            return {"kind": kind, **of_parquet.profile(connection, path)}
        if kind == "json":
            return {"kind": kind, **of_json.profile(connection, path)}
        return {"kind": kind, **of_csv.profile(connection, path, kind)}
    except BadValue as error:
        error.details["file"] = path.rsplit("/", 1)[-1]
        raise


def _partitions(types: dict[str, str]) -> str:
    """The options of DuckDB's readers for the columns from folder names."""
    if not types:
        return "hive_partitioning = false"
    known = ", ".join(f"{literal(key)}: {kind}" for key, kind in types.items())
    return f"hive_partitioning = true, hive_types = {{{known}}}"

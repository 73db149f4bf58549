"""Tables made of files: as sessions list them, and in the form that a worker's process expects."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...gate.permits import Permit
from ..models import ColumnInfo, TableInfo
from .file_tables import SCHEMA, FileTable, FileTables

_CATALOG = "information_schema"


def chosen(tables: FileTables, permit: Permit) -> dict[str, FileTable | None]:
    """The tables that a statement reads, by the names that it uses for them.

    A statement that reads ``information_schema`` sees all tables: with their columns if it reads
    ``columns``, otherwise only as names (``None``).

    Raises:
        InvalidInput: a name is that of several files (``ambiguous_table``).
    """
    found: dict[str, FileTable | None] = {}
    asked = {table.name for table in permit.tables if table.schema == _CATALOG}
    if asked:
        for name, problem in tables.names().items():
            if problem is None:
                found[name] = tables.find(name) if "columns" in asked else None
    for table in permit.tables:
        if table.schema in (None, SCHEMA) and (it := tables.find(table.name)):
            found[table.name] = it
    return found


def list_tables(tables: FileTables) -> list[TableInfo]:
    """The tables to list; for a name that can't be used, the comment says why."""
    return [
        TableInfo(schema=SCHEMA, name=name, kind="file", comment=problem)
        for name, problem in tables.names().items()
    ]


def described(rows: Iterable[dict[str, Any]]) -> list[ColumnInfo]:
    """The columns from the rows of DuckDB's ``DESCRIBE``."""
    return [ColumnInfo(name=row["column_name"], type=row["column_type"]) for row in rows]


def as_source(
    table: FileTable,
    paths: Sequence[str],
    profiles: dict[str, Any],
    options: Sequence[dict[str, Any]],
) -> dict[str, Any]:
    """A table in the form that a worker expects.

    Args:
        table: the table.
        paths: where to read its files.
        profiles: the known profiles of the files.
        options: what is said about each file.
    """
    return {
        "kind": table.kind,
        "paths": list(paths),
        "profiles": profiles,
        "options": list(options),
        "partitions": dict(table.partitions),
        "sheet": table.sheet,
    }


def asked_names(permit: Permit) -> list[str] | None:
    """The names of files' tables that a statement uses; ``None`` if it may list all of them."""
    if any(table.schema == _CATALOG for table in permit.tables):
        return None
    return [table.name for table in permit.tables if table.schema in (None, SCHEMA)]


def quoted(name: str) -> str:
    """A table's name as SQL."""
    return '"' + name.replace('"', '""') + '"'

"""The tables of files as sessions show them, and as a worker's process takes them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from ...gate.permits import Permit
from ..models import ColumnInfo, TableInfo
from .file_tables import SCHEMA, FileTable, FileTables

_CATALOG = "information_schema"


def chosen(tables: FileTables, permit: Permit) -> dict[str, FileTable | None]:
    """The tables that a statement reads, by the names that it has for them.

    One that reads ``information_schema`` sees all of them: with their columns where it asks for
    columns, and otherwise as names alone (``None``).

    Raises:
        InvalidInput: a name stands for several files (``ambiguous_table``).
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
    """The tables to be shown; a name that can't be used says why."""
    return [
        TableInfo(schema=SCHEMA, name=name, kind="file", comment=problem)
        for name, problem in tables.names().items()
    ]


def described(rows: Iterable[dict[str, Any]]) -> list[ColumnInfo]:
    """The columns that DuckDB's ``DESCRIBE`` tells of."""
    return [ColumnInfo(name=row["column_name"], type=row["column_type"]) for row in rows]


def as_source(table: FileTable, paths: Sequence[str], profiles: dict[str, Any]) -> dict[str, Any]:
    """A table as a worker takes it.

    Args:
        paths: where its files are to be read.
        profiles: what is known of them.
    """
    return {
        "kind": table.kind,
        "paths": list(paths),
        "profiles": profiles,
        "partitions": dict(table.partitions),
    }


def quoted(name: str) -> str:
    """A table's name as SQL."""
    return '"' + name.replace('"', '""') + '"'

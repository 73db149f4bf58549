"""The tables and columns that a statement reads and writes, as far as its text names them.

For lineage only: no decision of the gate depends on it. An unqualified column counts if only one
table can have it. ``select *`` yields no columns.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.scope import traverse_scope

from .dialects.tables import TableRef
from .models import DialectName
from .permits import Permit
from .statement import RULES


@dataclass(frozen=True)
class TableUse:
    """A table that was read or written; ``columns`` if the SQL names them."""

    connection_id: str
    schema: str | None
    table: str
    columns: tuple[str, ...] = ()


def tables_read(permit: Permit) -> list[TableUse]:
    """The tables that a permitted statement reads."""
    tables = [table for table in permit.tables if table not in permit.written]
    columns = columns_read(permit.sql, permit.dialect, tables)
    return [
        TableUse(permit.connection_id, table.schema, table.name, columns.get(table, ()))
        for table in tables
    ]


def tables_written(permit: Permit) -> list[TableUse]:
    """The tables that a permitted statement writes."""
    return [TableUse(permit.connection_id, table.schema, table.name) for table in permit.written]


def columns_read(
    sql: str, dialect: DialectName | None, tables: Collection[TableRef]
) -> dict[TableRef, tuple[str, ...]]:
    """The columns of each table that the statement names.

    Args:
        sql: a statement that passed the gate, as the gate rendered it.
        dialect: the dialect of ``sql``; without it the result is empty.
        tables: the tables that it reads, as the gate found them.

    Returns:
        Sorted column names by table; a table without named columns is left out.
    """
    if not tables or dialect is None:
        return {}
    by_name: dict[str, list[TableRef]] = defaultdict(list)
    for table in tables:
        by_name[table.name.lower()].append(table)
    found: dict[TableRef, set[str]] = defaultdict(set)
    try:
        tree = sqlglot.parse_one(sql, dialect=RULES[dialect].name)
        for scope in traverse_scope(tree):
            sources = scope.selected_sources
            for column in scope.columns:
                name = column.table
                # Columns of a subquery are listed with the query around it too.
                if not name and len(sources) == 1 and column.parent_select is scope.expression:
                    (name,) = sources
                source = sources.get(name, (None, None))[1] if name else None
                if not isinstance(source, exp.Table):
                    continue
                matching = [
                    table
                    for table in by_name.get(source.name.lower(), ())
                    if not source.db or table.schema == source.db
                ]
                if len(matching) == 1:
                    found[matching[0]].add(column.name)
    except (sqlglot.errors.SqlglotError, RecursionError):
        return {}
    return {table: tuple(sorted(names)) for table, names in found.items()}

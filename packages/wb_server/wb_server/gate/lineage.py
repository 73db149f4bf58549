"""Which tables a statement reads and writes, with the columns, as far as its text says.

For lineage only: nothing that is allowed or refused depends on it. A column without its table's name
counts where there is one table that it can be of. Of ``select *`` nothing is said.
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
    """A table that was read or written; ``columns`` where the SQL says them."""

    connection_id: str
    schema: str | None
    table: str
    columns: tuple[str, ...] = ()


def tables_read(permit: Permit) -> list[TableUse]:
    """What a permitted statement reads."""
    tables = [table for table in permit.tables if table not in permit.written]
    columns = columns_read(permit.sql, permit.dialect, tables)
    return [
        TableUse(permit.connection_id, table.schema, table.name, columns.get(table, ()))
        for table in tables
    ]


def tables_written(permit: Permit) -> list[TableUse]:
    """What a permitted statement writes."""
    return [TableUse(permit.connection_id, table.schema, table.name) for table in permit.written]


def columns_read(
    sql: str, dialect: DialectName | None, tables: Collection[TableRef]
) -> dict[TableRef, tuple[str, ...]]:
    """The columns that are named of each table.

    Args:
        sql: a statement that passed the gate, as the gate rendered it; without its dialect nothing is said.
        tables: that it reads, by the gate's own word.

    Returns:
        Sorted names by table; a table of which nothing is said is left out.
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

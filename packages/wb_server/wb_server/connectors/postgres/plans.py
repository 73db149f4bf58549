"""Refuses plans that would show definitions of views and policies, or files of foreign tables."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ...gate.dialects.explain import explains_a_view
from ...gate.dialects.tables import TableRef
from .connection import PostgresConnection

# The tables by name, and their descendants. Operators are qualified, as in ``shadows``.
_TELLTALE: Final = """
WITH RECURSIVE found (name, oid) AS (
    SELECT n, pg_catalog.to_regclass(n)::pg_catalog.oid
    FROM pg_catalog.unnest(pg_catalog.string_to_array($1, pg_catalog.chr(31))) AS n
    UNION SELECT f.name, i.inhrelid FROM found f
    JOIN pg_catalog.pg_inherits i ON i.inhparent OPERATOR(pg_catalog.=) f.oid
)
SELECT f.name FROM found f JOIN pg_catalog.pg_class c ON c.oid OPERATOR(pg_catalog.=) f.oid
WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{v,f}'::pg_catalog."char"[])
OR pg_catalog.row_security_active(c.oid)
LIMIT 1"""


def check(connection: PostgresConnection, tables: Iterable[TableRef]) -> None:
    """Refuses a plan of tables that would show more than itself.

    Raises:
        Forbidden: ``explain_not_allowed``.
        adbc.Error: the query failed.
    """
    names = "\x1f".join(_quoted(table) for table in tables)
    if names and (found := connection.query(_TELLTALE, names)):
        raise explains_a_view(str(found[0][0]).replace('"', ""))


def _quoted(table: TableRef) -> str:
    parts = [part for part in (table.schema, table.name) if part]
    return ".".join('"' + part.replace('"', '""') + '"' for part in parts)

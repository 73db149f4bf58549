"""Lists what a login may use on a MySQL or MariaDB server, each with one query of information_schema.

There the server shows only what the login has privileges on. Schemas are databases.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ..models import ColumnInfo, SchemaInfo, TableInfo, TableKey

SYSTEM_SCHEMAS: Final = ("information_schema", "mysql", "performance_schema", "sys")

_HIDDEN: Final = "('information_schema', 'mysql', 'performance_schema', 'sys')"
_USABLE: Final = f"""
    table_schema NOT IN {_HIDDEN}
    AND table_type IN ('BASE TABLE', 'VIEW', 'SYSTEM VERSIONED')
"""

# Built from constants only; ``MySQLConnection.query`` inserts the values.
SCHEMAS: Final = f"""
    SELECT s.schema_name, coalesce(t.number, 0)
    FROM information_schema.schemata s
    LEFT JOIN (
        SELECT table_schema, count(*) AS number FROM information_schema.tables
        WHERE {_USABLE} GROUP BY table_schema
    ) t ON t.table_schema = s.schema_name
    WHERE s.schema_name NOT IN {_HIDDEN}
    ORDER BY s.schema_name
"""  # noqa: S608

TABLES: Final = f"""
    SELECT table_schema, table_name, table_type, table_comment
    FROM information_schema.tables WHERE {_USABLE} ORDER BY table_schema, table_name
"""  # noqa: S608

# Those of the named tables that aren't base tables: a plan would show the definition of a view.
NO_TABLES: Final = """
    SELECT table_name FROM information_schema.tables
    WHERE table_type NOT IN ('BASE TABLE', 'SYSTEM VERSIONED')
    AND (table_schema, table_name) IN ({})
"""

# Stored functions with these names. Functions that the login may not call aren't listed.
FUNCTIONS: Final = """
    SELECT routine_name FROM information_schema.routines
    WHERE routine_schema = %s AND routine_name IN ({})
"""

TABLES_OF: Final = f"""
    SELECT table_schema, table_name, table_type, table_comment
    FROM information_schema.tables WHERE {_USABLE} AND table_schema = %s ORDER BY table_name
"""  # noqa: S608

COLUMNS: Final = f"""
    SELECT table_schema, table_name, column_name, column_type, is_nullable, column_comment
    FROM information_schema.columns
    WHERE table_schema = %s AND table_name = %s AND table_schema NOT IN {_HIDDEN}
    ORDER BY ordinal_position
"""  # noqa: S608

# The value is in lower case.
SEARCH: Final = f"""
    SELECT * FROM (
        SELECT schema_name AS a, NULL AS b, NULL AS kind, NULL AS d, NULL AS type
        FROM information_schema.schemata
        WHERE schema_name NOT IN {_HIDDEN} AND locate(%s, lower(schema_name)) > 0
        UNION ALL
        SELECT table_schema, table_name, if(table_type = 'VIEW', 'view', 'table'), NULL, NULL
        FROM information_schema.tables WHERE {_USABLE} AND locate(%s, lower(table_name)) > 0
        UNION ALL
        SELECT c.table_schema, c.table_name, if(t.table_type = 'VIEW', 'view', 'table'),
               c.column_name, c.column_type
        FROM information_schema.columns c
        JOIN information_schema.tables t USING (table_schema, table_name)
        WHERE c.table_schema NOT IN {_HIDDEN} AND locate(%s, lower(c.column_name)) > 0
    ) found
    ORDER BY d IS NOT NULL, b IS NOT NULL, a, b, d
"""  # noqa: S608

TABLE_TYPE: Final = """
    SELECT table_type FROM information_schema.tables WHERE table_schema = %s AND table_name = %s
"""

_Rows = list[tuple[Any, ...]]


def schemas(rows: _Rows) -> list[SchemaInfo]:
    return [SchemaInfo(name=str(name), tables=int(number)) for name, number in rows]


def tables(rows: _Rows, schema: str | None) -> list[TableInfo]:
    """The tables of a schema: the server compares case-insensitively, this function exactly."""
    return [
        TableInfo.model_validate(
            {
                "schema": space,
                "name": name,
                "kind": "view" if kind == "VIEW" else "table",
                "comment": comment if comment and kind != "VIEW" else None,
            }
        )
        for space, name, kind, comment in rows
        if schema is None or space == schema
    ]


def columns(rows: _Rows, schema: str, table: str) -> list[ColumnInfo]:
    """The columns of one table, in order; none if the table doesn't exist.

    If the server compares names case-insensitively, the table may be named in another case.
    """
    found = {(row[0], row[1]) for row in rows}
    wanted: tuple[str, str] | None = (schema, table)
    if wanted not in found:
        same = [
            one
            for one in found
            if [part.casefold() for part in one] == [schema.casefold(), table.casefold()]
        ]
        wanted = same[0] if len(same) == 1 else None
    return [
        ColumnInfo(name=name, type=kind, nullable=nullable == "YES", comment=comment or None)
        for space, owner, name, kind, nullable, comment in rows
        if (space, owner) == wanted
    ]


def keys(text: str) -> list[TableKey]:
    """The keys and constraints in a ``CREATE TABLE`` statement of the server, a line each."""
    lines = [line.strip().removesuffix(",") for line in text.splitlines()]
    found = [(line, _KEY.match(line)) for line in lines]
    return [
        TableKey(name=named["name"] or "PRIMARY", definition=line) for line, named in found if named
    ]


_KEY: Final = re.compile(
    r"(?:PRIMARY KEY|(?:UNIQUE |FULLTEXT |SPATIAL )?KEY|CONSTRAINT)(?: `(?P<name>[^`]*)`)?"
)

"""Lists what a login may use in a PostgreSQL database, each with one query of pg_catalog.

Not information_schema: with thousands of tables its views are many times slower. A partitioned table
is listed, but not its partitions.
"""

from __future__ import annotations

from typing import Final

# The meaning of a name in these queries must not depend on the login's search path.
FIXED_PATH: Final = "SET LOCAL search_path = pg_catalog"

_USABLE: Final = """
    c.relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT c.relispartition
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    AND (pg_catalog.has_table_privilege(c.oid, 'SELECT, INSERT, UPDATE, DELETE')
         OR pg_catalog.has_any_column_privilege(c.oid, 'SELECT'))
"""

# Built from constants only; values are bound.
SCHEMAS: Final = f"""
    SELECT n.nspname::text, coalesce(t.number, 0)
    FROM pg_catalog.pg_namespace n
    LEFT JOIN (
        SELECT c.relnamespace, count(*) AS number
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE {_USABLE}
        GROUP BY c.relnamespace
    ) t ON t.relnamespace = n.oid
    WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
    ORDER BY n.nspname
"""  # noqa: S608

_KIND: Final = """
           CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                WHEN 'f' THEN 'foreign table' ELSE 'table' END
"""

TABLES: Final = f"""
    SELECT n.nspname::text, c.relname::text,
           {_KIND},
           d.description
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_catalog.pg_description d
        ON d.objoid = c.oid AND d.objsubid = 0
        AND d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass
    WHERE {_USABLE} AND ($1::text IS NULL OR n.nspname = $1::text)
    ORDER BY n.nspname, c.relname
"""  # noqa: S608

# The login's search path finds a table without a schema, so operators are qualified here.
COLUMNS: Final = """
    SELECT a.attname::pg_catalog.text, pg_catalog.format_type(a.atttypid, a.atttypmod),
           NOT a.attnotnull, d.description
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid OPERATOR(pg_catalog.=) c.oid
        AND a.attnum OPERATOR(pg_catalog.>) 0::pg_catalog.int2 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_description d
        ON d.objoid OPERATOR(pg_catalog.=) c.oid
        AND d.objsubid OPERATOR(pg_catalog.=) a.attnum::pg_catalog.int4
        AND d.classoid OPERATOR(pg_catalog.=) '1259'::pg_catalog.oid
    WHERE c.relkind OPERATOR(pg_catalog.=) ANY ('{r,p,v,m,f}'::pg_catalog."char"[])
      AND c.relname OPERATOR(pg_catalog.=) $2::pg_catalog.text
      AND CASE WHEN $1::pg_catalog.text IS NULL THEN pg_catalog.pg_table_is_visible(c.oid)
               ELSE n.nspname OPERATOR(pg_catalog.=) $1::pg_catalog.text END
      AND NOT pg_catalog.starts_with(n.nspname::pg_catalog.text, 'pg_')
      AND n.nspname OPERATOR(pg_catalog.<>) 'information_schema'::pg_catalog.name
      AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
      AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT, INSERT, UPDATE')
    ORDER BY a.attnum
"""

# $1 is in lower case.
SEARCH: Final = f"""
    SELECT * FROM (
        SELECT n.nspname::text AS a, NULL::text AS b, NULL::text AS c, NULL::text AS d, NULL::text
        FROM pg_catalog.pg_namespace n
        WHERE strpos(lower(n.nspname::text), $1::text) > 0
          AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
          AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
        UNION ALL
        SELECT n.nspname::text, c.relname::text, {_KIND}, NULL::text, NULL::text
        FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        WHERE {_USABLE} AND strpos(lower(c.relname::text), $1::text) > 0
        UNION ALL
        SELECT n.nspname::text, c.relname::text, {_KIND}, a.attname::text,
               format_type(a.atttypid, a.atttypmod)
        FROM pg_catalog.pg_class c
        JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
        JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
            AND a.attnum > 0 AND NOT a.attisdropped
        WHERE {_USABLE} AND strpos(lower(a.attname::text), $1::text) > 0
          AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT, INSERT, UPDATE')
    ) found
    ORDER BY d IS NOT NULL, b IS NOT NULL, a, b, d
    LIMIT $2::text::int
"""  # noqa: S608

_TABLE: Final = """
    c.relname = $2::text AND n.nspname = coalesce($1::text, 'public')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
    AND c.relkind IN ('r', 'p', 'f')
    AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')
"""

# What follows the type of each column of a table; no rows for a view.
DEFAULTS: Final = f"""
    SELECT a.attname::text,
           CASE WHEN a.attidentity = 'a' THEN 'GENERATED ALWAYS AS IDENTITY'
                WHEN a.attidentity = 'd' THEN 'GENERATED BY DEFAULT AS IDENTITY'
                WHEN a.attgenerated <> '' THEN
                    'GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
                WHEN d.adbin IS NOT NULL THEN 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid)
                ELSE '' END
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
    WHERE {_TABLE}
      AND pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT, INSERT, UPDATE')
    ORDER BY a.attnum
"""  # noqa: S608

# The constraints of a table, and its other indexes, for a login that may read the whole table.
KEYS: Final = f"""
    SELECT k.conname::text, pg_get_constraintdef(k.oid), true
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_constraint k ON k.conrelid = c.oid AND k.contype IN ('p', 'u', 'f', 'c', 'x')
    WHERE {_TABLE} AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
    UNION ALL
    SELECT i.relname::text, pg_get_indexdef(x.indexrelid), false
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_index x ON x.indrelid = c.oid
    JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
    WHERE {_TABLE} AND pg_catalog.has_table_privilege(c.oid, 'SELECT')
      AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint k WHERE k.conindid = x.indexrelid
                      AND k.conrelid = c.oid)
    ORDER BY 3 DESC, 2 DESC, 1
"""  # noqa: S608

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

TABLES: Final = f"""
    SELECT n.nspname::text, c.relname::text,
           CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
                WHEN 'f' THEN 'foreign table' ELSE 'table' END,
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

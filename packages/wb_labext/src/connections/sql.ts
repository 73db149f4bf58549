/**
 * The words that must be quoted when they name a table or a column: those that PostgreSQL reserves,
 * and of DuckDB's what it reserves besides.
 */
const RESERVED = new Set(
  (
    'all analyse analyze and any array as asc asymmetric authorization binary both case cast check ' +
    'collate collation column concurrently constraint create cross current_catalog current_date ' +
    'current_role current_schema current_time current_timestamp current_user default deferrable desc ' +
    'describe distinct do else end except false fetch for foreign freeze from full grant group ' +
    'having ilike in initially inner intersect into is isnull join lateral leading left like limit ' +
    'localtime localtimestamp natural not notnull null offset on only or order outer overlaps ' +
    'pivot placing primary qualify references returning right select session_user show similar ' +
    'some summarize symmetric system_user table tablesample then to trailing true union unique ' +
    'unpivot user using variadic verbose when where window with'
  ).split(' ')
);

/** An identifier as SQL text: quoted only where it must be. */
export function quoteIdentifier(name: string): string {
  if (/^[a-z_][a-z0-9_]*$/.test(name) && !RESERVED.has(name)) {
    return name;
  }
  return `"${name.replace(/"/g, '""')}"`;
}

export interface QueryTarget {
  /** The connection's name. */
  connection: string;
  /** The connection's kind. */
  connector: string;
  schema?: string | null;
  table?: string | null;
}

/** The connectors whose schemas are only a way to list: a file is queried by its name alone. */
const FILES = new Set(['files', 's3']);

/** The text of a notebook cell that queries a connection, or shows a table's first rows. */
export function cellText(target: QueryTarget, rows = 100): string {
  const head = `%%sql ${target.connection}`;
  if (!target.table) {
    return `${head}\nselect 1`;
  }
  const path = [target.table];
  if (target.schema && !FILES.has(target.connector)) {
    path.unshift(target.schema);
  }
  return `${head}\nselect *\nfrom ${path.map(quoteIdentifier).join('.')}\nlimit ${rows}`;
}

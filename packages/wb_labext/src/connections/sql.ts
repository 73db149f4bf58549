import type { SqlInfo } from '../api/types';

/**
 * An identifier in a source's SQL, quoted only if necessary.
 *
 * @param sql - the dialect's rules for names; without them, every name is quoted
 */
export function quoteIdentifier(name: string, sql?: SqlInfo | null): string {
  if (sql && /^[a-z_][a-z0-9_]*$/.test(name) && !sql.reserved_words.includes(name)) {
    return name;
  }
  const mark = sql?.quote_mark ?? '"';
  return `${mark}${name.replaceAll(mark, mark + mark)}${mark}`;
}

/** A place's name in SQL: a column by itself, a table after its schema if the source has schemas. */
export function pathOf(
  place: { schema?: string | null; table?: string | null; column?: string | null },
  sql?: SqlInfo | null
): string {
  const { schema, table, column } = place;
  if (column) {
    return quoteIdentifier(column, sql);
  }
  const parts = [table && schema && !(sql?.schemas ?? true) ? null : schema, table];
  return parts
    .filter(part => part !== null && part !== undefined && part !== '')
    .map(part => quoteIdentifier(part as string, sql))
    .join('.');
}

export interface QueryTarget {
  /** The connection's name. */
  connection: string;
  /** The SQL of its source. */
  sql?: SqlInfo | null;
  schema?: string | null;
  table?: string | null;
}

/** The text of a notebook cell that queries a connection, or shows a table's first rows. */
export function cellText(target: QueryTarget, rows = 100): string {
  const head = `%%sql ${target.connection}`;
  if (!target.table) {
    return `${head}\nselect 1`;
  }
  const table = pathOf({ schema: target.schema, table: target.table }, target.sql);
  return `${head}\nselect *\nfrom ${table}\nlimit ${rows}`;
}

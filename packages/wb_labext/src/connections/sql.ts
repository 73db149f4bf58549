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
  const path = [target.table];
  if (target.schema && (target.sql?.schemas ?? true)) {
    path.unshift(target.schema);
  }
  const table = path.map(name => quoteIdentifier(name, target.sql)).join('.');
  return `${head}\nselect *\nfrom ${table}\nlimit ${rows}`;
}

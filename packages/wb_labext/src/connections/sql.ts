import { dialectOf } from './dialects';

/** An identifier as the SQL of a connector: quoted only where it must be. */
export function quoteIdentifier(name: string, connector: string): string {
  const { mark, reserved } = dialectOf(connector);
  if (/^[a-z_][a-z0-9_]*$/.test(name) && !reserved.has(name)) {
    return name;
  }
  return `${mark}${name.replaceAll(mark, mark + mark)}${mark}`;
}

export interface QueryTarget {
  /** The connection's name. */
  connection: string;
  /** The connection's kind. */
  connector: string;
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
  if (target.schema && dialectOf(target.connector).hasSchemas) {
    path.unshift(target.schema);
  }
  const table = path.map(name => quoteIdentifier(name, target.connector)).join('.');
  return `${head}\nselect *\nfrom ${table}\nlimit ${rows}`;
}

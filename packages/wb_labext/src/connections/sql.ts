import { MYSQL_RESERVED, POSTGRES_RESERVED } from './reserved';

/** How a family of SQL writes a name that isn't plain. */
interface Quoting {
  mark: string;
  reserved: ReadonlySet<string>;
}

const STANDARD: Quoting = { mark: '"', reserved: POSTGRES_RESERVED };

/** By connector; the others quote as the standard does. In MySQL double quotes make a text. */
const QUOTING: Readonly<Record<string, Quoting | undefined>> = {
  mysql: { mark: '`', reserved: MYSQL_RESERVED }
};

/** An identifier as the SQL of a connector: quoted only where it must be. */
export function quoteIdentifier(name: string, connector: string): string {
  const { mark, reserved } = QUOTING[connector] ?? STANDARD;
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
  const table = path.map(name => quoteIdentifier(name, target.connector)).join('.');
  return `${head}\nselect *\nfrom ${table}\nlimit ${rows}`;
}

/** The language of a cell with `%%sql`, as JupyterLab's editor knows it. */
export const SQL = 'text/x-sql';

/** The languages of connectors whose texts, names or comments end where the standard's don't. */
const DIALECTS: Readonly<Record<string, string | undefined>> = {
  mysql: 'text/x-mysql',
  postgres: 'text/x-pgsql'
};

/** So many characters at the start of a cell decide: the magic, a name, and what ends it. */
const DECISIVE = '%%sql'.length + 1 + 63 + 1;

const MAGIC = /^%%sql(?:[ \t]+([a-z][a-z0-9_]{0,62})(?=\s|$)|\s|$)/;

/**
 * The language of a cell with this text, or null if it isn't the magic's.
 *
 * @param connectorOf - the connector of a connection, where it is known
 */
export function languageOf(
  source: string,
  connectorOf: (name: string) => string | undefined
): string | null {
  const found = MAGIC.exec(source);
  if (!found) {
    return null;
  }
  const connector = found[1] ? connectorOf(found[1]) : undefined;
  return (connector && DIALECTS[connector]) ?? SQL;
}

/** Whether a change of a cell's text leaves alone what `languageOf` looks at. */
export function isBehindMagic(change: readonly { retain?: number }[]): boolean {
  return (change[0]?.retain ?? 0) >= DECISIVE;
}

/** Of SQL whose dialect isn't known. */
const SQL = 'text/x-sql';

/** So many characters at the start of a cell decide: the magic, a name, and what ends it. */
const DECISIVE = '%%sql'.length + 1 + 63 + 1;

const MAGIC = /^%%sql(?:[ \t]+([a-z][a-z0-9_]{0,62})(?=\s|$)|\s|$)/;

/**
 * The language of a cell with this text, or null if it isn't the magic's.
 *
 * @param known - the language of a connection's SQL, where it is known
 */
export function languageOf(
  source: string,
  known: (name: string) => string | undefined
): string | null {
  const found = MAGIC.exec(source);
  if (!found) {
    return null;
  }
  return (found[1] ? known(found[1]) : undefined) ?? SQL;
}

/** Whether a change of a cell's text leaves alone what `languageOf` looks at. */
export function isBehindMagic(change: readonly { retain?: number }[]): boolean {
  return (change[0]?.retain ?? 0) >= DECISIVE;
}

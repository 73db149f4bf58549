/** The language of SQL whose dialect isn't known. */
const SQL = 'text/x-sql';

/** How many characters at the start of a cell matter: the magic, a name, and the character after it. */
const DECISIVE = '%%sql'.length + 1 + 63 + 1;

const MAGIC = /^%%sql(?:[ \t]+([a-z][a-z0-9_]{0,62})(?=\s|$)|\s|$)/;

/**
 * The language of a cell with this text, or null if it doesn't start with the magic.
 *
 * @param known - the language of a connection's SQL, if it is known
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

/** Whether a change of a cell's text is beyond what `languageOf` looks at. */
export function isBehindMagic(change: readonly { retain?: number }[]): boolean {
  return (change[0]?.retain ?? 0) >= DECISIVE;
}

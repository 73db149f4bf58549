import { dialectOf } from '../connections/dialects';

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
  return dialectOf(found[1] ? connectorOf(found[1]) : undefined).language;
}

/** Whether a change of a cell's text leaves alone what `languageOf` looks at. */
export function isBehindMagic(change: readonly { retain?: number }[]): boolean {
  return (change[0]?.retain ?? 0) >= DECISIVE;
}

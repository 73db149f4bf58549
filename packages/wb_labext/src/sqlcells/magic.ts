/** The language of a cell with `%%sql`, as JupyterLab's editor knows it. */
export const SQL = 'text/x-sql';

/** So many characters at the start of a cell decide: the magic, and what ends its name. */
const DECISIVE = '%%sql'.length + 1;

/** Whether a cell with this text goes to the `%%sql` magic as a whole. */
export function isSql(source: string): boolean {
  return /^%%sql(\s|$)/.test(source);
}

/** Whether a change of a cell's text leaves alone what `isSql` looks at. */
export function isBehindMagic(change: readonly { retain?: number }[]): boolean {
  return (change[0]?.retain ?? 0) >= DECISIVE;
}

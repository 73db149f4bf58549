/** The columns of a file, and where they go. Pure functions. */
import type { ColumnInfo, UploadPreview } from '../api/types';

export interface LoadColumn {
  /** Its name in the file. */
  source: string;
  /** Its name in the table; empty if it has no place there yet. */
  name: string;
  used: boolean;
  /** The type that the user has chosen for it; empty for the one that was found. */
  as: string;
  /** Its type in a new table; empty if it can't be loaded. */
  type: string;
  /** The same, if no type was chosen for it. */
  found: string;
  suggested: string;
}

/** The types that can be chosen: those of a files connection. */
export const TYPES = [
  'SMALLINT',
  'INTEGER',
  'BIGINT',
  'DECIMAL(18,2)',
  'DECIMAL(18,4)',
  'DECIMAL(38,10)',
  'DOUBLE',
  'BOOLEAN',
  'DATE',
  'TIME',
  'TIMESTAMP',
  'VARCHAR'
] as const;

/** How two names are compared: without case, spaces and punctuation. */
function plain(name: string): string {
  return name
    .normalize('NFC')
    .toLowerCase()
    .replace(/[\s\p{P}]+/gu, '_')
    .replace(/^_|_$/g, '');
}

/** The columns of a preview; what the user has changed of them before is kept. */
export function columnsOf(
  preview: UploadPreview['columns'],
  before: readonly LoadColumn[],
  target: readonly ColumnInfo[] | null,
  typed = true
): readonly LoadColumn[] {
  const kept = new Map(before.map(column => [column.source, column]));
  const fresh = (preview ?? []).map(({ name: source, suggested, type }) => {
    const old = kept.get(source);
    const used = type !== '' && (old?.used ?? true);
    const as = old?.as ?? '';
    const found = as === '' ? type : (old?.found ?? type);
    return { source, suggested, type, found, used, as, name: old?.name ?? suggested };
  });
  const isSame = fresh.every(({ source }) => kept.has(source)) && before.length === fresh.length;
  return isSame ? fresh : placed(fresh, target, typed);
}

/**
 * The columns with their places in a table; in a new one, with the names that were suggested.
 *
 * @param typed - whether their types can be chosen
 */
export function placed(
  columns: readonly LoadColumn[],
  target: readonly ColumnInfo[] | null,
  typed = true
): readonly LoadColumn[] {
  if (target === null) {
    return columns.map(column => ({
      ...column,
      name: column.suggested,
      used: column.type !== '',
      as: ''
    }));
  }
  const names = target.map(({ name }) => name);
  const free = new Set(names);
  const take = (name: string | undefined): string => {
    free.delete(name ?? '');
    return name ?? '';
  };
  // Equal names first, so that a similar one doesn't take their place.
  const exact = columns.map(({ source }) => take(names.find(name => name === source)));
  return columns.map((column, index) => {
    const name = exact[index] || take([...free].find(it => plain(it) === plain(column.source)));
    const into = target.find(it => it.name === name)?.type;
    const as = typed ? typeFor(column.found, into) : '';
    return { ...column, name, used: name !== '' && column.type !== '', as };
  });
}

/**
 * The type that a text must have to go into a column of a table: texts may be dates that the file
 * writes in its own way, or a column without any value.
 */
export function typeFor(found: string, target: string | undefined): string {
  if (!/^(long)?text$/.test(found) || target === undefined) {
    return '';
  }
  const kind = target.toLowerCase();
  const decimal = /^(?:numeric|decimal)\((\d+),(\d+)\)$/.exec(kind);
  if (decimal && Number(decimal[1]) <= 38) {
    return `DECIMAL(${decimal[1]},${decimal[2]})`;
  }
  return PLAIN.find(([pattern]) => pattern.test(kind))?.[1] ?? '';
}

const PLAIN: readonly (readonly [RegExp, string])[] = [
  [/^smallint(\(\d+\))?$/, 'SMALLINT'],
  [/^(integer|int|mediumint)(\(\d+\))?$/, 'INTEGER'],
  [/^bigint(\(\d+\))?$/, 'BIGINT'],
  [/^double( precision)?$/, 'DOUBLE'],
  [/^boolean$/, 'BOOLEAN'],
  [/^date$/, 'DATE'],
  [/^time(\(\d\))?( without time zone)?$/, 'TIME'],
  [/^(timestamp|datetime)(\(\d\))?( without time zone)?$/, 'TIMESTAMP']
];

/** The columns of a table that a load leaves to their defaults, and those of the file that it leaves out. */
export function differences(
  columns: readonly LoadColumn[],
  target: readonly ColumnInfo[]
): { unfilled: readonly ColumnInfo[]; leftOut: readonly string[] } {
  const filled = new Set(columns.filter(({ used }) => used).map(({ name }) => name));
  return {
    unfilled: target.filter(({ name }) => !filled.has(name)),
    leftOut: columns.filter(({ used }) => !used).map(({ source }) => source)
  };
}

/** The names that more than one used column has. */
export function doubled(columns: readonly LoadColumn[]): ReadonlySet<string> {
  const names = columns.filter(({ used, name }) => used && name !== '').map(({ name }) => name);
  return new Set(names.filter((name, index) => names.indexOf(name) !== index));
}

/** A size in bytes for people. */
export function sizeOf(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB'];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  return `${value.toLocaleString(undefined, { maximumFractionDigits: power ? 1 : 0 })} ${units[power]}`;
}

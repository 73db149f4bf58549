import type { TranslationBundle } from '@jupyterlab/translation';

import type { LimitRequest, LimitValue, LimitView, LimitWork } from '../api/types';
import { sizeWords } from '../ui/sizes';

/** The limits, in the order in which they are shown. */
export const FIELDS = ['concurrent', 'rows', 'bytes', 'seconds', 'temp_bytes'] as const;

export type Field = (typeof FIELDS)[number];

/** What is limited, in the order in which it is shown. */
export const WORKS: readonly LimitWork[] = ['interactive', 'runs'];

export function workWords(work: LimitWork, trans: TranslationBundle): string {
  return work === 'runs' ? trans.__('Pipeline runs') : trans.__('Queries');
}

const MEBIBYTE = 2 ** 20;

export function fieldWords(field: Field, trans: TranslationBundle): string {
  switch (field) {
    case 'concurrent':
      return trans.__('Concurrent queries');
    case 'rows':
      return trans.__('Rows per result');
    case 'bytes':
      return trans.__('Result size');
    case 'seconds':
      return trans.__('Query duration');
    case 'temp_bytes':
      return trans.__('Temporary files');
  }
}

/** The unit in which a limit is entered. */
export function unitWords(field: Field, trans: TranslationBundle): string {
  switch (field) {
    case 'bytes':
    case 'temp_bytes':
      return trans.__('MiB');
    case 'seconds':
      return trans.__('s');
    default:
      return '';
  }
}

/** The largest values that the service takes: they end nothing. */
const NO_LIMIT: Record<Field, number> = {
  concurrent: Infinity,
  rows: 1e12,
  bytes: 2 ** 50,
  seconds: 7 * 24 * 3600,
  temp_bytes: 2 ** 50
};

export function valueWords(
  field: Field,
  value: number | null | undefined,
  trans: TranslationBundle
): string {
  if (value === null || value === undefined) {
    return '';
  }
  if (value >= NO_LIMIT[field]) {
    return trans.__('no limit');
  }
  switch (field) {
    case 'bytes':
    case 'temp_bytes':
      return sizeWords(value);
    case 'seconds':
      return trans.__('%1 s', value.toLocaleString());
    default:
      return value.toLocaleString();
  }
}

/** Where a limit comes from. */
export function sourceWords(limit: LimitValue, trans: TranslationBundle): string {
  switch (limit.source.kind) {
    case 'user':
      return trans.__('set for you');
    case 'group':
      return trans.__('set for group %1', limit.source.name);
    case 'everyone':
      return trans.__('set for everyone');
    case 'settings':
      return '';
  }
}

export function subjectWords(row: LimitView, trans: TranslationBundle): string {
  switch (row.kind) {
    case 'everyone':
      return trans.__('Everyone');
    case 'group':
      return trans.__('Group %1', row.subject);
    case 'user':
      return row.subject;
    case 'connection':
      return row.name ? trans.__('Connection %1', row.name) : trans.__('Deleted connection');
  }
}

/** The fields of the form, as typed. */
export type Typed = Record<Field, string>;

export function typedOf(row: LimitView | null): Typed {
  const text = (field: Field): string => {
    const value = row?.[field];
    if (value === null || value === undefined) {
      return '';
    }
    return String(inMebibytes(field) ? value / MEBIBYTE : value);
  };
  return Object.fromEntries(FIELDS.map(field => [field, text(field)])) as Typed;
}

/**
 * The typed numbers, as the server expects them.
 *
 * @returns the values, or the first field that isn't a valid number
 */
export function parse(typed: Typed): { values: Partial<LimitRequest> } | { wrong: Field } {
  const values: Partial<LimitRequest> = {};
  for (const field of FIELDS) {
    const text = typed[field].trim().replace(',', '.');
    if (text === '') {
      continue;
    }
    const number = Number(text);
    const value = inMebibytes(field) ? Math.round(number * MEBIBYTE) : number;
    const whole = field === 'seconds' || Number.isInteger(value);
    if (!/^\d*\.?\d+$/.test(text) || !Number.isFinite(value) || !whole) {
      return { wrong: field };
    }
    values[field] = value;
  }
  return { values };
}

function inMebibytes(field: Field): boolean {
  return field === 'bytes' || field === 'temp_bytes';
}

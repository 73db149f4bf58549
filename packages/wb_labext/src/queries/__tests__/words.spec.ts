import { describe, expect, it } from 'vitest';

import type { LimitView } from '../../api/types';
import { sizeWords } from '../../ui/sizes';
import { FIELDS, parse, typedOf } from '../words';

const EMPTY = typedOf(null);

describe('typed limits', () => {
  it('round-trip as they were stored', () => {
    const row = {
      concurrent: 3,
      rows: null,
      bytes: 512 * 2 ** 20,
      seconds: 0.5,
      temp_bytes: 0
    } as LimitView;
    expect(typedOf(row)).toEqual({
      concurrent: '3',
      rows: '',
      bytes: '512',
      seconds: '0.5',
      temp_bytes: '0'
    });
    expect(parse(typedOf(row))).toEqual({
      values: { concurrent: 3, bytes: 512 * 2 ** 20, seconds: 0.5, temp_bytes: 0 }
    });
  });

  it('may be fractions of a unit, also with a comma', () => {
    expect(parse({ ...EMPTY, bytes: '1,5', seconds: ' 2.25 ' })).toEqual({
      values: { bytes: 1.5 * 2 ** 20, seconds: 2.25 }
    });
  });

  it.each([
    ['concurrent', '2.5'],
    ['rows', '1e3'],
    ['rows', '-1'],
    ['seconds', 'soon'],
    ['bytes', '1 000']
  ] as const)('for %s can’t be “%s”', (field, text) => {
    expect(parse({ ...EMPTY, [field]: text })).toEqual({ wrong: field });
  });

  it('are absent if nothing is typed', () => {
    expect(parse(EMPTY)).toEqual({ values: {} });
    expect(Object.keys(EMPTY)).toEqual([...FIELDS]);
  });
});

describe('sizeWords', () => {
  it.each([
    [0, '0 bytes'],
    [1023, '1,023 bytes'],
    [1536, '1.5 KiB'],
    [8 * 2 ** 30, '8 GiB'],
    [2 ** 60, '1,048,576 TiB']
  ])('%d bytes are %s', (bytes, words) => {
    expect(sizeWords(bytes)).toBe(words);
  });
});

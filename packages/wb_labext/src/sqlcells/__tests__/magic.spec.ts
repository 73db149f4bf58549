import { describe, expect, it } from 'vitest';

import { isBehindMagic, languageOf } from '../magic';

describe('a cell of the magic', () => {
  const isSql = (source: string): boolean => languageOf(source, () => undefined) !== null;

  it.each([
    '%%sql',
    '%%sql\nSELECT 1',
    '%%sql sample\nSELECT 1',
    '%%sql\tsample',
    '%%sql\r\nSELECT 1'
  ])('is %j', source => expect(isSql(source)).toBe(true));

  it.each([
    '',
    '%%sq',
    '%sql SELECT 1',
    'df = %sql SELECT 1',
    '%%sqlite\nx',
    '%%SQL\nSELECT 1',
    ' %%sql\nSELECT 1',
    '# a comment\n%%sql',
    'SELECT 1'
  ])('is not %j', source => expect(isSql(source)).toBe(false));
});

describe('languageOf', () => {
  const known = (name: string): string | undefined =>
    ({ shop: 'text/x-mysql', warehouse: 'text/x-pgsql', landing: 'text/x-sql' })[name];

  it.each([
    ['%%sql shop\nSELECT `a b`', 'text/x-mysql'],
    ['%%sql  shop df <<\nSELECT 1', 'text/x-mysql'],
    ['%%sql warehouse', 'text/x-pgsql'],
    ['%%sql landing\nSELECT 1', 'text/x-sql'],
    ['%%sql unknown\nSELECT 1', 'text/x-sql'],
    ['%%sql shop.x\nSELECT 1', 'text/x-sql'],
    ['%%sql\nshop', 'text/x-sql'],
    ['%%sql --limit 5 shop', 'text/x-sql'],
    ['%sql shop select 1', null],
    ['shop', null]
  ])('of %j is %s', (source, language) => {
    expect(languageOf(source, known)).toBe(language);
  });
});

describe('isBehindMagic', () => {
  it('is true for changes after the magic, a name and the character that follows', () => {
    expect(isBehindMagic([{ retain: 70 }])).toBe(true);
    expect(isBehindMagic([{ retain: 90 }, {}])).toBe(true);
  });

  it('is false for changes that may affect them', () => {
    expect(isBehindMagic([{ retain: 69 }, {}])).toBe(false);
    expect(isBehindMagic([{}, { retain: 90 }])).toBe(false);
    expect(isBehindMagic([])).toBe(false);
  });
});

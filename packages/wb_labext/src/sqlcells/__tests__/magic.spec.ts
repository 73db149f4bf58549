import { describe, expect, it } from 'vitest';

import { isBehindMagic, isSql } from '../magic';

describe('isSql', () => {
  it.each([
    '%%sql',
    '%%sql\nSELECT 1',
    '%%sql sample\nSELECT 1',
    '%%sql\tsample',
    '%%sql\r\nSELECT 1'
  ])('says yes to %j', source => expect(isSql(source)).toBe(true));

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
  ])('says no to %j', source => expect(isSql(source)).toBe(false));
});

describe('isBehindMagic', () => {
  it('is true of what happens after the magic and the character behind it', () => {
    expect(isBehindMagic([{ retain: 6 }])).toBe(true);
    expect(isBehindMagic([{ retain: 40 }, {}])).toBe(true);
  });

  it('is false of what may touch them', () => {
    expect(isBehindMagic([{ retain: 5 }, {}])).toBe(false);
    expect(isBehindMagic([{}, { retain: 40 }])).toBe(false);
    expect(isBehindMagic([])).toBe(false);
  });
});

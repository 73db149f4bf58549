import { describe, expect, it } from 'vitest';

import { LONGEST, shortened } from '../shortened';

describe('the text of a notification', () => {
  it('is whole if it fits', () => {
    expect(shortened('It failed.')).toBe('It failed.');
    expect(shortened('x'.repeat(LONGEST))).toHaveLength(LONGEST);
  });

  it('has as many sentences as fit', () => {
    const first = 'The folder “/tmp/data.d” may not be read here. It must exist.';
    expect(shortened(`${first} ${'So it has to be moved '.repeat(8)}.`)).toBe(first);
  });

  it('ends at a word if the first sentence is too long', () => {
    const text = shortened('word '.repeat(60));
    expect(text).toMatch(/word…$/);
    expect(text.length).toBeLessThanOrEqual(LONGEST);
    expect(shortened('x'.repeat(300))).toHaveLength(LONGEST);
  });
});

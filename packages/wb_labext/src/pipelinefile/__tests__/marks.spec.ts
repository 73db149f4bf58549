import { describe, expect, it } from 'vitest';

import type { Problem } from '../../api/types';
import { marksOf } from '../marks';

const TEXT = 'name: "two words"\ntasks: {a: {needs: [nothing]}}\n𝒳𝒳 bad\n';

const marked = (line: number, column: number): string => {
  const problem: Problem = { line, column, path: [], code: 'x', message: 'wrong' };
  const [mark] = marksOf(TEXT, [problem]);
  return TEXT.slice(mark.from, mark.to);
};

describe('marks', () => {
  it.each([
    [1, 1, 'name'],
    [1, 7, '"two words"'],
    [2, 21, 'nothing'],
    [2, 8, '{'],
    // Columns count characters; an editor counts UTF-16 code units.
    [3, 4, 'bad'],
    // Beyond the end of a line, and of the text.
    [3, 99, ''],
    [99, 1, '']
  ])('line %i, column %i is “%s”', (line, column, text) => {
    expect(marked(line, column)).toBe(text);
  });
});

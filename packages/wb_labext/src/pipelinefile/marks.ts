/** The positions of the server's problems in a text. Pure functions. */
import type { Problem } from '../api/types';

export interface Mark {
  from: number;
  to: number;
  message: string;
}

/** The offset in UTF-16 code units of a column that counts characters from 1. */
function unitsOf(line: string, column: number): number {
  let units = 0;
  for (const character of [...line].slice(0, column - 1)) {
    units += character.length;
  }
  return units;
}

/** The problems of a text as ranges, each to the end of the word or quoted text at its position. */
export function marksOf(text: string, problems: readonly Problem[]): Mark[] {
  const lines = text.split('\n');
  const starts: number[] = [];
  let at = 0;
  for (const line of lines) {
    starts.push(at);
    at += line.length + 1;
  }
  return problems.map(({ line, column, message }) => {
    const index = Math.min(line, lines.length) - 1;
    const content = lines[index];
    const place = Math.min(unitsOf(content, column), content.length);
    const found = /^(?:"(?:[^"\\]|\\.)*"?|'[^']*'?|[^\s,:{}[\]]+|\S)/.exec(content.slice(place));
    const from = starts[index] + place;
    return { from, to: from + (found?.[0].length ?? 0), message };
  });
}

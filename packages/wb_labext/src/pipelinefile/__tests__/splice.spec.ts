import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import { withNotebook } from '../document';
import { UnreadableFile, withEntry, withText } from '../splice';

const exact = (text: string): unknown => parse(text, { intAsBigInt: true });

/** Pseudo-random numbers that are the same in every run. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return below => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** In how many places text must be inserted to get from one text to the other; infinite if that isn't enough. */
function insertions(before: string, after: string): number {
  if (before === after) {
    return 0;
  }
  let same = 0;
  while (same < before.length && before[same] === after[same]) {
    same++;
  }
  let tail = 0;
  while (tail < before.length - same && before.at(-1 - tail) === after.at(-1 - tail)) {
    tail++;
  }
  if (same + tail === before.length) {
    return 1;
  }
  // Between the first and the last insertion: the longest common start after a shift.
  const middle = before.slice(same, before.length - tail);
  const rest = after.slice(same, after.length - tail);
  const found = rest.indexOf(middle);
  if (found >= 0) {
    return 2;
  }
  for (let cut = middle.length - 1; cut > 0; cut--) {
    const first = rest.indexOf(middle.slice(0, cut));
    if (first >= 0 && rest.indexOf(middle.slice(cut), first + cut) >= 0) {
      return 3;
    }
  }
  return Infinity;
}

const SCALARS = [
  '010', '12345678901234567890', '0x1F', '1.10', '1e3', '~', 'true', 'no', '"a: # b"', "'it''s'",
  'plain text # a comment', '2026-01-31', '"\\u00e4\\n"', '', '&anchor x', '[1, 010, {a: 007}]',
  '{a: 12345678901234567890, b: [x, y], }', '"folded\n      over lines"'
]; // prettier-ignore
const BLOCKS = ['|', '|-', '|+', '>', '>-', '>+', '|2'];

/** A pipeline file with everything that people write, and that a library would write differently. */
function file(seed: number): string {
  const pick = generator(seed);
  const any = <T>(items: readonly T[]): T => items[pick(items.length)];
  const lines: string[] = [];
  const comment = (indent: string): void => {
    if (pick(3) === 0) {
      lines.push(any([`${indent}# a comment`, '', `# far left`, `${indent}    # deeper`]));
    }
  };
  const step = any(['  ', '    ', ' ']);
  const entry = (indent: string, key: string): void => {
    comment(indent);
    if (pick(4) === 0) {
      lines.push(`${indent}${key}: ${any(BLOCKS)}`);
      lines.push(`${indent}  select 1`, ...any([[], [''], ['', ''], [`${indent}  where 010`]]));
    } else {
      lines.push(`${indent}${key}: ${any(SCALARS)}`.trimEnd());
    }
  };
  lines.push(any(['name: x', '# The books', '---', '']), 'description: d');
  const parameters = pick(4);
  if (parameters === 1) {
    lines.push(any(['parameters: {}', 'parameters:', 'parameters: {a: {type: text}, }']));
  } else if (parameters === 2) {
    lines.push('parameters: # of a run');
    entry(step, 'month');
    comment(step);
  }
  const tasks = pick(5);
  if (tasks === 0) {
    lines.push(
      any([
        'tasks: {a: {type: sql, statement: 010}}',
        'tasks: {a: {type: sql}, } # all',
        'tasks: {\n  a: {type: sql}, # first\n  b: 010 # second\n  }',
        'tasks: {"a": {type: sql, needs: []}}'
      ])
    );
  } else {
    lines.push('tasks:');
    for (let number = 0; number < tasks; number++) {
      comment(step);
      lines.push(`${step}t${number}:${any(['', ' # the task', ' &a'])}`);
      entry(step + step, 'type');
      entry(step + step, 'statement');
    }
    comment(step);
  }
  if (pick(2)) {
    entry('', 'sla');
    comment('');
  }
  const text = lines.join('\n') + any(['\n', '', '\n\n', '\n# the end\n', '\n...\n']);
  return pick(4) === 0 ? text.replaceAll('\n', '\r\n') : text;
}

const PARAMETERS = [
  { name: 'region', type: 'text', default: 'a: #\n"b"\n\n' },
  { name: 'months', type: 'list', items: 'integer', default: [1, 2] }
] as const;

describe('adding to a file', () => {
  it('changes nothing else, whatever the file looks like', { timeout: 30_000 }, () => {
    let edited = 0;
    for (let seed = 1; seed <= 120; seed++) {
      const before = file(seed);
      let old: Record<string, Record<string, unknown>>;
      try {
        old = exact(before) as typeof old;
      } catch {
        continue; // the generator made no YAML
      }
      const parameters = PARAMETERS.map(item => ({
        ...item,
        default: Array.isArray(item.default) ? [...item.default] : item.default
      })) as Parameters<typeof withNotebook>[2];
      const { text, task } = withNotebook(before, 'Report.ipynb', parameters);
      edited++;
      const now = exact(text) as typeof old;
      const { [task]: added, ...tasks } = now.tasks;
      expect(added, before).toMatchObject({ type: 'notebook', notebook: 'Report.ipynb' });
      const { region, months, ...known } = now.parameters;
      expect(region, before).toMatchObject({ default: 'a: #\n"b"\n\n' });
      expect(months, before).toMatchObject({ default: [1n, 2n] });
      expect({ ...now, tasks, parameters: known }, before).toEqual({
        ...old,
        parameters: old.parameters ?? {}
      });
      // What was there is still there, in its spelling: only text was inserted, in three places at most.
      expect(insertions(before, text), `${before}\n--\n${text}`).toBeLessThanOrEqual(3);
      expect(text.includes('\r\n')).toBe(before.includes('\r\n'));
    }
    expect(edited).toBeGreaterThan(70);
  });

  it('keeps numbers, comments and the style of a line', () => {
    const before = `# The books
name: nightly # of the night
tasks:
  a: {type: sql, limit: 010, key: 12345678901234567890} # the first
  # about b
  b:
    type: sql
    statement: |
      select 1

    # end of b
  # after b

# about the SLA
sla: 2h
`;
    expect(withEntry(before, 'tasks', 'c', { type: 'notebook', needs: ['b'] })).toBe(
      before.replace(
        '    # end of b\n',
        '    # end of b\n  c:\n    type: notebook\n    needs:\n      - b\n'
      )
    );
  });

  it('goes into a map on one line, or begins one', () => {
    const value = { type: 'text', default: 'a, b\n' };
    const written = '{type: text, default: "a, b\\n"}';
    expect(withEntry('{tasks: {a: 1}}', 'parameters', 'x', value)).toBe(
      `{tasks: {a: 1}, parameters: {x: ${written}}}`
    );
    expect(withEntry('p: {}\n', 'p', 'true', value)).toBe(`p: {"true": ${written}}\n`);
    expect(withEntry('p: # none\nq: 1\n', 'p', 'x', 1)).toBe('p: # none\n  x: 1\nq: 1\n');
    expect(withEntry('q: 1', 'p', 'x', 1)).toBe('q: 1\np:\n  x: 1\n');
  });

  it('sets a text', () => {
    expect(withText('name: a # b\nx: 010\n', 'name', 'c')).toBe('name: c # b\nx: 010\n');
    expect(withText('name: |\n  a\nx: 1\n', 'name', 'c')).toBe('name: c\nx: 1\n');
    expect(withText('x: 010', 'name', 'c')).toBe('x: 010\nname: c\n');
  });

  it.each([
    ['p: &a {x: 1}\nq: *a\n', 'p'], // it would change q, too
    ['p: ~\n', 'p'],
    ['p: [1]\n', 'p'],
    ['p: text\n', 'p'],
    ['q: *nothing\n', 'p']
  ])('refuses what would change something else: %s', (text, parent) => {
    expect(() => withEntry(text, parent, 'new', 1)).toThrow(UnreadableFile);
  });
});

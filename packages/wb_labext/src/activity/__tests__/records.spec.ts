import { describe, expect, it } from 'vitest';

import { isQuery, recordsOf, shownOf, targetWords } from '../records';
import { row } from './rows';

const NO_NAMES = new Map<string, string>();
const ID = '7ecb79c2-29b9-496a-8b0c-000000000001';

describe('recordsOf', () => {
  it('shows each access once, newest first', () => {
    const records = recordsOf([
      row(1, 'long'),
      row(2, 'short'),
      row(3, 'short', { event: 'finished', outcome: 'ok' }),
      row(4, 'long', { event: 'finished', outcome: 'failed' })
    ]);
    expect(records.map(record => record.id)).toEqual(['long', 'short']);
    expect(records[0]).toMatchObject({ started: { id: 1 }, ended: { id: 4 }, last: { id: 4 } });
  });

  it('joins rows of two pages, in either order', () => {
    const end = row(9, 'a', { event: 'finished', outcome: 'ok', duration_ms: 5 });
    expect(recordsOf([row(8, 'a'), end])).toEqual(recordsOf([end, row(8, 'a')]));
  });
});

describe('shownOf', () => {
  it('takes the statement of the start and the outcome of the end', () => {
    const [record] = recordsOf([row(1, 'a'), row(2, 'a', { event: 'finished', outcome: 'ok' })]);
    expect(shownOf(record, true, NO_NAMES)).toMatchObject({ statement: 'select 1', outcome: 'ok' });
  });

  it('reports a record as running only if it certainly has no end', () => {
    const [record] = recordsOf([row(1, 'a')]);
    expect(shownOf(record, true, NO_NAMES).outcome).toBe('running');
    expect(shownOf(record, false, NO_NAMES).outcome).toBeNull();
  });

  it('takes everything about a refusal from its one row', () => {
    const [record] = recordsOf([
      row(1, 'a', { event: 'refused', outcome: 'refused', statement: 'drop table x' })
    ]);
    const shown = shownOf(record, true, NO_NAMES);
    expect(shown).toMatchObject({ statement: 'drop table x', outcome: 'refused' });
    expect(isQuery(shown)).toBe(true);
  });

  it('shows a connection by its current name', () => {
    const [record] = recordsOf([row(1, 'a', { connection_id: ID, target: 'old_name' })]);
    expect(shownOf(record, true, new Map([[ID, 'new_name']])).target).toBe('new_name');
    expect(shownOf(record, true, NO_NAMES).target).toBe('old_name');
  });

  it('offers no notebook for anything but queries', () => {
    const [record] = recordsOf([row(1, 'a', { action: 'connection.share', statement: null })]);
    expect(isQuery(shownOf(record, true, NO_NAMES))).toBe(false);
  });
});

describe('targetWords', () => {
  const names = new Map([[ID, 'shop']]);

  it.each([
    [ID, 'shop'],
    [`${ID}/user/ben: use`, 'shop · user/ben: use'],
    ['user/ben: rows 5', 'user/ben: rows 5'],
    [`x${ID}`, `x${ID}`],
    ['', '']
  ])('%s reads “%s”', (target, words) => {
    expect(targetWords(target, names)).toBe(words);
  });
});

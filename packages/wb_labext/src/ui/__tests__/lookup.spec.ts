import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Found } from '../lookup';
import { Lookup, PAUSE } from '../lookup';

type Answer = { text: string; give: (items: string[]) => void; fail: (why: string) => void };

let asked: Answer[];
let lookup: Lookup<string>;

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  lookup = new Lookup<string>(
    text =>
      new Promise<Found<string>>((resolve, reject) =>
        asked.push({
          text,
          give: items => resolve({ items, more: false }),
          fail: why => reject(new Error(why))
        })
      ),
    error => (error as Error).message
  );
});

afterEach(() => {
  lookup.dispose();
  vi.useRealTimers();
});

async function type(text: string): Promise<void> {
  lookup.setText(text);
  await vi.advanceTimersByTimeAsync(PAUSE);
}

describe('Lookup', () => {
  it('asks once for text typed without a pause', async () => {
    lookup.setText('f');
    await vi.advanceTimersByTimeAsync(PAUSE - 1);
    lookup.setText('fi');
    await vi.advanceTimersByTimeAsync(PAUSE);
    expect(asked.map(answer => answer.text)).toEqual(['fi']);
  });

  it('drops a late answer', async () => {
    await type('a');
    await type('ab');
    asked[1].give(['abel']);
    asked[0].give(['ada', 'abel']);
    await vi.advanceTimersByTimeAsync(0);
    expect(lookup.state).toMatchObject({ phase: 'ready', items: ['abel'] });
  });

  it('drops an answer that comes after it was cleared', async () => {
    await type('a');
    lookup.clear();
    asked[0].give(['ada']);
    await vi.advanceTimersByTimeAsync(0);
    expect(lookup.state).toMatchObject({ phase: 'idle', open: false, text: '', items: [] });
  });

  it('wraps around the list, and Enter chooses the active option or the only one', async () => {
    await type('a');
    expect(lookup.choice).toBeUndefined();
    asked[0].give(['ada', 'abel', 'ann']);
    await vi.advanceTimersByTimeAsync(0);
    expect(lookup.choice).toBeUndefined();
    lookup.move(1);
    expect(lookup.choice).toBe('ada');
    lookup.move(-1);
    expect(lookup.choice).toBe('ann');
    lookup.move(1);
    expect(lookup.choice).toBe('ada');
    await type('ab');
    expect(lookup.choice).toBeUndefined();
    asked[1].give(['abel']);
    await vi.advanceTimersByTimeAsync(0);
    expect(lookup.choice).toBe('abel');
    lookup.close();
    expect(lookup.choice).toBeUndefined();
  });

  it('says why a search failed, and recovers', async () => {
    await type('a');
    asked[0].fail('The Hub does not answer.');
    await vi.advanceTimersByTimeAsync(0);
    expect(lookup.state).toMatchObject({ phase: 'failed', error: 'The Hub does not answer.' });
    await type('ad');
    asked[1].give(['ada']);
    await vi.advanceTimersByTimeAsync(0);
    expect(lookup.state).toMatchObject({ phase: 'ready', error: '', items: ['ada'] });
  });

  it('lists everything when it is opened empty', async () => {
    lookup.open();
    lookup.open();
    expect(asked.map(answer => answer.text)).toEqual(['']);
  });
});

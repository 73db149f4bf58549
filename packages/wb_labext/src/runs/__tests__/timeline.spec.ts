import { describe, expect, it } from 'vitest';

import { barsOf, spanOf, ticksOf } from '../timeline';
import { attempt, run, taskRun } from './samples';

const now = new Date('2026-11-23T10:00:20Z').getTime();

describe('the timeline', () => {
  it('extends to the present while the run is active, and to its end afterwards', () => {
    expect(spanOf(run(), now).end).toBe(now);
    const ended = spanOf(run({ finished_at: '2026-11-23T10:00:15Z' }), now);
    expect(ended.end - ended.start).toBe(15_000);
  });

  it('shows each attempt in its place, and a running one up to now', () => {
    const task = taskRun({
      attempts: [
        attempt({ id: 'a1', state: 'failed', finished_at: '2026-11-23T10:00:05Z' }),
        attempt({
          id: 'a2',
          number: 2,
          state: 'running',
          started_at: '2026-11-23T10:00:10Z',
          finished_at: null
        })
      ]
    });
    expect(barsOf(task, spanOf(run(), now), now)).toEqual([
      { attempt: 'a1', number: 1, state: 'failed', left: 0, width: 25 },
      { attempt: 'a2', number: 2, state: 'running', left: 50, width: 50 }
    ]);
  });

  it('leaves out what an earlier run did', () => {
    const old = attempt({
      started_at: '2026-11-22T10:00:00Z',
      finished_at: '2026-11-22T10:00:10Z'
    });
    expect(barsOf(taskRun({ attempts: [old] }), spanOf(run(), now), now)).toEqual([]);
  });

  it.each([
    [20, [0, 5, 10, 15, 20]],
    [90, [0, 15, 30, 45, 60, 75, 90]],
    [7_200, [0, 1800, 3600, 5400, 7200]]
  ])('has ticks at round values of %i s', (seconds, ticks) => {
    expect(ticksOf({ start: 0, end: seconds * 1000 })).toEqual(ticks);
  });
});

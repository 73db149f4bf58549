import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import { elapsedWords, taskWords, triggerWords, valueText } from '../words';
import { attempt, run, taskRun } from './samples';

const trans = nullTranslator.load('wb_labext');
const now = new Date('2026-11-23T10:00:42.7Z').getTime();

describe('texts about runs', () => {
  it.each([
    [{ started_at: null, finished_at: null }, ''],
    [{ started_at: '2026-11-23T10:00:00Z', finished_at: null }, '42 s'],
    [{ started_at: '2026-11-23T10:00:00Z', finished_at: '2026-11-23T10:00:06.1Z' }, '6.1 s'],
    [{ started_at: '2026-11-23T10:00:00Z', finished_at: '2026-11-23T10:02:06Z' }, '2 min 6 s'],
    [{ started_at: '2026-11-23T07:30:00Z', finished_at: '2026-11-23T10:00:00Z' }, '2 h 30 min']
  ])('%j took “%s”', (part, words) => {
    expect(elapsedWords(part, now, trans)).toBe(words);
  });

  it('give a task’s progress, and the time of its next retry', () => {
    const progress = { done: 2, total: 5, text: 'cell 3 of 5' };
    const running = taskRun({ state: 'running', attempts: [attempt({ progress })] });
    expect(taskWords(running, now, trans)).toBe('Running: cell 3 of 5');
    const waits = taskRun({ state: 'waiting', next_try_at: '2026-11-23T10:01:00Z' });
    expect(taskWords(waits, now, trans)).toBe('Retrying in 18 s');
    expect(taskWords(taskRun({ attempts: [attempt({ progress })] }), now, trans)).toBe('Succeeded');
  });

  it('say what started a run', () => {
    expect(triggerWords(run(), trans)).toBe('by ada');
    expect(triggerWords(run({ trigger: 'schedule' }), trans)).toBe('by schedule');
    expect(triggerWords(run({ trigger: 'rerun' }), trans)).toBe('rerun by ada');
  });

  it('write values on one line', () => {
    expect([valueText('eu'), valueText([1, 2]), valueText(null)]).toEqual(['eu', '[1,2]', 'null']);
  });
});

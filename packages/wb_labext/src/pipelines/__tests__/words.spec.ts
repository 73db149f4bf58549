import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import {
  approvalWords,
  approvedWords,
  approverWords,
  diffLines,
  hasSchedule,
  lastRunWords,
  nextFireWords,
  refusalWords,
  waitsForApproval
} from '../words';
import { pipeline, runSummary } from './samples';

const trans = nullTranslator.load('wb_labext');
const hence = (hours: number): string => new Date(Date.now() + hours * 3_600_000).toISOString();

describe('texts about pipelines', () => {
  it('say how the last run went', () => {
    expect(lastRunWords(pipeline(), trans)).toBe('Not run yet');
    const last_run = runSummary({ state: 'failed', finished_at: hence(-2.1) });
    expect(lastRunWords(pipeline({ last_run }), trans)).toBe('Failed 2 hours ago');
  });

  it('say when it runs next', () => {
    expect(nextFireWords(pipeline(), trans)).toBe('');
    expect(nextFireWords(pipeline({ next_fire_at: hence(16.1) }), trans)).toBe('next in 16 hours');
    expect(nextFireWords(pipeline({ paused: true }), trans)).toBe('schedule paused');
    expect([pipeline(), pipeline({ paused: true })].map(hasSchedule)).toEqual([false, true]);
  });

  it('say what waits for approval', () => {
    expect(waitsForApproval(pipeline())).toBe(false);
    const changed = pipeline({ head: 3 });
    expect(waitsForApproval(changed)).toBe(true);
    expect(approvalWords(changed, trans)).toBe(
      'Version 3 is awaiting approval; version 2 is active'
    );
    expect(approvalWords(pipeline({ approved: null }), trans)).toContain('nothing runs yet');
  });

  it('say why the last run was refused', () => {
    const message = 'call: “eva” is locked out.';
    const last_run = runSummary({ state: 'failed', code: 'owner_locked_out', message });
    expect(refusalWords(pipeline({ last_run }), trans)).toBe('Refused: its owner is locked out');
    expect(refusalWords(pipeline({ last_run, approved: null }), trans)).toBe('');
    const other = { ...last_run, code: 'http_failed' };
    expect(refusalWords(pipeline({ last_run: other }), trans)).toBe('');
    expect(refusalWords(pipeline(), trans)).toBe('');
  });

  it('say who approves, and who did', () => {
    expect(approverWords(pipeline(), false, trans)).toContain('ada');
    const teams = pipeline({ owner: { kind: 'team', name: 'finance' } });
    expect(approverWords(teams, false, trans)).toBe('A member of the team finance can approve it.');
    expect(approverWords(pipeline(), true, trans)).toContain('your permissions');
    expect(approverWords(teams, true, trans)).toContain('the team finance');
    const version = {
      number: 2,
      author: 'ada',
      note: '',
      created_at: '2026-11-23T10:00:00Z',
      approved_by: 'ada',
      approved_at: '2026-11-23T10:00:00Z',
      approved_for: 'user:ada',
      files: [],
      diff: ''
    };
    expect(approvedWords(version, pipeline(), trans)).toBe('');
    expect(approvedWords({ ...version, author: 'ben' }, pipeline(), trans)).toBe('approved by ada');
    expect(approvedWords(version, teams, trans)).toBe('approved by ada, for another owner');
    expect(approvedWords({ ...version, approved_by: null }, teams, trans)).toBe('');
  });

  it('tell the lines of a diff apart', () => {
    const diff = '--- version 1\n+++ version 2\n@@ -1 +1,2 @@\n a: 1\n-b: 2\n+b: 3\nchanged: x.py';
    expect(diffLines(diff).map(line => line.kind)).toEqual([
      'place',
      'same',
      'removed',
      'added',
      'file'
    ]);
  });
});

/** Texts about runs, tasks and attempts. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { AttemptState, RunState, RunSummary, TaskRun, TaskState } from '../api/types';
import { distanceWords } from '../ui/dates';
import { durationWords } from '../ui/durations';

export type AnyState = RunState | TaskState | AttemptState;

export const RUN_STATES: readonly RunState[] = [
  'queued',
  'running',
  'succeeded',
  'failed',
  'cancelled',
  'skipped'
];

const ENDED: ReadonlySet<AnyState> = new Set([
  'succeeded',
  'failed',
  'cancelled',
  'skipped',
  'lost',
  'held'
]);

export function hasEnded(state: AnyState): boolean {
  return ENDED.has(state);
}

export function stateWords(state: AnyState, trans: TranslationBundle): string {
  switch (state) {
    case 'waiting':
      return trans.__('Waiting');
    case 'queued':
      return trans.__('Queued');
    case 'running':
      return trans.__('Running');
    case 'succeeded':
      return trans.__('Succeeded');
    case 'failed':
      return trans.__('Failed');
    case 'cancelled':
      return trans.__('Cancelled');
    case 'skipped':
      return trans.__('Skipped');
    case 'lost':
      return trans.__('Lost');
    case 'held':
      return trans.__('Held up');
  }
}

/** What started a run, and who. */
export function triggerWords(
  run: Pick<RunSummary, 'trigger' | 'triggered_by'>,
  trans: TranslationBundle
): string {
  switch (run.trigger) {
    case 'manual':
      return trans.__('by %1', run.triggered_by);
    case 'schedule':
      return trans.__('by schedule');
    case 'rerun':
      return trans.__('rerun by %1', run.triggered_by);
  }
}

export function ageWords(moment: string): string {
  return distanceWords(new Date(moment));
}

export function exactWords(moment: string): string {
  return new Date(moment).toLocaleString();
}

/** How long something has taken, in milliseconds; null if it hasn't begun. */
export function elapsed(
  part: { started_at: string | null; finished_at: string | null },
  now: number
): number | null {
  if (!part.started_at) {
    return null;
  }
  const end = part.finished_at ? new Date(part.finished_at).getTime() : now;
  return Math.max(0, end - new Date(part.started_at).getTime());
}

/** How long something has taken, in whole seconds while it runs: tenths would flicker. */
export function elapsedWords(
  part: { started_at: string | null; finished_at: string | null },
  now: number,
  trans: TranslationBundle
): string {
  const ms = elapsed(part, now);
  if (ms !== null && !part.finished_at && ms < 60_000) {
    return trans.__('%1 s', Math.floor(ms / 1000));
  }
  return ms !== null && ms >= 3_600_000
    ? trans.__('%1 h %2 min', Math.floor(ms / 3_600_000), Math.floor((ms / 60_000) % 60))
    : durationWords(ms, trans);
}

/** The state of a task, with its progress or the time of its next retry. */
export function taskWords(task: TaskRun, now: number, trans: TranslationBundle): string {
  const state = stateWords(task.state, trans);
  if (task.waiting) {
    return trans.__('Waiting for the Workbench');
  }
  const progress = task.attempts.at(-1)?.progress;
  if (task.state === 'running' && typeof progress?.text === 'string') {
    return `${state}: ${progress.text}`;
  }
  if (task.next_try_at && !hasEnded(task.state)) {
    const seconds = Math.ceil((new Date(task.next_try_at).getTime() - now) / 1000);
    return seconds > 0 ? trans.__('Retrying in %1 s', seconds) : trans.__('Retrying soon');
  }
  return state;
}

/** A value of a parameter or an output, on one line. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** The positions of a timeline's bars. Pure functions. */
import type { AttemptState, RunDetail, TaskRun } from '../api/types';

export interface Bar {
  attempt: string;
  number: number;
  state: AttemptState;
  /** In percent of the whole width. */
  left: number;
  width: number;
}

export interface Span {
  /** Milliseconds since 1970. */
  start: number;
  end: number;
}

const time = (moment: string): number => new Date(moment).getTime();

/** The time span of a run so far, without results taken over from an earlier run. */
export function spanOf(run: RunDetail, now: number): Span {
  const start = time(run.started_at ?? run.created_at);
  const end = run.finished_at ? time(run.finished_at) : Math.max(now, start);
  return { start, end: Math.max(end, start + 1) };
}

/** The attempts of a task as bars; those from before the run are left out. */
export function barsOf(task: TaskRun, span: Span, now: number): Bar[] {
  const whole = span.end - span.start;
  return task.attempts.flatMap(attempt => {
    const start = time(attempt.started_at);
    const end = attempt.finished_at ? time(attempt.finished_at) : now;
    if (end < span.start) {
      return [];
    }
    const left = Math.min(100, Math.max(0, ((start - span.start) / whole) * 100));
    const right = Math.min(100, Math.max(left, ((end - span.start) / whole) * 100));
    return [
      {
        attempt: attempt.id,
        number: attempt.number,
        state: attempt.state,
        left,
        width: right - left
      }
    ];
  });
}

const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400];

/** The ticks of the axis: seconds since the start, at round values, at most `most` of them. */
export function ticksOf(span: Span, most = 6): number[] {
  const seconds = (span.end - span.start) / 1000;
  const step =
    STEPS.find(item => seconds / item <= most) ?? Math.ceil(seconds / most / 86400) * 86400;
  const ticks = [];
  for (let at = 0; at <= seconds; at += step) {
    ticks.push(at);
  }
  return ticks;
}

import type { Attempt, RunDetail, TaskRun } from '../../api/types';

export function attempt(change: Partial<Attempt> = {}): Attempt {
  return {
    id: 'a1',
    number: 1,
    state: 'succeeded',
    worker: 'w',
    started_at: '2026-11-23T10:00:00Z',
    finished_at: '2026-11-23T10:00:10Z',
    code: null,
    message: '',
    details: {},
    progress: null,
    has_notebook: false,
    ...change
  };
}

export function taskRun(change: Partial<TaskRun> = {}): TaskRun {
  return {
    id: 't1',
    task: 'extract',
    type: 'notebook',
    needs: [],
    state: 'succeeded',
    started_at: '2026-11-23T10:00:00Z',
    finished_at: '2026-11-23T10:00:10Z',
    next_try_at: null,
    waiting: null,
    code: null,
    message: '',
    outputs: {},
    artifacts: [],
    tables: [],
    attempts: [attempt()],
    ...change
  };
}

export function run(change: Partial<RunDetail> = {}): RunDetail {
  return {
    id: 'r1',
    number: 7,
    pipeline_id: 'p1',
    pipeline: 'nightly',
    version: 2,
    state: 'running',
    trigger: 'manual',
    triggered_by: 'ada',
    run_as: 'user:ada',
    parameters: {},
    rerun_of: null,
    logical_at: '2026-11-23T10:00:00Z',
    created_at: '2026-11-23T10:00:00Z',
    started_at: '2026-11-23T10:00:00Z',
    finished_at: null,
    code: null,
    message: '',
    cancelled_by: null,
    tasks: [taskRun()],
    actions: ['cancel'],
    run_date: '2026-11-23',
    current_version: 2,
    ...change
  };
}

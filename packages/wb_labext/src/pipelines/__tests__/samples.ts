import type { PipelineView, RunSummary } from '../../api/types';

export function runSummary(change: Partial<RunSummary> = {}): RunSummary {
  return {
    id: 'r1',
    number: 7,
    pipeline_id: 'p1',
    pipeline: 'nightly',
    version: 2,
    state: 'succeeded',
    trigger: 'manual',
    triggered_by: 'ada',
    logical_at: '2026-11-23T10:00:00Z',
    created_at: '2026-11-23T10:00:00Z',
    started_at: '2026-11-23T10:00:00Z',
    finished_at: '2026-11-23T10:00:10Z',
    code: null,
    message: '',
    cancelled_by: null,
    ...change
  };
}

export function pipeline(change: Partial<PipelineView> = {}): PipelineView {
  return {
    id: 'p1',
    name: 'nightly',
    description: 'Sales of the day',
    labels: ['sales'],
    owner: { kind: 'user', name: 'ada' },
    shares: [],
    version: 1,
    head: 2,
    approved: 2,
    paused: false,
    fired_to: '2026-11-23T10:00:00Z',
    next_fire_at: null,
    created_at: '2026-11-23T10:00:00Z',
    updated_at: '2026-11-23T10:00:00Z',
    deleted_at: null,
    level: 'manage',
    reasons: [{ kind: 'owner', name: 'ada', level: 'manage' }],
    actions: ['pipeline.see', 'pipeline.run', 'pipeline.share'],
    last_run: null,
    ...change
  };
}

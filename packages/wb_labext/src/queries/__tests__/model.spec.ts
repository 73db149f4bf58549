import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { EventStream } from '../../api/events';
import { ApiError } from '../../api/request';
import type { QueriesApi } from '../api';
import { QueriesModel } from '../model';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const api = {
  me: vi.fn(),
  running: vi.fn(),
  cancel: vi.fn(),
  ownLimits: vi.fn(),
  limits: vi.fn(),
  setLimits: vi.fn(),
  removeLimits: vi.fn()
};
let changed: Signal<object, void>;
let model: QueriesModel;

function may(...actions: string[]): void {
  api.me.mockResolvedValue({ name: 'ada', roles: [], actions, mode: 'hub' });
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
  may('query.list', 'limits.own');
  api.running.mockResolvedValue([]);
  api.ownLimits.mockResolvedValue({ running: 0 });
  changed = new Signal<object, void>({});
  const events = { signal: () => changed, start: vi.fn() } as unknown as EventStream;
  model = new QueriesModel(api as unknown as QueriesApi, events, nullTranslator.load('wb_labext'));
});

afterEach(() => {
  model.dispose();
  vi.useRealTimers();
});

describe('QueriesModel', () => {
  it('fetches only the counts until the view is shown', async () => {
    await model.start();
    expect(api.ownLimits).toHaveBeenCalledTimes(1);
    expect(api.running).not.toHaveBeenCalled();
    model.watch(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(api.running).toHaveBeenCalledWith(false);
    expect(api.limits).not.toHaveBeenCalled();
  });

  it('follows the server’s events', async () => {
    changed.emit();
    expect(api.me).not.toHaveBeenCalled();
    await model.start();
    api.ownLimits.mockResolvedValueOnce({ running: 2 });
    changed.emit();
    await vi.advanceTimersByTimeAsync(0);
    expect(model.state.own?.running).toBe(2);
  });

  it('keeps fetching while a query is running and the view is shown', async () => {
    api.running.mockResolvedValue([{ id: 'q' }]);
    model.watch(true);
    await vi.advanceTimersByTimeAsync(0);
    const before = api.running.mock.calls.length;
    await vi.advanceTimersByTimeAsync(6_500);
    expect(api.running.mock.calls.length).toBe(before + 3);
    model.watch(false);
    await vi.advanceTimersByTimeAsync(2_500);
    const after = api.running.mock.calls.length;
    await vi.advanceTimersByTimeAsync(60_000);
    expect(api.running.mock.calls.length).toBe(after);
  });

  it('shows everyone’s queries only to users who may see them', async () => {
    model.watch(true);
    model.showEveryones(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(api.running).toHaveBeenLastCalledWith(false);
    may('query.list', 'query.list_any', 'limits.own', 'limits.see');
    model.showEveryones(true);
    await vi.advanceTimersByTimeAsync(0);
    expect(api.running).toHaveBeenLastCalledWith(true);
    expect(api.limits).toHaveBeenCalled();
  });

  it('marks a query as stopping until it is gone; one that had already ended is no failure', async () => {
    api.running.mockResolvedValue([{ id: 'q' }]);
    model.watch(true);
    await vi.advanceTimersByTimeAsync(0);
    await model.cancel('q');
    expect(model.state.stopping.has('q')).toBe(true);
    api.running.mockResolvedValue([]);
    await model.refresh();
    expect(model.state.stopping.size).toBe(0);
    api.cancel.mockRejectedValueOnce(new ApiError('Ended.', 'unknown_query', 404));
    await model.cancel('q');
    api.cancel.mockRejectedValueOnce(new ApiError('Not yours.', 'forbidden', 403));
    await expect(model.cancel('q')).rejects.toThrow('Not yours.');
  });
});

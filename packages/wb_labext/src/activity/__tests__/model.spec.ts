import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import type { AuditPage, AuditRow } from '../../api/types';
import { afterDay, startOfDay } from '../../ui/dates';
import type { ActivityApi } from '../api';
import { ActivityModel, PAUSE } from '../model';
import { row } from './rows';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const api = { me: vi.fn(), actions: vi.fn(), names: vi.fn(), search: vi.fn() };
let model: ActivityModel;

function page(items: AuditRow[], next_cursor: string | null = null): AuditPage {
  return { items, next_cursor };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.resetAllMocks();
  api.me.mockResolvedValue({ name: 'ada', roles: ['viewer'], actions: ['audit.own'], mode: 'hub' });
  api.names.mockResolvedValue(new Map());
  api.actions.mockResolvedValue([]);
  api.search.mockResolvedValue(page([]));
  model = new ActivityModel(api as unknown as ActivityApi, nullTranslator.load('wb_labext'));
});

afterEach(() => {
  model.dispose();
  vi.useRealTimers();
});

describe('ActivityModel', () => {
  it('shows an access once if its rows are on two pages', async () => {
    api.search.mockResolvedValueOnce(
      page([row(3, 'a', { event: 'finished', outcome: 'ok' })], 'next')
    );
    await model.refresh();
    expect(model.state).toMatchObject({ phase: 'ready', cursor: 'next' });
    api.search.mockResolvedValueOnce(page([row(2, 'a')]));
    await model.more();
    expect(api.search).toHaveBeenLastCalledWith(false, expect.objectContaining({ cursor: 'next' }));
    expect(model.state.records).toHaveLength(1);
    expect(model.state.records[0].started?.id).toBe(2);
    expect(model.state.cursor).toBeNull();
    await model.more();
    expect(api.search).toHaveBeenCalledTimes(2);
  });

  it('sends typed filters after a pause, chosen ones at once, and days as times', async () => {
    model.filter({ search: 'inv' });
    model.filter({ search: 'invoices ' });
    expect(api.search).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(PAUSE);
    expect(api.search).toHaveBeenCalledTimes(1);
    model.filter({ since: '2026-11-01', until: '2026-11-02', outcome: 'failed' });
    await vi.advanceTimersByTimeAsync(0);
    expect(api.search).toHaveBeenLastCalledWith(false, {
      search: 'invoices',
      since: startOfDay('2026-11-01'),
      until: afterDay('2026-11-02'),
      outcome: 'failed',
      limit: 100
    });
    expect(model.isFiltered).toBe(true);
    model.clear();
    expect(model.isFiltered).toBe(false);
  });

  it('drops the answer to filters that have changed', async () => {
    let answer!: (page: AuditPage) => void;
    api.search.mockReturnValueOnce(new Promise<AuditPage>(resolve => (answer = resolve)));
    const first = model.refresh();
    api.search.mockResolvedValueOnce(page([row(1, 'new')]));
    model.filter({ action: 'query.read' });
    await vi.advanceTimersByTimeAsync(0);
    answer(page([row(2, 'old')]));
    await first;
    expect(model.state.records.map(record => record.id)).toEqual(['new']);
  });

  it('fetches the statements that a filter left out of the user’s own queries', async () => {
    const end = row(5, 'a', { event: 'finished', outcome: 'failed', duration_ms: 1500 });
    api.search.mockResolvedValueOnce(
      page([
        end,
        row(4, 'b', { action: 'credential.remove', event: 'finished', outcome: 'failed' })
      ])
    );
    api.search.mockResolvedValueOnce(page([row(3, 'other'), row(2, 'a')]));
    model.filter({ outcome: 'failed' });
    await vi.advanceTimersByTimeAsync(0);
    const asked = api.search.mock.calls[1][1];
    expect(asked).toMatchObject({ event: 'started', action: 'query.read' });
    const began = new Date('2026-11-23T09:59:58.500Z');
    expect(new Date(asked.since).getTime()).toBeLessThan(began.getTime());
    expect(new Date(asked.until).getTime()).toBeGreaterThan(began.getTime());
    expect(model.state.records.map(record => record.id)).toEqual(['a', 'b']);
    expect(model.state.records[0].started?.statement).toBe('select 1');
    expect(api.search).toHaveBeenCalledTimes(2);
  });

  it('completes only the selected row in everyone’s log, because each search there is logged', async () => {
    const end = row(5, 'a', { event: 'finished', outcome: 'failed', actor: 'ben' });
    api.search.mockResolvedValueOnce(page([end]));
    model.filter({ everyones: true, outcome: 'failed' });
    await vi.advanceTimersByTimeAsync(0);
    expect(api.search).toHaveBeenCalledTimes(1);
    api.search.mockResolvedValueOnce(page([row(2, 'a', { actor: 'ben' })]));
    model.select('a');
    await vi.advanceTimersByTimeAsync(0);
    expect(api.search).toHaveBeenLastCalledWith(true, expect.objectContaining({ user: 'ben' }));
    expect(model.selected?.started?.id).toBe(2);
    model.select('a');
    expect(api.search).toHaveBeenCalledTimes(2);
  });

  it('keeps the list if a later fetch fails', async () => {
    api.search.mockRejectedValueOnce(new ApiError('Down.', 'down', 503));
    await model.refresh();
    expect(model.state).toMatchObject({ phase: 'failed', error: 'Down.' });
    api.search.mockResolvedValueOnce(page([row(1, 'a')]));
    await model.refresh();
    api.search.mockRejectedValueOnce(new ApiError('Down.', 'down', 503));
    await model.refresh();
    expect(model.state).toMatchObject({ phase: 'ready', error: 'Down.', busy: false });
    expect(model.state.records).toHaveLength(1);
  });
});

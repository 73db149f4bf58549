import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { EventStream } from '../../api/events';
import type { PipelinesApi } from '../../api/pipelines';
import { PipelinesModel } from '../model';
import { pipeline } from './samples';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const api = { me: vi.fn(), list: vi.fn(), remove: vi.fn() };
const trans = nullTranslator.load('wb_labext');
const other = pipeline({ id: 'p2', name: 'hourly', description: '', labels: ['ops'] });
let events: Signal<object, void>;
let model: PipelinesModel;

beforeEach(() => {
  vi.resetAllMocks();
  events = new Signal({});
  api.me.mockResolvedValue({ name: 'ada', roles: ['analyst'], actions: [], mode: 'hub' });
  api.list.mockResolvedValue([other, pipeline()]);
  const stream = { signal: () => events, start: vi.fn() } as unknown as EventStream;
  model = new PipelinesModel(api as unknown as PipelinesApi, stream, trans);
});

describe('PipelinesModel', () => {
  it('finds by all words in name, description, owner and labels', async () => {
    await model.start();
    const names = (search: string): string[] => {
      model.setSearch(search);
      return model.found.map(item => item.name);
    };
    expect(names('')).toEqual(['hourly', 'nightly']);
    expect(names('SALES day')).toEqual(['nightly']);
    expect(names('ada ops')).toEqual(['hourly']);
    expect(names('sales ops')).toEqual([]);
  });

  it('fetches for events while it is shown, and afterwards once it is shown again', async () => {
    model.watch(true);
    await vi.waitFor(() => expect(model.state.phase).toBe('ready'));
    const before = api.list.mock.calls.length;
    events.emit();
    await vi.waitFor(() => expect(api.list.mock.calls.length).toBeGreaterThan(before));
    model.watch(false);
    await vi.waitFor(() => expect(model.state.phase).toBe('ready'));
    await model.refresh();
    const hidden = api.list.mock.calls.length;
    events.emit();
    expect(api.list.mock.calls.length).toBe(hidden);
    model.watch(true);
    await vi.waitFor(() => expect(api.list.mock.calls.length).toBe(hidden + 1));
  });

  it('keeps the list if a fetch fails, and says why', async () => {
    await model.start();
    api.list.mockRejectedValueOnce(new Error());
    await model.refresh();
    expect(model.state.phase).toBe('ready');
    expect(model.state.error).toContain('Reload');
    expect(model.state.items).toHaveLength(2);
  });

  it('selects the neighbour of a deleted row', async () => {
    await model.start();
    model.select('p2');
    api.list.mockResolvedValue([pipeline()]);
    await model.remove('p2');
    expect(model.state.active).toBe('p1');
  });

  it('offers sharing to users who may share, and to nobody in local mode', async () => {
    await model.start();
    expect(model.mayShare(pipeline())).toBe(true);
    expect(model.mayShare(pipeline({ actions: [] }))).toBe(false);
    api.me.mockResolvedValue({ name: 'local', roles: ['admin'], actions: [], mode: 'local' });
    await model.refresh();
    expect(model.mayShare(pipeline())).toBe(false);
  });

  it('fetches no list while the user has no role', async () => {
    api.me.mockResolvedValue({ name: 'eve', roles: [], actions: [], mode: 'hub' });
    await model.start();
    expect(api.list).not.toHaveBeenCalled();
    expect(model.state.phase).toBe('ready');
  });
});

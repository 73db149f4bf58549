import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import type { EventStream } from '../../api/events';
import type { ConnectionView, Me } from '../../api/types';
import type { ConnectionsApi } from '../api';
import { ConnectionsModel } from '../model';
import type { UploadApi } from '../uploadapi';
import { keyOf } from '../tree';
import { connection } from './samples';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const api = { me: vi.fn(), connectors: vi.fn(), list: vi.fn(), schemas: vi.fn(), tables: vi.fn() };
const root = keyOf({ connection: 'c1' });
const missing = { status: 'missing', expires_at: null, updated_at: null } as const;
const entered = { status: 'ok', expires_at: null, updated_at: '2026-11-23T10:00:00Z' } as const;
let model: ConnectionsModel;

async function show(mode: Me['mode'], change: Partial<ConnectionView>): Promise<ConnectionView> {
  api.me.mockResolvedValue({ name: 'ada', roles: ['viewer'], actions: [], mode });
  api.list.mockResolvedValue([connection(change)]);
  await model.refresh();
  return model.state.items[0];
}

beforeEach(() => {
  vi.resetAllMocks();
  api.connectors.mockResolvedValue([]);
  api.schemas.mockResolvedValue([]);
  const events = { signal: () => new Signal({}), start: vi.fn() } as unknown as EventStream;
  const trans = nullTranslator.load('wb_labext');
  model = new ConnectionsModel(api as unknown as ConnectionsApi, {} as UploadApi, events, trans);
});

describe('sharing', () => {
  const actions = ['connection.share'];

  it('is offered to users who may share, and to nobody in local mode', async () => {
    expect(model.mayShare(await show('hub', { actions }))).toBe(true);
    expect(model.mayShare(await show('hub', { actions: [] }))).toBe(false);
    expect(model.mayShare(await show('local', { actions }))).toBe(false);
  });
});

describe('a personal connection', () => {
  const actions = ['connection.browse', 'credential.own'];

  it('is asked for its tables only once credentials are stored, and then automatically', async () => {
    await show('hub', { actions, credentials: 'personal', credential: missing });
    model.expand(root);
    expect(model.rows.map(row => row.type)).toEqual(['connection', 'credentials']);
    expect(api.schemas).not.toHaveBeenCalled();
    await show('hub', { actions, credentials: 'personal', credential: entered });
    expect(api.schemas).toHaveBeenCalledTimes(1);
  });

  it('is asked again once other credentials are entered, which may see other tables', async () => {
    await show('hub', { actions, credentials: 'personal', credential: entered });
    model.expand(root);
    await vi.waitFor(() => expect(model.rows.at(-1)?.type).toBe('none'));
    await show('hub', { actions, credentials: 'personal', credential: entered });
    expect(api.schemas).toHaveBeenCalledTimes(1);
    const another = { ...entered, updated_at: '2026-11-23T11:00:00Z' };
    await show('hub', { actions, credentials: 'personal', credential: another });
    expect(api.schemas).toHaveBeenCalledTimes(2);
  });
});

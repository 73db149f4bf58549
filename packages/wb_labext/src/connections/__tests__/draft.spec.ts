import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import type { ConnectionView, TestResult } from '../../api/types';
import { DraftModel } from '../draft';
import type { ConnectionsModel } from '../model';
import { CONFIG_SCHEMA, connection } from './samples';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const WORKS: TestResult = {
  ok: true,
  message: '',
  elapsed_ms: 12,
  server_version: 'X 1',
  code: null
};

const model = {
  state: {
    connectors: [
      { kind: 'postgres', title: 'P', description: '', config_schema: CONFIG_SCHEMA },
      {
        kind: 'files',
        title: 'F',
        description: '',
        config_schema: {
          type: 'object',
          required: ['folder'],
          properties: { folder: { type: 'string' } }
        }
      }
    ]
  },
  create: vi.fn(),
  update: vi.fn(),
  testDraft: vi.fn(),
  message: (error: Error) => error.message
};

function draftOf(existing: ConnectionView | null = null): DraftModel {
  const trans = nullTranslator.load('wb_labext');
  return new DraftModel(model as unknown as ConnectionsModel, trans, existing);
}

beforeEach(() => vi.resetAllMocks());

describe('a new connection', () => {
  it('is not sent before it is complete', async () => {
    const draft = draftOf();
    const places: string[] = [];
    draft.invalid.connect((_, path) => places.push(path));
    expect(await draft.submit()).toBe(false);
    expect(Object.keys(draft.state.errors).sort()).toEqual([
      'config.host',
      'config.password',
      'name'
    ]);
    expect(places).toEqual(['name']);
    expect(model.create).not.toHaveBeenCalled();
  });

  it('is sent without empty fields', async () => {
    const draft = draftOf();
    const config = { ...draft.state.config, host: 'db', password: 'p', token: '' };
    draft.setData({ name: 'warehouse', description: '', config });
    expect(await draft.submit()).toBe(true);
    const { token: _, ...sent } = config;
    expect(model.create).toHaveBeenCalledWith({
      name: 'warehouse',
      connector: 'postgres',
      description: '',
      config: sent,
      credentials: 'shared'
    });
  });

  it("shows the server's refusal at its field, or above the form", async () => {
    const draft = draftOf();
    const config = { host: 'db', password: 'p' };
    draft.setData({ name: 'warehouse', description: '', config });
    model.create.mockRejectedValueOnce(new ApiError('Taken.', 'taken', 409, { field: 'name' }));
    expect(await draft.submit()).toBe(false);
    expect(draft.state).toMatchObject({ errors: { name: 'Taken.' }, problem: null, saving: false });
    model.create.mockRejectedValueOnce(new ApiError('Down.', 'down', 503));
    expect(await draft.submit()).toBe(false);
    expect(draft.state).toMatchObject({ errors: {}, problem: 'Down.' });
  });

  it('takes an error away once its field has changed, and adds none while one types', async () => {
    const draft = draftOf();
    const config = { host: 'db', password: 'p' };
    draft.setData({ name: 'warehouse', description: '', config });
    model.create.mockRejectedValueOnce(new ApiError('Taken.', 'taken', 409, { field: 'name' }));
    await draft.submit();
    draft.setData({ name: 'warehouse', description: 'x', config: { host: '' } });
    expect(draft.state.errors).toEqual({ name: 'Taken.' });
    draft.setData({ name: 'warehouse2', description: 'x', config: { host: '' } });
    expect(draft.state.errors).toEqual({});
  });

  it('is tested without a name, and the answer goes when the settings change', async () => {
    const draft = draftOf();
    draft.setData({ name: '', description: '', config: { host: 'db', password: 'p' } });
    model.testDraft.mockResolvedValueOnce(WORKS);
    await draft.test();
    expect(draft.state.test).toEqual({ running: false, result: WORKS });
    draft.setData({ name: 'w', description: '', config: { host: 'db', password: 'p' } });
    expect(draft.state.test).not.toBeNull();
    draft.setData({ name: 'w', description: '', config: { host: 'db2', password: 'p' } });
    expect(draft.state.test).toBeNull();
  });

  it('keeps what was typed for a connector', () => {
    const draft = draftOf();
    expect(draft.isDirty()).toBe(false);
    draft.setConnector('files');
    expect(draft.isDirty()).toBe(false);
    draft.setData({ name: '', description: '', config: { folder: 'a' } });
    draft.setConnector('postgres');
    expect(draft.isDirty()).toBe(true);
    draft.setConnector('files');
    expect(draft.state.config).toEqual({ folder: 'a' });
  });
});

describe('a saved connection', () => {
  it('keeps its secrets where none is typed', async () => {
    const draft = draftOf(connection());
    expect(draft.isDirty()).toBe(false);
    const { name, config } = draft.state;
    draft.setData({ name, description: 'New', config });
    expect(draft.isDirty()).toBe(true);
    expect(await draft.submit()).toBe(true);
    const [id, body] = model.update.mock.calls[0];
    expect(id).toBe('c1');
    expect(body).toMatchObject({ description: 'New', config: { host: 'db', port: 5432 } });
    expect(body.config).not.toHaveProperty('password');
  });

  it('is tested with its stored secrets', async () => {
    const draft = draftOf(connection());
    model.testDraft.mockResolvedValueOnce(WORKS);
    await draft.test();
    expect(model.testDraft.mock.calls[0][0]).toMatchObject({ connection_id: 'c1' });
  });
});

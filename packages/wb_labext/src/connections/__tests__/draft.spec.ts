import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import type { ConnectionView, TestResult } from '../../api/types';
import { endOfDay, today } from '../../ui/dates';
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
      {
        kind: 'postgres',
        title: 'P',
        description: '',
        config_schema: CONFIG_SCHEMA,
        supports_personal: true
      },
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

  it('clears an error once its field changes, and adds none while the user types', async () => {
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

  it('is tested without a name, and the result is dropped when the settings change', async () => {
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
  it('keeps its secrets if none is typed', async () => {
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

describe('shared or personal credentials', () => {
  const config = { host: 'db', password: 'p', token: 't' };

  it('leaves credentials out if each user enters their own, and keeps what was typed', async () => {
    const draft = draftOf();
    draft.setData({ name: 'w', description: '', config });
    draft.setEnds(today(9));
    draft.setCredentials('personal');
    const fields = (draft.schema.properties?.config as { properties: object }).properties;
    expect(Object.keys(fields)).not.toContain('password');
    expect(await draft.submit()).toBe(true);
    const sent = model.create.mock.calls[0][0];
    expect(sent).toMatchObject({ credentials: 'personal', config: { host: 'db' } });
    expect(sent.config).not.toHaveProperty('password');
    expect(sent.config).not.toHaveProperty('token');
    expect(sent).not.toHaveProperty('expires_at');
    draft.setCredentials('shared');
    expect(draft.state.config).toMatchObject(config);
  });

  it('is not tested before personal credentials are stored', async () => {
    const draft = draftOf();
    draft.setCredentials('personal');
    draft.setData({ name: '', description: '', config: { host: 'db' } });
    await draft.test();
    expect(model.testDraft).not.toHaveBeenCalled();
    expect(draft.state.untestable).toContain('each user enters their own');
    const own = draftOf(connection({ credentials: 'personal' }));
    model.testDraft.mockResolvedValueOnce(WORKS);
    await own.test();
    expect(model.testDraft.mock.calls[0][0]).toMatchObject({
      credentials: 'personal',
      connection_id: 'c1'
    });
  });

  it('expires at the end of the chosen day, in this zone', async () => {
    const draft = draftOf();
    draft.setData({ name: 'w', description: '', config });
    draft.setEnds(today(-1));
    expect(await draft.submit()).toBe(false);
    expect(draft.state.errors).toHaveProperty('expires_at');
    draft.setEnds(today(9));
    expect(await draft.submit()).toBe(true);
    expect(model.create.mock.calls[0][0].expires_at).toBe(endOfDay(today(9)));
  });

  it('sends an expiry date only if it was changed, and null to remove it', async () => {
    const expires_at = '2020-01-01T00:00:00Z';
    const ended = connection({ credential: { status: 'expired', expires_at, updated_at: null } });
    const draft = draftOf(ended);
    draft.setData({ name: 'w', description: 'New', config: draft.state.config });
    expect(await draft.submit()).toBe(true);
    expect(model.update.mock.calls[0][1]).not.toHaveProperty('expires_at');
    draft.setEnds('');
    expect(await draft.submit()).toBe(true);
    expect(model.update.mock.calls[1][1]).toHaveProperty('expires_at', null);
  });

  it('says that users’ own credentials are removed', () => {
    const draft = draftOf(connection({ credentials: 'personal' }));
    expect(draft.dropsCredentials).toBe(false);
    draft.setCredentials('shared');
    expect(draft.dropsCredentials).toBe(true);
    expect(draft.isDirty()).toBe(true);
  });
});

import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import type { ConnectionView, TestResult } from '../../api/types';
import { endOfDay, today } from '../../ui/dates';
import type { ConnectionsModel } from '../model';
import { CredentialsModel } from '../credentials';
import { connection } from './samples';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const api = { putCredential: vi.fn(), removeCredential: vi.fn(), testCredential: vi.fn() };
const model = {
  api,
  refresh: vi.fn(),
  message: (error: Error) => error.message,
  connector: () => ({
    config_schema: {
      type: 'object',
      required: ['host', 'user'],
      properties: {
        host: { type: 'string' },
        user: { type: 'string', minLength: 1, login: true },
        password: { type: 'string', writeOnly: true }
      }
    }
  })
};

function modelOf(change: Partial<ConnectionView> = {}): CredentialsModel {
  return new CredentialsModel(
    model as unknown as ConnectionsModel,
    nullTranslator.load('wb_labext'),
    connection({
      credentials: 'personal',
      credential: { status: 'missing', expires_at: null, updated_at: null },
      ...change
    })
  );
}

beforeEach(() => vi.resetAllMocks());

describe('CredentialsModel', () => {
  it('asks only for the fields of credentials, and sends nothing incomplete', async () => {
    const personal = modelOf();
    const places: string[] = [];
    personal.invalid.connect((_, place) => places.push(place));
    expect(personal.fields).toEqual(['user', 'password']);
    expect(personal.isStored).toBe(false);
    expect(await personal.submit()).toBe(false);
    await personal.test();
    expect(places).toEqual(['user', 'user']);
    expect(api.putCredential).not.toHaveBeenCalled();
    expect(api.testCredential).not.toHaveBeenCalled();
  });

  it('expires at the end of the chosen day, in this zone', async () => {
    const personal = modelOf();
    const day = today(30);
    personal.setLogin({ user: 'ben', password: 'p' });
    personal.setEnds(day);
    expect(await personal.submit()).toBe(true);
    expect(api.putCredential).toHaveBeenCalledWith('c1', {
      login: { user: 'ben', password: 'p' },
      expires_at: endOfDay(day)
    });
    expect(model.refresh).toHaveBeenCalled();
  });

  it('has no expiry date unless one is chosen, and rejects a past one', async () => {
    const personal = modelOf();
    personal.setLogin({ user: 'ben' });
    personal.setEnds(today(-1));
    expect(await personal.submit()).toBe(false);
    expect(personal.state.errors.expires_at).toContain('past');
    personal.setEnds('');
    expect(await personal.submit()).toBe(true);
    expect(api.putCredential.mock.calls[0][1].expires_at).toBeNull();
  });

  it('shows the result of a test until the credentials change', async () => {
    const personal = modelOf();
    const refused: TestResult = {
      ok: false,
      message: 'Wrong.',
      elapsed_ms: 1,
      server_version: null,
      code: null
    };
    personal.setLogin({ user: 'ben', password: 'wrong' });
    api.testCredential.mockResolvedValueOnce(refused);
    await personal.test();
    expect(api.testCredential).toHaveBeenCalledWith('c1', { user: 'ben', password: 'wrong' });
    expect(personal.state.test).toEqual({ running: false, result: refused });
    personal.setLogin({ user: 'ben', password: 'right' });
    expect(personal.state.test).toBeNull();
  });

  it('shows a refusal at its field, or above the form', async () => {
    const personal = modelOf();
    personal.setLogin({ user: 'ben' });
    const field = 'login.user';
    api.putCredential.mockRejectedValueOnce(new ApiError('Too long.', 'x', 400, { field }));
    expect(await personal.submit()).toBe(false);
    expect(personal.state).toMatchObject({ errors: { user: 'Too long.' }, problem: null });
    api.putCredential.mockRejectedValueOnce(new ApiError('Down.', 'down', 503));
    expect(await personal.submit()).toBe(false);
    expect(personal.state).toMatchObject({ errors: {}, problem: 'Down.', saving: false });
  });

  it('knows what is stored, and removes it', async () => {
    const expires_at = endOfDay(today(3)) as string;
    const personal = modelOf({ credential: { status: 'expiring', expires_at, updated_at: null } });
    expect(personal.state.ends).toBe(today(3));
    expect(personal.isDirty()).toBe(false);
    expect(personal.isStored).toBe(true);
    expect(await personal.remove()).toBe(true);
    expect(api.removeCredential).toHaveBeenCalledWith('c1');
  });

  it('proposes no past day', () => {
    const expires_at = '2020-01-01T00:00:00Z';
    const personal = modelOf({ credential: { status: 'expired', expires_at, updated_at: null } });
    expect(personal.state.ends).toBe('');
  });
});

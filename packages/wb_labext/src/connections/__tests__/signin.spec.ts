import { nullTranslator } from '@jupyterlab/translation';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import type { ConnectionView, TestResult } from '../../api/types';
import { endOfDay, today } from '../../ui/dates';
import type { ConnectionsModel } from '../model';
import { SignInModel } from '../signin';
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

function signInOf(change: Partial<ConnectionView> = {}): SignInModel {
  return new SignInModel(
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

describe('SignInModel', () => {
  it('asks only for the fields of credentials, and sends nothing incomplete', async () => {
    const signIn = signInOf();
    const places: string[] = [];
    signIn.invalid.connect((_, place) => places.push(place));
    expect(signIn.fields).toEqual(['user', 'password']);
    expect(signIn.isStored).toBe(false);
    expect(await signIn.submit()).toBe(false);
    await signIn.test();
    expect(places).toEqual(['user', 'user']);
    expect(api.putCredential).not.toHaveBeenCalled();
    expect(api.testCredential).not.toHaveBeenCalled();
  });

  it('ends with the chosen day, in this zone', async () => {
    const signIn = signInOf();
    const day = today(30);
    signIn.setLogin({ user: 'ben', password: 'p' });
    signIn.setEnds(day);
    expect(await signIn.submit()).toBe(true);
    expect(api.putCredential).toHaveBeenCalledWith('c1', {
      login: { user: 'ben', password: 'p' },
      expires_at: endOfDay(day)
    });
    expect(model.refresh).toHaveBeenCalled();
  });

  it('has no end date unless one is chosen, and refuses a past one', async () => {
    const signIn = signInOf();
    signIn.setLogin({ user: 'ben' });
    signIn.setEnds(today(-1));
    expect(await signIn.submit()).toBe(false);
    expect(signIn.state.errors.expires_at).toContain('past');
    signIn.setEnds('');
    expect(await signIn.submit()).toBe(true);
    expect(api.putCredential.mock.calls[0][1].expires_at).toBeNull();
  });

  it('shows the result of a test until the credentials change', async () => {
    const signIn = signInOf();
    const refused: TestResult = {
      ok: false,
      message: 'Wrong.',
      elapsed_ms: 1,
      server_version: null,
      code: null
    };
    signIn.setLogin({ user: 'ben', password: 'wrong' });
    api.testCredential.mockResolvedValueOnce(refused);
    await signIn.test();
    expect(api.testCredential).toHaveBeenCalledWith('c1', { user: 'ben', password: 'wrong' });
    expect(signIn.state.test).toEqual({ running: false, result: refused });
    signIn.setLogin({ user: 'ben', password: 'right' });
    expect(signIn.state.test).toBeNull();
  });

  it('puts a refusal at its field, or above the form', async () => {
    const signIn = signInOf();
    signIn.setLogin({ user: 'ben' });
    const field = 'login.user';
    api.putCredential.mockRejectedValueOnce(new ApiError('Too long.', 'x', 400, { field }));
    expect(await signIn.submit()).toBe(false);
    expect(signIn.state).toMatchObject({ errors: { user: 'Too long.' }, problem: null });
    api.putCredential.mockRejectedValueOnce(new ApiError('Down.', 'down', 503));
    expect(await signIn.submit()).toBe(false);
    expect(signIn.state).toMatchObject({ errors: {}, problem: 'Down.', saving: false });
  });

  it('knows what is stored, and removes it', async () => {
    const expires_at = endOfDay(today(3)) as string;
    const signIn = signInOf({ credential: { status: 'expiring', expires_at, updated_at: null } });
    expect(signIn.state.ends).toBe(today(3));
    expect(signIn.isDirty()).toBe(false);
    expect(signIn.isStored).toBe(true);
    expect(await signIn.remove()).toBe(true);
    expect(api.removeCredential).toHaveBeenCalledWith('c1');
  });

  it('proposes no day that is past', () => {
    const expires_at = '2020-01-01T00:00:00Z';
    const signIn = signInOf({ credential: { status: 'expired', expires_at, updated_at: null } });
    expect(signIn.state.ends).toBe('');
  });
});

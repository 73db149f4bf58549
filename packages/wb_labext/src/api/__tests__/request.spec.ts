import { ServerConnection } from '@jupyterlab/services';
import { nullTranslator } from '@jupyterlab/translation';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { ApiClient, ApiError, apiPath } from '../request';

// Another file's tests may have imported it with their own stand-in.
vi.hoisted(() => vi.resetModules());
vi.mock('@jupyterlab/services', () => ({ ServerConnection: { makeRequest: vi.fn() } }));

const makeRequest = vi.mocked(ServerConnection.makeRequest);
const settings = { baseUrl: 'http://lab/user/ada/' } as ServerConnection.ISettings;
const client = new ApiClient(nullTranslator.load('wb_labext'), settings);

function answer(status: number, body: unknown): void {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  makeRequest.mockResolvedValueOnce(new Response(text, { status }));
}

async function failure(path = 'me'): Promise<ApiError> {
  const error: unknown = await client.request(path).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ApiError);
  return error as ApiError;
}

afterEach(() => makeRequest.mockReset());

describe('ApiClient', () => {
  it('makes requests below the base URL and parses the answer', async () => {
    answer(200, { items: [1] });
    const query = { schema: 'a b', table: null };
    expect(await client.request('connections', { query })).toEqual({ items: [1] });
    expect(makeRequest.mock.calls[0][0]).toBe(
      'http://lab/user/ada/workbench/api/v1/connections?schema=a+b'
    );
    expect(makeRequest.mock.calls[0][1]).toEqual({ method: 'GET' });
  });

  it('sends a body as JSON', async () => {
    answer(201, {});
    await client.request('connections', { method: 'POST', body: { name: 'x' } });
    expect(makeRequest.mock.calls[0][1]).toEqual({
      method: 'POST',
      body: '{"name":"x"}',
      headers: { 'Content-Type': 'application/json' }
    });
  });

  it('passes on the API’s error', async () => {
    answer(409, { error: { code: 'name_taken', message: 'Taken.', details: { field: 'name' } } });
    const error = await failure();
    expect(error).toMatchObject({
      status: 409,
      code: 'name_taken',
      message: 'Taken.',
      details: { field: 'name' }
    });
  });

  it.each([
    [401, 'not_signed_in'],
    [403, 'not_signed_in'],
    [404, 'not_installed'],
    [502, 'unavailable'],
    [504, 'unavailable'],
    [418, 'internal']
  ])('has a message for status %i from something other than the API', async (status, code) => {
    answer(status, '<html>no</html>');
    const error = await failure();
    expect(error).toMatchObject({ status, code });
    expect(error.message).not.toContain('html');
  });

  it('reports that the network is down', async () => {
    makeRequest.mockRejectedValueOnce(new TypeError('Failed to fetch'));
    expect(await failure()).toMatchObject({ status: 0, code: 'unreachable' });
  });

  it('reports a successful answer that is not JSON', async () => {
    answer(200, '<html>a sign-in page</html>');
    expect(await failure()).toMatchObject({ status: 200, code: 'bad_answer' });
  });
});

describe('apiPath', () => {
  it('escapes its parts', () => {
    expect(apiPath('connections', 'a/b?c', 'test')).toBe('connections/a%2Fb%3Fc/test');
  });
});

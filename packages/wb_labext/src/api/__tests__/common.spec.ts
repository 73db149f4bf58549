import { describe, expect, it, vi } from 'vitest';

import { OwnedApi } from '../common';
import type { ApiClient } from '../request';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const request = vi.fn();
const api = new OwnedApi({ request } as unknown as ApiClient, 'things');

describe('OwnedApi', () => {
  it('lists what is below its kind', async () => {
    request.mockResolvedValueOnce({ items: [{ id: 'a' }] });
    expect(await api.list()).toEqual([{ id: 'a' }]);
    expect(request).toHaveBeenLastCalledWith('things', { query: undefined });
  });

  it.each([
    ['get', () => api.get('a/b'), 'things/a%2Fb', undefined],
    ['remove', () => api.remove('a'), 'things/a', { method: 'DELETE' }],
    ['restore', () => api.restore('a'), 'things/a/restore', { method: 'POST', body: {} }],
    [
      'unshare',
      () => api.unshare('a', { kind: 'group', name: 'x y' }),
      'things/a/shares/group/x%20y',
      { method: 'DELETE' }
    ],
    [
      'transfer',
      () => api.transfer('a', { kind: 'team', name: 't' }),
      'things/a/owner',
      { method: 'POST', body: { kind: 'team', name: 't' } }
    ]
  ] as const)('requests to %s', async (_, call, path, options) => {
    request.mockResolvedValueOnce({});
    await call();
    expect(request).toHaveBeenLastCalledWith(...(options ? [path, options] : [path]));
  });

  it('names connections by their ids', async () => {
    request.mockResolvedValueOnce({ items: [{ id: 'c1', name: 'sample', more: 1 }] });
    expect(await api.connectionNames()).toEqual(new Map([['c1', 'sample']]));
  });
});

import { nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { beforeEach, describe, expect, it, vi } from 'vitest';

import { ApiError } from '../../api/request';
import type { Access, Share } from '../../api/types';
import { SharingModel } from '../model';

vi.mock('@jupyterlab/services', () => ({ ServerConnection: {} }));

const trans = nullTranslator.load('wb_labext');
const FINANCE: Share = { kind: 'group', name: 'finance', level: 'use' };

function access(...shares: Share[]): Access {
  return { owner: { kind: 'user', name: 'ada' }, shares, people: [] };
}

const api = {
  access: vi.fn(),
  share: vi.fn(),
  unshare: vi.fn(),
  transfer: vi.fn(),
  people: vi.fn()
};
let changed: Signal<object, void>;
let connections: object[];
let sharing: SharingModel;

beforeEach(async () => {
  vi.resetAllMocks();
  connections = [];
  changed = new Signal<object, void>({});
  const host = {
    api,
    changed,
    things: () => connections,
    me: () => 'ada'
  };
  const thing = { kind: 'connection', id: 'c1', name: 'warehouse', mayTransfer: true } as const;
  sharing = new SharingModel(host, thing, trans);
  api.access.mockResolvedValueOnce(access(FINANCE));
  await sharing.refresh();
});

describe('SharingModel', () => {
  it('begins with the lowest level of the kind of thing', () => {
    const host = { api, changed, things: () => [], me: () => 'ada' };
    const thing = { kind: 'pipeline', id: 'p1', name: 'nightly', mayTransfer: false } as const;
    const pipeline = new SharingModel(host, thing, trans);
    expect(pipeline.state.level).toBe('view');
    expect(pipeline.levels).toEqual(['view', 'run', 'edit', 'manage']);
    expect(sharing.state.level).toBe('use');
  });

  it('shares with the chosen level at once', async () => {
    sharing.setLevel('write');
    api.share.mockResolvedValueOnce(access(FINANCE, { kind: 'user', name: 'ben', level: 'write' }));
    expect(await sharing.share({ kind: 'user', name: 'ben' })).toBe(true);
    expect(api.share).toHaveBeenCalledWith('c1', { kind: 'user', name: 'ben', level: 'write' });
    expect(sharing.state.access?.shares).toHaveLength(2);
  });

  it('keeps the list if a change is refused, and says why until the next change', async () => {
    api.share.mockRejectedValueOnce(new ApiError('You hold “use” yourself.', 'forbidden', 403));
    expect(await sharing.share({ kind: 'user', name: 'ben' })).toBe(false);
    expect(sharing.state).toMatchObject({ problem: 'You hold “use” yourself.', busy: false });
    expect(sharing.state.access?.shares).toEqual([FINANCE]);
    // Others' changes in between don't remove the message.
    api.access.mockResolvedValueOnce(access());
    await sharing.refresh();
    expect(sharing.state.problem).toBe('You hold “use” yourself.');
    api.share.mockResolvedValueOnce(access(FINANCE));
    await sharing.share({ kind: 'user', name: 'ben' });
    expect(sharing.state.problem).toBeNull();
  });

  it('offers only users and groups that it can be shared with', async () => {
    api.people.mockResolvedValueOnce({
      items: [
        { kind: 'group', name: 'finance' },
        { kind: 'group', name: 'ada' },
        { kind: 'user', name: 'ada' },
        { kind: 'user', name: 'finance' }
      ],
      more: true
    });
    expect(await sharing.searchPeople('a')).toEqual({
      items: [
        { kind: 'group', name: 'ada' },
        { kind: 'user', name: 'finance' }
      ],
      more: true
    });
  });

  it('transfers the connection to a group as a team', async () => {
    sharing.askOwner(true);
    api.transfer.mockResolvedValueOnce(access());
    expect(await sharing.transfer({ kind: 'group', name: 'finance' })).toBe(true);
    expect(api.transfer).toHaveBeenCalledWith('c1', { kind: 'team', name: 'finance' });
    expect(sharing.state.transferring).toBe(false);
    await sharing.transferBack({ kind: 'user', name: 'ada' }, FINANCE);
    expect(api.transfer).toHaveBeenLastCalledWith('c1', { kind: 'user', name: 'ada' });
    expect(api.share).toHaveBeenCalledWith('c1', FINANCE);
  });

  it('follows others’ changes, but not each keystroke in the panel', async () => {
    changed.emit();
    expect(api.access).toHaveBeenCalledTimes(1);
    connections = [{}];
    api.access.mockResolvedValueOnce(access());
    changed.emit();
    await vi.waitFor(() => expect(sharing.state.access?.shares).toEqual([]));
  });

  it('lets a change override a fetch in progress', async () => {
    let answer!: (access: Access) => void;
    api.access.mockReturnValueOnce(new Promise<Access>(resolve => (answer = resolve)));
    const loading = sharing.refresh();
    api.unshare.mockResolvedValueOnce(access());
    await sharing.unshare(FINANCE);
    answer(access(FINANCE));
    await loading;
    expect(sharing.state.access?.shares).toEqual([]);
  });
});

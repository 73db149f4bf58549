import { nullTranslator } from '@jupyterlab/translation';
import { describe, expect, it } from 'vitest';

import type { CredentialState } from '../../api/types';
import { heldWords, ownerWords, reasonWords } from '../../sharing/words';
import { credentialMark, needsCredentials, shortType } from '../words';
import { connection } from './samples';

const trans = nullTranslator.load('wb_labext');
const now = new Date(2026, 10, 23, 15, 0);

function credential(change: Partial<CredentialState>): CredentialState {
  return { status: 'ok', expires_at: null, updated_at: null, ...change };
}

describe('why a user has access', () => {
  it.each([
    [{ kind: 'owner', name: 'ada', level: 'manage' }, ''],
    [{ kind: 'team', name: 'finance', level: 'manage' }, ''],
    [{ kind: 'group', name: 'finance', level: 'use' }, 'shared by group finance · use'],
    [{ kind: 'group', name: 'viewer', level: 'use' }, 'shared with everyone · use'],
    [{ kind: 'user', name: 'ben', level: 'write' }, 'shared with you · write'],
    [{ kind: 'admin', name: 'admin', level: 'manage' }, 'as administrator · manage']
  ] as const)('%j reads “%s”', (reason, words) => {
    expect(heldWords(connection({ reasons: [reason] }), trans)).toBe(words);
  });

  it('is shown for each of another user’s reasons', () => {
    const words = (kind: 'owner' | 'team' | 'admin' | 'user' | 'group', name: string): string =>
      reasonWords({ kind, name, level: 'use' }, trans);
    expect([
      words('owner', 'ada'),
      words('team', 'finance'),
      words('admin', 'admin'),
      words('user', 'ben'),
      words('group', 'finance'),
      words('group', 'viewer')
    ]).toEqual([
      'owner',
      'member of team finance',
      'administrator',
      'direct share',
      'member of group finance',
      'shared with everyone'
    ]);
  });

  it('names the owner', () => {
    expect(ownerWords({ kind: 'user', name: 'ada' }, trans)).toBe('ada');
    expect(ownerWords({ kind: 'team', name: 'finance' }, trans)).toBe('team finance');
    expect(ownerWords({ kind: 'team', name: 'viewer' }, trans)).toBe('everyone');
  });
});

describe('the mark of credentials', () => {
  it.each([
    [{ status: 'missing' }, 'credentials missing'],
    [{ status: 'expired', expires_at: '2026-11-01T00:00:00Z' }, 'credentials expired'],
    [
      { status: 'expiring', expires_at: new Date(2026, 10, 28, 23, 59, 59).toISOString() },
      'credentials expire in 5 days'
    ],
    [
      { status: 'expiring', expires_at: new Date(2026, 10, 24, 0, 0, 1).toISOString() },
      'credentials expire in 1 day'
    ],
    [
      { status: 'expiring', expires_at: new Date(2026, 10, 23, 23, 59, 59).toISOString() },
      'credentials expire today'
    ]
  ] as const)('of %j is “%s”', (state, words) => {
    expect(credentialMark(credential(state), 'personal', trans, now)?.short).toBe(words);
  });

  it('is absent if there is nothing to report', () => {
    expect(credentialMark(credential({}), 'shared', trans, now)).toBeNull();
  });

  it('says who has to act when they have expired', () => {
    const ended = credential({ status: 'expired', expires_at: '2026-11-01T00:00:00Z' });
    expect(credentialMark(ended, 'personal', trans, now)?.long).toContain('Enter new ones');
    expect(credentialMark(ended, 'shared', trans, now)?.long).toContain('Ask someone who manages');
  });
});

describe('needsCredentials', () => {
  const actions = ['connection.browse', 'credential.own'];

  it('asks for missing or expired personal credentials', () => {
    for (const status of ['missing', 'expired'] as const) {
      const own = connection({
        credentials: 'personal',
        credential: credential({ status }),
        actions
      });
      expect(needsCredentials(own)).toBe(true);
    }
  });

  it('asks for nothing that the user cannot enter, or has stored', () => {
    const missing = credential({ status: 'missing' });
    expect(
      needsCredentials(connection({ credentials: 'personal', credential: missing, actions: [] }))
    ).toBe(false);
    const ended = credential({ status: 'expired' });
    expect(
      needsCredentials(connection({ credentials: 'shared', credential: ended, actions }))
    ).toBe(false);
    const ending = credential({ status: 'expiring' });
    expect(
      needsCredentials(connection({ credentials: 'personal', credential: ending, actions }))
    ).toBe(false);
  });
});

it.each([
  ['timestamp with time zone', 'timestamptz'],
  ['timestamp(3) without time zone[]', 'timestamp(3)[]'],
  ['TIMESTAMP WITH TIME ZONE', 'TIMESTAMPTZ'],
  ['time with time zone', 'timetz'],
  ['character varying(20)', 'varchar(20)'],
  ['character(3)', 'char(3)'],
  ['numeric(12,2)', 'numeric(12,2)']
])('shortens the type %s', (long, short) => {
  expect(shortType(long)).toBe(short);
});

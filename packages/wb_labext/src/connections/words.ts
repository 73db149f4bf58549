/** What the panel and its dialogs say about owners, levels, reasons and sign-ins. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type {
  ConnectionView,
  CredentialMode,
  CredentialState,
  Level,
  Owner,
  Reason
} from '../api/types';
import { daysUntil } from '../ui/dates';

export const LEVELS: readonly Level[] = ['use', 'write', 'manage'];

/** Viewers are everyone who has a role: roles include the ones before them. */
const EVERYONE = 'viewer';

export function levelName(level: Level, trans: TranslationBundle): string {
  switch (level) {
    case 'use':
      return trans.__('use');
    case 'write':
      return trans.__('write');
    case 'manage':
      return trans.__('manage');
  }
}

export function levelHelp(level: Level, trans: TranslationBundle): string {
  switch (level) {
    case 'use':
      return trans.__('read data');
    case 'write':
      return trans.__('also change data, where the connector can');
    case 'manage':
      return trans.__('also edit, share and delete it');
  }
}

/** Roles are groups that everybody's rights come from. */
export function isRole(group: string): boolean {
  return ['viewer', 'analyst', 'engineer', 'admin'].includes(group);
}

/** Whose it is. A role owns what all who hold it, or a higher one, share: viewers are everyone. */
export function ownerWords(owner: Owner, trans: TranslationBundle): string {
  if (owner.kind === 'user') {
    return owner.name;
  }
  return owner.name === EVERYONE ? trans.__('everyone') : trans.__('team %1', owner.name);
}

/** Why somebody holds a level, as one says it of them. */
export function reasonWords(reason: Reason, trans: TranslationBundle): string {
  switch (reason.kind) {
    case 'owner':
      return trans.__('owner');
    case 'team':
      return reason.name === EVERYONE
        ? trans.__('belongs to everyone')
        : trans.__('by team %1', reason.name);
    case 'admin':
      return trans.__('administrator');
    case 'user':
      return trans.__('shared with them');
    case 'group':
      return reason.name === EVERYONE
        ? trans.__('shared with everyone')
        : trans.__('by group %1', reason.name);
  }
}

/** How one has a connection oneself; empty for an owner, whom the row names anyway. */
export function heldWords(connection: ConnectionView, trans: TranslationBundle): string {
  const reason = connection.reasons[0] as Reason | undefined;
  if (!reason || reason.kind === 'owner' || reason.kind === 'team') {
    return '';
  }
  const level = levelName(reason.level, trans);
  switch (reason.kind) {
    case 'admin':
      return trans.__('as administrator · %1', level);
    case 'user':
      return trans.__('shared with you · %1', level);
    case 'group':
      return reason.name === EVERYONE
        ? trans.__('shared with everyone · %1', level)
        : trans.__('shared by group %1 · %2', reason.name, level);
  }
}

/** How a sign-in stands where that is worth a word, and how bad it is. */
export interface Mark {
  kind: 'warning' | 'error';
  short: string;
  long: string;
}

/**
 * What to say of a connection's sign-in; null where all is well.
 *
 * @param now - for tests
 */
export function credentialMark(
  credential: CredentialState,
  mode: CredentialMode,
  trans: TranslationBundle,
  now: Date = new Date()
): Mark | null {
  const ends = credential.expires_at ? new Date(credential.expires_at) : null;
  const own = mode === 'personal';
  switch (credential.status) {
    case 'missing':
      return {
        kind: 'warning',
        short: trans.__('sign-in missing'),
        long: trans.__('Each user signs in on their own here, and you have not entered yours yet.')
      };
    case 'expired':
      return {
        kind: 'error',
        short: trans.__('sign-in expired'),
        long: ends
          ? own
            ? trans.__('Your sign-in ended on %1. Enter a new one.', ends.toLocaleDateString())
            : trans.__(
                'The sign-in ended on %1. Who manages the connection has to enter a new one.',
                ends.toLocaleDateString()
              )
          : trans.__('The sign-in has ended.')
      };
    case 'expiring':
      return {
        kind: 'warning',
        short: ends ? endsIn(daysUntil(ends, now), trans) : trans.__('sign-in ends soon'),
        long: ends ? trans.__('The sign-in ends on %1.', ends.toLocaleString()) : ''
      };
    case 'ok':
      return null;
  }
}

function endsIn(days: number, trans: TranslationBundle): string {
  return days <= 0
    ? trans.__('sign-in ends today')
    : trans._n('sign-in ends in %1 day', 'sign-in ends in %1 days', days);
}

/** Whether one has to enter one's own sign-in before the connection can be used. */
export function needsSignIn(connection: ConnectionView): boolean {
  return (
    connection.credentials === 'personal' &&
    (connection.credential.status === 'missing' || connection.credential.status === 'expired') &&
    connection.actions.includes('credential.own')
  );
}

/** The texts of the panel and its dialogs about credentials. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { ConnectionView, CredentialMode, CredentialState } from '../api/types';
import { daysUntil } from '../ui/dates';

/** A noteworthy status of credentials, and its severity. */
export interface Mark {
  kind: 'warning' | 'error';
  short: string;
  long: string;
}

/**
 * The noteworthy status of a connection's credentials; null if there is none.
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
        short: trans.__('credentials missing'),
        long: trans.__(
          'This connection needs personal credentials, and you have not entered yours yet.'
        )
      };
    case 'expired':
      return {
        kind: 'error',
        short: trans.__('credentials expired'),
        long: ends
          ? own
            ? trans.__('Your credentials expired on %1. Enter new ones.', ends.toLocaleDateString())
            : trans.__(
                'The credentials expired on %1. Ask someone who manages the connection to enter new ones.',
                ends.toLocaleDateString()
              )
          : trans.__('The credentials have expired.')
      };
    case 'expiring':
      return {
        kind: 'warning',
        short: ends ? endsIn(daysUntil(ends, now), trans) : trans.__('credentials expire soon'),
        long: ends ? trans.__('The credentials expire on %1.', ends.toLocaleString()) : ''
      };
    case 'ok':
      return null;
  }
}

function endsIn(days: number, trans: TranslationBundle): string {
  return days <= 0
    ? trans.__('credentials expire today')
    : trans._n('credentials expire in %1 day', 'credentials expire in %1 days', days);
}

/** Whether the user must enter personal credentials before they can use the connection. */
export function needsCredentials(connection: ConnectionView): boolean {
  return (
    connection.credentials === 'personal' &&
    (connection.credential.status === 'missing' || connection.credential.status === 'expired') &&
    connection.actions.includes('credential.own')
  );
}

/** A column's type by its short name, where PostgreSQL spells it out: `timestamptz`, `varchar(20)`. */
export function shortType(type: string): string {
  return type
    .replace(/^TIMESTAMP WITH TIME ZONE/, 'TIMESTAMPTZ')
    .replace(/^(time(?:stamp)?)(\(\d\))? with time zone/, '$1tz$2')
    .replace(/^(time(?:stamp)?)(\(\d\))? without time zone/, '$1$2')
    .replace(/^character varying/, 'varchar')
    .replace(/^character\b/, 'char');
}

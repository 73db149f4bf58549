/** What the panel and its dialogs say about sign-ins. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { ConnectionView, CredentialMode, CredentialState } from '../api/types';
import { daysUntil } from '../ui/dates';

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
        long: trans.__(
          'This connection needs a personal sign-in, and you have not entered yours yet.'
        )
      };
    case 'expired':
      return {
        kind: 'error',
        short: trans.__('sign-in expired'),
        long: ends
          ? own
            ? trans.__('Your sign-in expired on %1. Enter a new one.', ends.toLocaleDateString())
            : trans.__(
                'The sign-in expired on %1. Ask someone who manages the connection to enter a new one.',
                ends.toLocaleDateString()
              )
          : trans.__('The sign-in has expired.')
      };
    case 'expiring':
      return {
        kind: 'warning',
        short: ends ? endsIn(daysUntil(ends, now), trans) : trans.__('sign-in expires soon'),
        long: ends ? trans.__('The sign-in expires on %1.', ends.toLocaleString()) : ''
      };
    case 'ok':
      return null;
  }
}

function endsIn(days: number, trans: TranslationBundle): string {
  return days <= 0
    ? trans.__('sign-in expires today')
    : trans._n('sign-in expires in %1 day', 'sign-in expires in %1 days', days);
}

/** Whether the user must enter a personal sign-in before they can use the connection. */
export function needsSignIn(connection: ConnectionView): boolean {
  return (
    connection.credentials === 'personal' &&
    (connection.credential.status === 'missing' || connection.credential.status === 'expired') &&
    connection.actions.includes('credential.own')
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { CredentialMode } from '../api/types';
import { RadioCards } from '../ui/radiocards';
import { useModelState } from '../ui/signal';
import type { DraftModel } from './draft';

/** The choice between shared credentials and each user's own. */
export function CredentialsChoice(props: {
  draft: DraftModel;
  trans: TranslationBundle;
}): JSX.Element {
  const { draft, trans } = props;
  const { credentials, saving } = useModelState(draft);
  return (
    <RadioCards<CredentialMode>
      name="credentials"
      legend={trans.__('Credentials')}
      options={[
        {
          value: 'shared',
          title: trans.__('Shared'),
          help: trans.__('Everyone who uses the connection uses the credentials entered here.')
        },
        {
          value: 'personal',
          title: trans.__('Personal'),
          help: trans.__('Each user enters their own credentials before using the connection.')
        }
      ]}
      value={credentials}
      disabled={saving}
      onChange={mode => draft.setCredentials(mode)}
    >
      {draft.dropsCredentials && (
        <div className="wb-Banner wb-mod-question" role="status">
          {trans.__('Saving removes the personal credentials that users have entered.')}
        </div>
      )}
    </RadioCards>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { CredentialMode } from '../api/types';
import { useModelState } from '../ui/signal';
import type { DraftModel } from './draft';

/** Whose sign-in a connection uses: one for all, or each user's own. */
export function SignInChoice(props: { draft: DraftModel; trans: TranslationBundle }): JSX.Element {
  const { draft, trans } = props;
  const state = useModelState(draft);
  const choices: { mode: CredentialMode; title: string; help: string }[] = [
    {
      mode: 'shared',
      title: trans.__('Shared'),
      help: trans.__('Everyone who uses the connection signs in with the credentials entered here.')
    },
    {
      mode: 'personal',
      title: trans.__('Personal'),
      help: trans.__('Each user enters their own credentials before using the connection.')
    }
  ];
  return (
    <fieldset className="wb-Connectors" disabled={state.saving}>
      <legend className="wb-Field-label">{trans.__('Sign-in')}</legend>
      <div className="wb-Connectors-cards">
        {choices.map(({ mode, title, help }) => (
          <label
            key={mode}
            className={`wb-Connector${mode === state.credentials ? ' wb-mod-chosen' : ''}`}
          >
            <input
              type="radio"
              name="wb-credentials"
              value={mode}
              aria-label={title}
              checked={mode === state.credentials}
              onChange={() => draft.setCredentials(mode)}
              data-testid={`wb-credentials-${mode}`}
            />
            <span className="wb-Connector-words">
              <span className="wb-Connector-title">{title}</span>
              <span className="wb-Field-help">{help}</span>
            </span>
          </label>
        ))}
      </div>
      {draft.dropsSignIns && (
        <div className="wb-Banner wb-mod-question" role="status">
          {trans.__('Saving removes the personal sign-ins that users have entered.')}
        </div>
      )}
    </fieldset>
  );
}

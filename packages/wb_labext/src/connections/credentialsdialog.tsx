import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { notify } from '../ui/notify';
import type { ConnectionView } from '../api/types';
import { focusWhenThere } from '../ui/focus';
import { SchemaForm, fieldId } from '../ui/form';
import { openForm } from '../ui/formdialog';
import { FormFrame, Question } from '../ui/formparts';
import { useModelState } from '../ui/signal';
import { Mark } from '../ui/states';
import { ENDS } from './credentialform';
import type { ConnectionsModel } from './model';
import { CredentialsModel } from './credentials';
import { EndsField, TestAnswer } from './testanswer';
import { credentialMark } from './words';

const ENDS_ID = 'wb-credentials-ends';

/** Opens the dialog for the user's own credentials of a personal connection. */
export async function openCredentialsDialog(
  model: ConnectionsModel,
  trans: TranslationBundle,
  connection: ConnectionView
): Promise<void> {
  const personal = new CredentialsModel(model, trans, connection);
  const removing = {
    name: 'remove',
    label: trans.__('Remove'),
    press: () => personal.ask('remove')
  };
  await openForm({
    form: personal,
    title: trans.__('My credentials for “%1”', connection.name),
    submitLabel: trans.__('Save'),
    others: [
      ...(personal.isStored ? [removing] : []),
      { name: 'test', label: trans.__('Test'), press: () => void personal.test() }
    ],
    render: discard => <PersonalForm personal={personal} trans={trans} onDiscard={discard} />,
    idOf: name => (name === ENDS ? ENDS_ID : fieldId(name)),
    trans
  });
}

function PersonalForm(props: {
  personal: CredentialsModel;
  trans: TranslationBundle;
  onDiscard: () => void;
}): JSX.Element {
  const { personal, trans, onDiscard } = props;
  const state = useModelState(personal);
  React.useEffect(() => focusWhenThere(fieldId(personal.fields[0])), [personal]);
  const remove = async (): Promise<void> => {
    if (await personal.remove()) {
      onDiscard();
      const text = trans.__('Your credentials for “%1” were removed.', personal.connection.name);
      notify(trans, 'info', text, { autoClose: 4_000 });
    }
  };
  return (
    <FormFrame
      form={personal}
      busy={trans.__('Saving…')}
      onDiscard={onDiscard}
      answer={<TestAnswer form={personal} trans={trans} />}
      question={
        state.asking === 'remove' && (
          <Question
            text={trans.__('Remove your credentials? This cannot be undone.')}
            keep={trans.__('Keep them')}
            keepRun={() => personal.ask(null)}
            go={trans.__('Remove')}
            goRun={() => void remove()}
            testId="wb-credentials-remove"
          />
        )
      }
      trans={trans}
    >
      <p className="wb-Credentials-about">
        {trans.__(
          'Your queries on this connection use these credentials. They are stored encrypted, only you can use them, and they are never shown again.'
        )}
      </p>
      <StoredWords connection={personal.connection} trans={trans} />
      <SchemaForm
        schema={personal.schema}
        uiSchema={personal.uiSchema}
        data={state.login}
        errors={state.errors}
        disabled={state.saving}
        onChange={login => personal.setLogin(login)}
      />
      <EndsField
        form={personal}
        id={ENDS_ID}
        help={trans.__('Optional. Set it if the password expires: you are warned 14 days before.')}
        trans={trans}
      />
    </FormFrame>
  );
}

/** When credentials were saved, and their status. */
function StoredWords(props: {
  connection: ConnectionView;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { connection, trans } = props;
  const { credential } = connection;
  if (credential.status === 'missing') {
    return null;
  }
  const mark = credentialMark(credential, connection.credentials, trans);
  const since = credential.updated_at ? new Date(credential.updated_at) : null;
  return (
    <p className="wb-Credentials-stored" data-testid="wb-credentials-stored">
      {mark && <Mark kind={mark.kind} />}
      <span>
        {since && trans.__('You saved credentials on %1.', since.toLocaleString())}{' '}
        {mark ? mark.long : trans.__('Saving new ones replaces them.')}
      </span>
    </p>
  );
}

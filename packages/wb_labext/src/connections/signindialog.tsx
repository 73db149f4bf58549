import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { ConnectionView } from '../api/types';
import { DateField } from '../ui/datefield';
import { SchemaForm, fieldId } from '../ui/form';
import { FormDialog } from '../ui/formdialog';
import { focusWhenThere } from '../ui/focus';
import { Busy, Question } from '../ui/formparts';
import { useModelState } from '../ui/signal';
import { Mark } from '../ui/states';
import { TestAnswer } from './testanswer';
import type { ConnectionsModel } from './model';
import { ENDS, SignInModel } from './signin';
import { credentialMark } from './words';

const ENDS_ID = 'wb-signin-ends';

/** Opens the dialogue for one's own sign-in of a personal connection. */
export async function openSignInDialog(
  model: ConnectionsModel,
  trans: TranslationBundle,
  connection: ConnectionView
): Promise<void> {
  const signIn = new SignInModel(model, trans, connection);
  const body = ReactWidget.create(
    <SignInForm
      signIn={signIn}
      trans={trans}
      onDiscard={() => dialog.discard()}
      onRemove={() => void remove()}
    />
  );
  body.addClass('wb-FormBody');
  const dialog = new FormDialog({
    title: trans.__('My sign-in for “%1”', connection.name),
    body,
    cancelLabel: trans.__('Cancel'),
    submitLabel: trans.__('Save'),
    others: [
      ...(signIn.isStored ? [{ name: 'remove', label: trans.__('Remove') }] : []),
      { name: 'test', label: trans.__('Test') }
    ],
    hooks: {
      submit: () => signIn.submit(),
      press: name => (name === 'test' ? void signIn.test() : signIn.ask('remove')),
      isDirty: () => signIn.isDirty(),
      askDiscard: () => signIn.ask(signIn.state.asking ? null : 'discard')
    }
  });
  const remove = async (): Promise<void> => {
    if (await signIn.remove()) {
      dialog.discard();
      Notification.info(trans.__('Your sign-in for “%1” was removed.', connection.name), {
        autoClose: 4_000
      });
    }
  };
  signIn.changed.connect(() => {
    const { test, saving } = signIn.state;
    // Never the button that was pressed: a disabled button loses the focus.
    dialog.setDisabled(
      saving ? ['test', 'remove', 'cancel'] : test?.running ? ['submit', 'remove'] : []
    );
  });
  signIn.invalid.connect((_, name) => {
    requestAnimationFrame(() => {
      document.getElementById(name === ENDS ? ENDS_ID : fieldId(name))?.focus();
    });
  });
  await dialog.launch();
}

function SignInForm(props: {
  signIn: SignInModel;
  trans: TranslationBundle;
  onDiscard: () => void;
  onRemove: () => void;
}): JSX.Element {
  const { signIn, trans } = props;
  const state = useModelState(signIn);
  React.useEffect(() => focusWhenThere(fieldId(signIn.fields[0])), [signIn]);
  return (
    <>
      {state.problem && (
        <div className="wb-Banner wb-mod-failed" role="alert" data-testid="wb-form-problem">
          {state.problem}
        </div>
      )}
      <div className="wb-Dialog-scroll">
        <p className="wb-SignIn-about">
          {trans.__(
            'Your queries on this connection sign in with it. It is stored encrypted, nobody else can use it, and it is never shown again.'
          )}
        </p>
        <StoredWords connection={signIn.connection} trans={trans} />
        <SchemaForm
          schema={signIn.schema}
          uiSchema={signIn.uiSchema}
          data={state.login}
          errors={state.errors}
          disabled={state.saving}
          onChange={login => signIn.setLogin(login)}
        />
        <DateField
          id={ENDS_ID}
          label={trans.__('Sign-in ends on')}
          help={trans.__(
            'If the password ends by itself: you are warned 14 days before. Optional.'
          )}
          value={state.ends}
          error={state.errors[ENDS]}
          disabled={state.saving}
          onChange={ends => signIn.setEnds(ends)}
          trans={trans}
          testId="wb-signin-ends"
        />
      </div>
      <div className="wb-FormBody-answer" aria-live="polite">
        {state.saving && <Busy text={trans.__('Saving…')} />}
        {state.test?.running && <Busy text={trans.__('Testing…')} testId="wb-test-running" />}
        {state.test && !state.test.running && (
          <TestAnswer result={state.test.result} trans={trans} />
        )}
      </div>
      {state.asking === 'discard' && (
        <Question
          text={trans.__('Discard what you typed?')}
          keep={trans.__('Keep editing')}
          keepRun={() => signIn.ask(null)}
          go={trans.__('Discard')}
          goRun={props.onDiscard}
          testId="wb-form-discard"
        />
      )}
      {state.asking === 'remove' && (
        <Question
          text={trans.__('Remove your sign-in? It can’t be brought back.')}
          keep={trans.__('Keep it')}
          keepRun={() => signIn.ask(null)}
          go={trans.__('Remove')}
          goRun={props.onRemove}
          testId="wb-signin-remove"
        />
      )}
    </>
  );
}

/** Whether there is one already, and how it stands. */
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
    <p className="wb-SignIn-stored" data-testid="wb-signin-stored">
      {mark && <Mark kind={mark.kind} />}
      <span>
        {since && trans.__('You entered one on %1.', since.toLocaleString())}{' '}
        {mark ? mark.long : trans.__('A new one takes its place.')}
      </span>
    </p>
  );
}

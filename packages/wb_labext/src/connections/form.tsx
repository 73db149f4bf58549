import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { ConnectionView, ConnectorInfo } from '../api/types';
import { SchemaForm, fieldId } from '../ui/form';
import { FormDialog } from '../ui/formdialog';
import { focusWhenThere } from '../ui/focus';
import { Busy, Question } from '../ui/formparts';
import { useModelState } from '../ui/signal';
import { DraftModel, ENDS } from './draft';
import type { ConnectionsModel } from './model';
import { ENDS_ID, SignInChoice, SignInEnds } from './signinchoice';
import { TestAnswer } from './testanswer';

/**
 * Opens the dialog that adds a connection, or edits one.
 *
 * @returns what was saved; null if nothing was
 */
export async function openConnectionDialog(
  model: ConnectionsModel,
  trans: TranslationBundle,
  connection: ConnectionView | null = null
): Promise<ConnectionView | null> {
  const draft = new DraftModel(model, trans, connection);
  const body = ReactWidget.create(
    <ConnectionForm draft={draft} trans={trans} onDiscard={() => dialog.discard()} />
  );
  body.addClass('wb-FormBody');
  const dialog = new FormDialog({
    title: connection
      ? trans.__('Edit connection “%1”', connection.name)
      : trans.__('Add connection'),
    body,
    cancelLabel: trans.__('Cancel'),
    submitLabel: connection ? trans.__('Save') : trans.__('Add'),
    others: [{ name: 'test', label: trans.__('Test') }],
    hooks: {
      submit: () => draft.submit(),
      press: () => void draft.test(),
      isDirty: () => draft.isDirty(),
      askDiscard: () => (draft.state.asking ? draft.keepEditing() : draft.askDiscard())
    }
  });
  draft.changed.connect(() => {
    // Never the button that was pressed: a disabled button loses the focus.
    const { test, saving } = draft.state;
    dialog.setDisabled(saving ? ['test', 'cancel'] : test?.running ? ['submit'] : []);
  });
  draft.invalid.connect((_, path) => {
    const id = path === ENDS ? ENDS_ID : fieldId(path);
    requestAnimationFrame(() => document.getElementById(id)?.focus());
  });
  await dialog.launch();
  return draft.result;
}

export function ConnectionForm(props: {
  draft: DraftModel;
  trans: TranslationBundle;
  onDiscard: () => void;
}): JSX.Element {
  const { draft, trans } = props;
  const state = useModelState(draft);
  React.useEffect(() => focusWhenThere(fieldId('name')), []);
  return (
    <>
      {state.problem && (
        <div className="wb-Banner wb-mod-failed" role="alert" data-testid="wb-form-problem">
          {state.problem}
        </div>
      )}
      <div className="wb-Dialog-scroll">
        {draft.connection ? (
          <FixedConnector connector={draft.connectors.find(item => item.kind === state.kind)} />
        ) : (
          <ConnectorChoice
            connectors={draft.connectors}
            kind={state.kind}
            label={trans.__('Connector')}
            disabled={state.saving}
            onChoose={kind => draft.setConnector(kind)}
          />
        )}
        {draft.hasSignIn && <SignInChoice draft={draft} trans={trans} />}
        <SchemaForm
          key={`${state.kind} ${state.credentials}`}
          schema={draft.schema}
          uiSchema={draft.uiSchema}
          data={draft.data}
          errors={state.errors}
          disabled={state.saving}
          onChange={data => draft.setData(data)}
        />
        {draft.hasSignIn && <SignInEnds draft={draft} trans={trans} />}
      </div>
      <div className="wb-FormBody-answer" aria-live="polite">
        {state.saving && <Busy text={trans.__('Saving…')} />}
        {state.test?.running && <Busy text={trans.__('Testing…')} testId="wb-test-running" />}
        {state.untestable && (
          <div className="wb-Banner" data-testid="wb-untestable">
            {state.untestable}
          </div>
        )}
        {state.test && !state.test.running && (
          <TestAnswer result={state.test.result} trans={trans} />
        )}
      </div>
      {state.asking && (
        <Question
          text={trans.__('Discard what you typed?')}
          keep={trans.__('Keep editing')}
          keepRun={() => draft.keepEditing()}
          go={trans.__('Discard')}
          goRun={props.onDiscard}
          testId="wb-form-discard"
        />
      )}
    </>
  );
}

function ConnectorChoice(props: {
  connectors: readonly ConnectorInfo[];
  kind: string;
  label: string;
  disabled: boolean;
  onChoose: (kind: string) => void;
}): JSX.Element {
  return (
    <fieldset className="wb-Connectors" disabled={props.disabled}>
      <legend className="wb-Field-label">{props.label}</legend>
      <div className="wb-Connectors-cards">
        {props.connectors.map(connector => (
          <label
            key={connector.kind}
            className={`wb-Connector${connector.kind === props.kind ? ' wb-mod-chosen' : ''}`}
          >
            <input
              type="radio"
              name="wb-connector"
              value={connector.kind}
              aria-label={connector.title}
              checked={connector.kind === props.kind}
              onChange={() => props.onChoose(connector.kind)}
              data-testid={`wb-connector-${connector.kind}`}
            />
            <span className="wb-Connector-words">
              <span className="wb-Connector-title">{connector.title}</span>
              <span className="wb-Field-help">{connector.description}</span>
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function FixedConnector(props: { connector: ConnectorInfo | undefined }): JSX.Element | null {
  return props.connector ? (
    <div className="wb-Connector wb-mod-fixed">
      <span className="wb-Connector-words">
        <span className="wb-Connector-title">{props.connector.title}</span>
        <span className="wb-Field-help">{props.connector.description}</span>
      </span>
    </div>
  ) : null;
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ConnectionView, ConnectorInfo } from '../api/types';
import { focusWhenThere } from '../ui/focus';
import { SchemaForm, fieldId } from '../ui/form';
import { openForm } from '../ui/formdialog';
import { FormFrame } from '../ui/formparts';
import { useModelState } from '../ui/signal';
import { ENDS } from './credentialform';
import { DraftModel } from './draft';
import type { ConnectionsModel } from './model';
import { SignInChoice } from './signinchoice';
import { EndsField, TestAnswer } from './testanswer';

const ENDS_ID = 'wb-draft-ends';

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
  await openForm({
    form: draft,
    title: connection
      ? trans.__('Edit connection “%1”', connection.name)
      : trans.__('Add connection'),
    submitLabel: connection ? trans.__('Save') : trans.__('Add'),
    others: [{ name: 'test', label: trans.__('Test'), press: () => void draft.test() }],
    render: discard => <ConnectionForm draft={draft} trans={trans} onDiscard={discard} />,
    idOf: path => (path === ENDS ? ENDS_ID : fieldId(path)),
    trans
  });
  return draft.result;
}

function ConnectionForm(props: {
  draft: DraftModel;
  trans: TranslationBundle;
  onDiscard: () => void;
}): JSX.Element {
  const { draft, trans } = props;
  const state = useModelState(draft);
  React.useEffect(() => focusWhenThere(fieldId('name')), []);
  return (
    <FormFrame
      form={draft}
      busy={trans.__('Saving…')}
      onDiscard={props.onDiscard}
      answer={
        <>
          {state.untestable && (
            <div className="wb-Banner" data-testid="wb-untestable">
              {state.untestable}
            </div>
          )}
          <TestAnswer form={draft} trans={trans} />
        </>
      }
      trans={trans}
    >
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
      {draft.hasSignIn && state.credentials === 'shared' && (
        <EndsField
          form={draft}
          id={ENDS_ID}
          help={trans.__(
            'Optional. Set it if the password expires: a warning appears 14 days before.'
          )}
          trans={trans}
        />
      )}
    </FormFrame>
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

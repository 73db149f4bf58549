import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ConnectionView } from '../api/types';
import { focusWhenThere } from '../ui/focus';
import { SchemaForm, fieldId } from '../ui/form';
import { openForm } from '../ui/formdialog';
import { FormFrame } from '../ui/formparts';
import { FixedCard, RadioCards } from '../ui/radiocards';
import { useModelState } from '../ui/signal';
import { ENDS } from './credentialform';
import { DraftModel } from './draft';
import type { ConnectionsModel } from './model';
import { PreviewPane } from './previewpane';
import { CredentialsChoice } from './credentialschoice';
import { EndsField, TestAnswer } from './testanswer';

const ENDS_ID = 'wb-draft-ends';

/**
 * Opens the dialog that adds or edits a connection.
 *
 * @returns the saved connection; null if nothing was saved
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
  const fixed = draft.connectors.find(item => item.kind === state.kind);
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
        fixed && <FixedCard title={fixed.title} help={fixed.description} />
      ) : (
        <RadioCards
          name="connector"
          legend={trans.__('Connector')}
          options={draft.connectors.map(({ kind, title, description }) => ({
            value: kind,
            title,
            help: description
          }))}
          value={state.kind}
          disabled={state.saving}
          onChange={kind => draft.setConnector(kind)}
        />
      )}
      {draft.hasCredentials && <CredentialsChoice draft={draft} trans={trans} />}
      <SchemaForm
        key={`${state.kind} ${state.credentials}`}
        schema={draft.schema}
        uiSchema={draft.uiSchema}
        data={draft.data}
        errors={state.errors}
        disabled={state.saving}
        onChange={data => draft.setData(data)}
      />
      {draft.hasPreview && <PreviewPane draft={draft} trans={trans} />}
      {draft.hasCredentials && state.credentials === 'shared' && (
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

import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { ConnectorInfo, TestResult } from '../api/types';
import { SchemaForm, fieldId } from '../ui/form';
import { FormDialog } from '../ui/formdialog';
import { useModelState } from '../ui/signal';
import { Spinner } from '../ui/states';
import { DraftModel } from './draft';
import type { ConnectionsModel } from './model';
import type { ConnectionView } from '../api/types';

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
  body.addClass('wb-ConnectionForm');
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
    requestAnimationFrame(() => document.getElementById(fieldId(path))?.focus());
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
  const keepRef = React.useRef<HTMLButtonElement>(null);
  React.useEffect(() => {
    document.getElementById(fieldId('name'))?.focus();
  }, []);
  React.useEffect(() => {
    if (state.asking) {
      keepRef.current?.focus();
    }
  }, [state.asking]);
  return (
    <>
      {state.problem && (
        <div className="wb-Banner wb-mod-failed" role="alert" data-testid="wb-form-problem">
          {state.problem}
        </div>
      )}
      <div className="wb-ConnectionForm-scroll">
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
        <SchemaForm
          key={state.kind}
          schema={draft.schema}
          uiSchema={draft.uiSchema}
          data={draft.data}
          errors={state.errors}
          disabled={state.saving}
          onChange={data => draft.setData(data)}
        />
      </div>
      <div className="wb-ConnectionForm-answer" aria-live="polite">
        {state.saving && (
          <div className="wb-Banner">
            <Spinner /> {trans.__('Saving…')}
          </div>
        )}
        {state.test?.running && (
          <div className="wb-Banner" data-testid="wb-test-running">
            <Spinner /> {trans.__('Testing…')}
          </div>
        )}
        {state.test && !state.test.running && (
          <TestAnswer result={state.test.result} trans={trans} />
        )}
      </div>
      {state.asking && (
        <div
          className="wb-Banner wb-mod-question"
          role="alertdialog"
          aria-label={trans.__('Discard what you typed?')}
          data-testid="wb-form-discard"
        >
          <span className="wb-Banner-text">{trans.__('Discard what you typed?')}</span>
          <button
            type="button"
            ref={keepRef}
            className="jp-mod-styled jp-mod-reject"
            onClick={() => draft.keepEditing()}
          >
            {trans.__('Keep editing')}
          </button>
          <button type="button" className="jp-mod-styled jp-mod-warn" onClick={props.onDiscard}>
            {trans.__('Discard')}
          </button>
        </div>
      )}
    </>
  );
}

/** What a test said, in words and colour. */
export function TestAnswer(props: { result: TestResult; trans: TranslationBundle }): JSX.Element {
  const { result, trans } = props;
  return (
    <div
      className={`wb-Banner ${result.ok ? 'wb-mod-ok' : 'wb-mod-failed'}`}
      data-testid="wb-test-result"
      data-ok={result.ok}
    >
      {testSentence(result, trans)}
    </div>
  );
}

export function testSentence(result: TestResult, trans: TranslationBundle): string {
  if (!result.ok) {
    return result.message;
  }
  const time = trans.__('%1 ms', Math.max(1, Math.round(result.elapsed_ms)));
  const facts = result.server_version ? `${time} · ${result.server_version}` : time;
  return trans.__('It works: %1', facts);
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

import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import type { PipelineView, Run } from '../api/types';
import { propertiesOf } from '../connections/schema';
import { focusWhenThere } from '../ui/focus';
import { SchemaForm, fieldId } from '../ui/form';
import { FormDialog } from '../ui/formdialog';
import { Busy, Question } from '../ui/formparts';
import { useModelState } from '../ui/signal';
import { Notice } from '../ui/states';
import type { PipelinesModel } from './model';
import { RunDraft, runUiSchema } from './rundraft';
import { approvalWords, waitsForApproval } from './words';

/**
 * Asks for the parameters of a run, and starts it.
 *
 * @returns the run; null if none was started
 */
export async function openRunDialog(
  model: PipelinesModel,
  trans: TranslationBundle,
  pipeline: PipelineView
): Promise<Run | null> {
  const draft = new RunDraft(model, trans, pipeline);
  const body = ReactWidget.create(
    <RunForm draft={draft} trans={trans} onDiscard={() => dialog.discard()} />
  );
  body.addClass('wb-FormBody');
  const dialog = new FormDialog({
    title: trans.__('Run “%1”', pipeline.name),
    body,
    cancelLabel: trans.__('Cancel'),
    submitLabel: trans.__('Run'),
    hooks: {
      submit: () => draft.submit(),
      isDirty: () => draft.isDirty(),
      askDiscard: () => draft.ask(!draft.state.asking)
    }
  });
  const follow = (): void =>
    dialog.setDisabled(draft.state.starting || draft.state.phase !== 'ready' ? ['submit'] : []);
  draft.changed.connect(follow);
  draft.invalid.connect((_, path) => {
    requestAnimationFrame(() => document.getElementById(fieldId(path))?.focus());
  });
  void draft.load();
  await dialog.launch();
  return draft.result;
}

function RunForm(props: {
  draft: RunDraft;
  trans: TranslationBundle;
  onDiscard: () => void;
}): JSX.Element {
  const { draft, trans } = props;
  const state = useModelState(draft);
  const { pipeline } = draft;
  const names = Object.keys(propertiesOf(state.form));
  const [first] = names;
  React.useEffect(() => (first ? focusWhenThere(fieldId(first)) : undefined), [first]);
  if (state.phase === 'loading') {
    return <Notice kind="loading" text={trans.__('Loading the parameters…')} />;
  }
  if (state.phase === 'failed') {
    return (
      <Notice
        kind="failed"
        title={trans.__("The parameters can't be shown")}
        text={state.problem ?? ''}
        action={{ label: trans.__('Retry'), run: () => void draft.load() }}
      />
    );
  }
  return (
    <>
      {state.problem && (
        <div className="wb-Banner wb-mod-failed" role="alert" data-testid="wb-run-problem">
          {state.problem}
        </div>
      )}
      <div className="wb-Dialog-scroll">
        {pipeline.description && <div className="wb-Field-help">{pipeline.description}</div>}
        {waitsForApproval(pipeline) && (
          <div className="wb-Banner wb-mod-question">{approvalWords(pipeline, trans)}</div>
        )}
        {names.length > 0 ? (
          <SchemaForm
            schema={draft.schema}
            uiSchema={runUiSchema(state.form)}
            data={state.data}
            errors={state.errors}
            disabled={state.starting}
            onChange={data => draft.setData(data)}
          />
        ) : (
          <div data-testid="wb-run-noparameters">
            {trans.__('This pipeline takes no parameters.')}
          </div>
        )}
        <div className="wb-Field-help">
          {trans.__(
            'The run has the rights of %1, who owns the pipeline, or of the team that it names.',
            pipeline.owner.name
          )}
        </div>
      </div>
      <div className="wb-FormBody-answer" aria-live="polite">
        {state.starting && <Busy text={trans.__('Starting…')} />}
      </div>
      {state.asking && (
        <Question
          text={trans.__('Discard what you typed?')}
          keep={trans.__('Keep editing')}
          keepRun={() => draft.ask(false)}
          go={trans.__('Discard')}
          goRun={props.onDiscard}
          testId="wb-form-discard"
        />
      )}
    </>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { PipelineView, Run } from '../api/types';
import { Fetched } from '../ui/fetched';
import { focusWhenThere } from '../ui/focus';
import { SchemaForm, fieldId } from '../ui/form';
import { openForm } from '../ui/formdialog';
import { FormFrame } from '../ui/formparts';
import { propertiesOf } from '../ui/schema';
import { useModelState } from '../ui/signal';
import type { PipelinesModel } from './model';
import { RunDraft, runUiSchema } from './rundraft';
import { approvalWords, waitsForApproval } from './words';

/**
 * Asks for a run's parameters and starts it.
 *
 * @returns the run; null if none was started
 */
export async function openRunDialog(
  model: PipelinesModel,
  trans: TranslationBundle,
  pipeline: PipelineView
): Promise<Run | null> {
  const draft = new RunDraft(model, trans, pipeline);
  void draft.refresh();
  await openForm({
    form: draft,
    title: trans.__('Run “%1”', pipeline.name),
    submitLabel: trans.__('Run'),
    render: discard => (
      <Fetched
        model={draft}
        name="parameters"
        loading={trans.__('Loading parameters…')}
        failed={trans.__('Could not load the parameters')}
        trans={trans}
      >
        <RunForm draft={draft} trans={trans} onDiscard={discard} />
      </Fetched>
    ),
    idOf: fieldId,
    trans
  });
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
  return (
    <FormFrame form={draft} busy={trans.__('Starting…')} onDiscard={props.onDiscard} trans={trans}>
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
          disabled={state.saving}
          onChange={data => draft.setData(data)}
        />
      ) : (
        <div data-testid="wb-run-noparameters">{trans.__('This pipeline has no parameters.')}</div>
      )}
      <div className="wb-Field-help">
        {trans.__(
          'The run uses the permissions of the owner, %1, or of the team named in the pipeline.',
          pipeline.owner.name
        )}
      </div>
    </FormFrame>
  );
}

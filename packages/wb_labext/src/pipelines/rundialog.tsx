import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Run } from '../api/types';
import { DateField } from '../ui/datefield';
import { Fetched } from '../ui/fetched';
import { focusWhenThere } from '../ui/focus';
import { SchemaForm, fieldId } from '../ui/form';
import { openForm } from '../ui/formdialog';
import { FormFrame } from '../ui/formparts';
import { propertiesOf } from '../ui/schema';
import { useModelState } from '../ui/signal';
import type { RunTarget } from './rundraft';
import { DATE, RunDraft, runUiSchema } from './rundraft';

export interface RunDialogOptions {
  target: RunTarget;
  /** What the user should know before the run starts. */
  notes: readonly React.ReactNode[];
  submitLabel: string;
  trans: TranslationBundle;
}

const DATE_ID = 'wb-run-date';

const idOf = (path: string): string => (path === DATE ? DATE_ID : fieldId(path));

/**
 * Asks for a run's parameters and starts it.
 *
 * @returns the run; null if none was started
 */
export async function openRunDialog(options: RunDialogOptions): Promise<Run | null> {
  const { target, notes, trans } = options;
  const draft = new RunDraft(trans, target);
  void draft.refresh();
  await openForm({
    form: draft,
    title: trans.__('Run “%1”', target.name),
    submitLabel: options.submitLabel,
    render: discard => (
      <Fetched
        model={draft}
        name="parameters"
        loading={trans.__('Loading parameters…')}
        failed={trans.__('Could not load the parameters')}
        trans={trans}
      >
        <RunForm draft={draft} notes={notes} trans={trans} onDiscard={discard} />
      </Fetched>
    ),
    idOf,
    trans
  });
  return draft.result;
}

function RunForm(props: {
  draft: RunDraft;
  notes: readonly React.ReactNode[];
  trans: TranslationBundle;
  onDiscard: () => void;
}): JSX.Element {
  const { draft, trans } = props;
  const state = useModelState(draft);
  const { target } = draft;
  const names = Object.keys(propertiesOf(state.form));
  const [first] = names;
  React.useEffect(() => (first ? focusWhenThere(fieldId(first)) : undefined), [first]);
  return (
    <FormFrame form={draft} busy={trans.__('Starting…')} onDiscard={props.onDiscard} trans={trans}>
      {target.description && <div className="wb-Field-help">{target.description}</div>}
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
      <DateField
        id={DATE_ID}
        label={trans.__('Run date')}
        help={trans.__('The day that the run is for, as run.date in the file. Empty: today.')}
        value={state.date}
        error={state.errors[DATE]}
        disabled={state.saving}
        onChange={date => void draft.setDate(date)}
        trans={trans}
        testId="wb-run-date"
      />
      {props.notes.map((note, index) => (
        <React.Fragment key={index}>{note}</React.Fragment>
      ))}
    </FormFrame>
  );
}

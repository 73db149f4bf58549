/** Asks for the parameters of a run and starts it, of a saved or a new pipeline. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { PipelineView, Run } from '../api/types';
import { FileList } from '../pipelinefile/filelist';
import type { NewPipeline } from '../pipelinefile/tokens';
import type { PipelinesModel } from './model';
import { openRunDialog } from './rundialog';
import { approvalWords, waitsForApproval } from './words';

/** Runs a saved pipeline; null if the user didn't. */
export function runSaved(
  model: PipelinesModel,
  trans: TranslationBundle,
  pipeline: PipelineView
): Promise<Run | null> {
  const { api } = model;
  const { id, name, description, owner } = pipeline;
  return openRunDialog({
    target: {
      name,
      description,
      form: date => api.form(id, date),
      start: async (parameters, key, date) => {
        const run = await api.run(id, parameters, key, date);
        void model.refresh();
        return run;
      }
    },
    notes: [
      waitsForApproval(pipeline) && (
        <div className="wb-Banner wb-mod-question">{approvalWords(pipeline, trans)}</div>
      ),
      <div className="wb-Field-help">
        {trans.__(
          'The run uses the permissions of the owner, %1, or of the team named in the pipeline.',
          owner.name
        )}
      </div>
    ],
    submitLabel: trans.__('Run'),
    trans
  });
}

/** Saves a new pipeline and runs it, once the run is confirmed; null if the user didn't. */
export function runNew(
  model: PipelinesModel,
  trans: TranslationBundle,
  pipeline: NewPipeline
): Promise<Run | null> {
  const { name, description, files, form } = pipeline;
  let saved: PipelineView | null = null;
  return openRunDialog({
    target: {
      name,
      description,
      form,
      start: async (parameters, key, date) => {
        saved ??= await pipeline.save();
        const run = await model.api.run(saved.id, parameters, key, date);
        void model.refresh();
        return run;
      }
    },
    notes: [
      <FileList title={trans.__('Saved with the pipeline:')} files={files} trans={trans} />,
      <div className="wb-Field-help">
        {trans.__(
          'Nothing is saved before you run it. Everyone who may see the pipeline can read its files. The run uses your permissions.'
        )}
      </div>
    ],
    submitLabel: trans.__('Save and run'),
    trans
  });
}

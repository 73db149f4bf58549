/** Makes a pipeline of a notebook: creates a file beside it, or adds it to an existing file. */
import { InputDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IDocumentManager } from '@jupyterlab/docmanager';
import type * as nbformat from '@jupyterlab/nbformat';
import type { Contents } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';

import { notify } from '../ui/notify';
import { ApiError } from '../api/request';
import type { PipelinesApi } from '../api/pipelines';
import {
  SUFFIX,
  UnreadableFile,
  nameFrom,
  nextName,
  pipelineText,
  renamed,
  withNotebook
} from './document';
import type { Folders } from './folder';
import { parametersOf } from './parameters';
import type { NewPipeline } from './tokens';

const TRIES = 20;

export interface NotebookOptions {
  api: PipelinesApi;
  contents: Contents.IManager;
  documents: IDocumentManager;
  folders: Folders;
  trans: TranslationBundle;
  remember: (pipeline: string, path: string) => void;
}

/** The notebook as it is on the screen. */
async function current(options: NotebookOptions, path: string): Promise<nbformat.INotebookContent> {
  const context = options.documents.findWidget(path, 'Notebook')?.context;
  if (context?.model.dirty) {
    return context.model.toJSON() as unknown as nbformat.INotebookContent;
  }
  const { content } = await options.contents.get(path, {
    type: 'notebook',
    content: true
  });
  return content as nbformat.INotebookContent;
}

/** Saves a notebook that is open and has changed. */
async function saveNotebook(options: NotebookOptions, path: string): Promise<void> {
  const context = options.documents.findWidget(path, 'Notebook')?.context;
  if (context?.model.dirty) {
    await context.save();
  }
}

/**
 * A pipeline of a notebook, with its file `<name>.pipeline.yaml` beside it. Nothing is saved or written
 * before its `save`. If the file exists, it is only opened.
 *
 * @returns null if the file existed
 */
export async function pipelineOfNotebook(
  options: NotebookOptions,
  notebook: string
): Promise<NewPipeline | null> {
  const { api, documents, folders, trans, remember } = options;
  const folder = PathExt.dirname(notebook);
  const file = PathExt.basename(notebook);
  let name = nameFrom(file);
  const path = PathExt.join(folder, `${file.replace(/\.ipynb$/, '')}${SUFFIX}`);
  const open = (): void => void documents.openOrReveal(path, 'Editor');
  if (await folders.exists(path)) {
    open();
    notify(
      trans,
      'info',
      trans.__('%1 already exists. Choose “Run…” above it to run it.', PathExt.basename(path)),
      { autoClose: 6_000 }
    );
    return null;
  }
  const parameters = parametersOf(await current(options, notebook));
  let text = pipelineText(name, file, parameters);
  const shown = await folders.snapshot(folder);
  return {
    name,
    description: '',
    files: shown,
    form: async () => {
      const names = Object.keys(shown);
      const { problems, parameters: form } = await api.check({ text, files: names });
      if (problems.length > 0 || !form) {
        const [first] = problems;
        throw new ApiError(first?.message ?? '', 'bad_pipeline', 0);
      }
      return form as JSONObject;
    },
    save: async () => {
      await saveNotebook(options, notebook);
      const files = await folders.snapshot(folder);
      for (let tries = 1; ; tries++) {
        try {
          const pipeline = await api.create({ text, files });
          await folders.write(path, text);
          remember(pipeline.id, path);
          open();
          return pipeline;
        } catch (error) {
          const taken = error instanceof ApiError && error.code === 'name_taken';
          if (!taken || tries === TRIES) {
            throw error;
          }
          name = nextName(name);
          text = renamed(text, name);
        }
      }
    }
  };
}

/** Asks for a pipeline file in the notebook's folder, appends a task to it and opens it. */
export async function addToPipeline(options: NotebookOptions, notebook: string): Promise<void> {
  const { documents, folders, trans } = options;
  const folder = PathExt.dirname(notebook);
  const names = await folders.pipelineFiles(folder);
  if (names.length === 0) {
    notify(
      trans,
      'info',
      trans.__('There is no pipeline file in this folder. Choose “Run as Pipeline” to create one.'),
      { autoClose: 6_000 }
    );
    return;
  }
  const chosen = await InputDialog.getItem({
    title: trans.__('Add “%1” to a pipeline', PathExt.basename(notebook)),
    label: trans.__('Pipeline file; the notebook is added as its last task'),
    items: names,
    okLabel: trans.__('Add')
  });
  if (!chosen.button.accept || !chosen.value) {
    return;
  }
  const path = PathExt.join(folder, chosen.value);
  await saveNotebook(options, notebook);
  const parameters = parametersOf(await current(options, notebook));
  const widget = documents.openOrReveal(path, 'Editor');
  if (!widget) {
    return;
  }
  await widget.context.ready;
  const { model } = widget.context;
  try {
    const { text, task } = withNotebook(model.toString(), PathExt.basename(notebook), parameters);
    model.fromString(text);
    await widget.context.save();
    notify(
      trans,
      'success',
      trans.__('Task “%1” was added. Save the file to the Workbench to run it.', task),
      { autoClose: 6_000 }
    );
  } catch (error) {
    if (!(error instanceof UnreadableFile)) {
      throw error;
    }
    notify(
      trans,
      'error',
      trans.__(
        '%1 has errors, or the task can’t be added without changing something else. Correct it, or add the task by hand.',
        chosen.value
      )
    );
  }
}

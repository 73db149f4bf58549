import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { Dialog, ICommandPalette, ToolbarButton, showDialog } from '@jupyterlab/apputils';
import type { CodeMirrorEditor } from '@jupyterlab/codemirror';
import { ICompletionProviderManager } from '@jupyterlab/completer';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import type { FileEditor } from '@jupyterlab/fileeditor';
import { IEditorTracker } from '@jupyterlab/fileeditor';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Toolbar, addIcon } from '@jupyterlab/ui-components';
import type { JSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

import { notify } from '../ui/notify';
import { ApiError } from '../api/request';
import type { PipelineView } from '../api/types';
import { CommonApi } from '../api/common';
import { IWorkbench } from '../api/tokens';
import { isReadOnly } from '../runs/drive';
import { about } from '../ui/commands';
import { pipelinesIcon } from '../ui/icons';
import { PipelineCompleter } from './completer';
import { isPipelineFile } from './document';
import { afterTyping, checkAgain, fileToolbar, listErrors, marks } from './editor';
import { mayAdd } from './filelist';
import { PipelineFile } from './model';
import { addToPipeline, pipelineOfNotebook } from './notebook';
import { IPipelines } from './tokens';

type FileWidget = IDocumentWidget<FileEditor>;

const INVOKE = 'completer:invoke-file';
/** How long the names of connections are cached, in milliseconds. */
const NAMES_LAST = 10_000;

/** Pipeline files in Lab's editor: marks, completion, and saving to the Workbench. */
export const pipelineEditorPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:pipeline-editor',
  description: 'Checks and completes *.pipeline.yaml files, and saves and runs them.',
  autoStart: true,
  requires: [IWorkbench, IPipelines, IEditorTracker],
  optional: [ICompletionProviderManager, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    pipelines: IPipelines,
    tracker: IEditorTracker,
    completers: ICompletionProviderManager | null,
    translator: ITranslator | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const { api, files, folders } = pipelines;
    const { commands } = app;
    const open = new WeakMap<Widget, PipelineFile>();

    const attach = (widget: FileWidget): void => {
      if (open.has(widget) || !isPipelineFile(widget.context.path)) {
        return;
      }
      const file = new PipelineFile({
        api,
        events: workbench.events,
        folders,
        context: widget.context as DocumentRegistry.Context,
        trans,
        remember: (id, path) => void files.remember(id, path)
      });
      open.set(widget, file);
      const editor = widget.content.editor as CodeMirrorEditor;
      if (isReadOnly(widget.context.path)) {
        editor.setOption('readOnly', true);
      } else {
        editor.injectExtension(marks(file, trans));
        editor.injectExtension(
          afterTyping(() => {
            if (commands.hasCommand(INVOKE) && tracker.currentWidget === widget) {
              void commands.execute(INVOKE);
            }
          })
        );
      }

      const save = async (): Promise<PipelineView | null> => {
        if (file.state.state === 'overtaken') {
          const answer = await showDialog({
            title: trans.__('Save over a newer version?'),
            body: trans.__(
              'Someone else saved version %1 after you opened this file. Yours becomes the next version. No version is lost; “Versions…” shows the differences.',
              file.state.pipeline?.head ?? 0
            ),
            buttons: [
              Dialog.cancelButton({ label: trans.__('Cancel') }),
              Dialog.warnButton({ label: trans.__('Save mine') })
            ]
          });
          if (!answer.button.accept) {
            return null;
          }
          file.takeOver();
        }
        try {
          return await file.save((files, isHome) => mayAdd(trans, files, isHome));
        } catch (error) {
          notify(trans, 'error', file.message(error));
          checkAgain(editor);
          if (file.state.problems.length > 0) {
            listErrors(editor, true);
          }
          return null;
        }
      };
      const run = async (): Promise<void> => {
        const saved = file.state.state === 'saved' && !widget.context.model.dirty;
        const pipeline = saved ? file.state.pipeline : await save();
        if (pipeline) {
          await pipelines.run(pipeline.id);
        }
      };
      const bar = fileToolbar({
        file,
        trans,
        save: () =>
          void save().then(pipeline => {
            if (pipeline) {
              notify(
                trans,
                'success',
                trans.__('“%1” was saved as version %2.', pipeline.name, pipeline.head),
                { autoClose: 3_000 }
              );
            }
          }),
        run: () => void run(),
        listErrors: () => listErrors(editor)
      });
      widget.toolbar.addItem('workbench-spacer', Toolbar.createSpacerItem());
      widget.toolbar.addItem('workbench-pipeline', bar);
      // Something that the check depends on changed: a connection was shared, a notebook was added.
      const again = (): void => checkAgain(editor);
      workbench.events.signal('connections').connect(again);
      const renamed = (): void => {
        if (!isPipelineFile(widget.context.path)) {
          bar.dispose();
        }
      };
      widget.context.pathChanged.connect(renamed);
      widget.disposed.connect(() => {
        workbench.events.signal('connections').disconnect(again);
        file.dispose();
      });
    };

    tracker.forEach(attach);
    tracker.widgetAdded.connect((_, widget) => {
      attach(widget);
      widget.context.pathChanged.connect(() => attach(widget));
    });

    if (completers) {
      let schema: Promise<JSONObject> | null = null;
      const connections = new CommonApi(workbench.api);
      let names: { at: number; found: Promise<readonly string[]> } | null = null;
      completers.registerProvider(
        new PipelineCompleter({
          fileOf: widget => open.get(widget) ?? null,
          schema: () => {
            schema ??= api.schema().catch((error: unknown) => {
              schema = null;
              throw error;
            });
            return schema;
          },
          connections: () => {
            if (!names || Date.now() - names.at > NAMES_LAST) {
              const found = connections.connections().then(
                list => list.map(connection => connection.name),
                () => []
              );
              names = { at: Date.now(), found };
            }
            return names.found;
          }
        })
      );
    }
  }
};

const RUN = 'workbench:pipelines-from-notebook';
const ADD = 'workbench:pipelines-add-notebook';

/** Notebooks in the file browser. */
const SELECTOR = '.jp-DirListing-item[data-file-type="notebook"]';

/** Commands that make a pipeline of a notebook. */
export const pipelineNotebookPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:pipeline-notebook',
  description: 'Makes a pipeline of a notebook, or adds the notebook to one.',
  autoStart: true,
  requires: [IPipelines, IDocumentManager, INotebookTracker],
  optional: [IDefaultFileBrowser, ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    pipelines: IPipelines,
    documents: IDocumentManager,
    tracker: INotebookTracker,
    browser: IDefaultFileBrowser | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const { commands } = app;
    const { api, files, folders } = pipelines;
    const options = {
      api,
      folders,
      documents,
      contents: app.serviceManager.contents,
      trans,
      remember: (id: string, path: string) => void files.remember(id, path)
    };

    /** The given notebook, the one selected in the file browser, or the current one. */
    const target = (args: object): string | null => {
      const { path, browser: fromBrowser } = args as { path?: string; browser?: boolean };
      if (path) {
        return path;
      }
      if (fromBrowser) {
        const item = browser?.selectedItems().next().value;
        return item?.type === 'notebook' ? item.path : null;
      }
      const current = tracker.currentWidget;
      return current && current === app.shell.currentWidget ? current.context.path : null;
    };
    const fail = (error: unknown): void => {
      const text =
        error instanceof ApiError
          ? error.message
          : trans.__('Could not read the notebook or its folder. Reload the page, then try again.');
      notify(trans, 'error', text);
    };
    const describedBy = {
      args: {
        type: 'object',
        properties: {
          path: { type: 'string', description: trans.__('The path of the notebook') },
          browser: {
            type: 'boolean',
            description: trans.__('Use the notebook that is selected in the file browser')
          }
        }
      }
    } as const;

    commands.addCommand(RUN, {
      label: trans.__('Run as Pipeline…'),
      caption: trans.__('Create a pipeline from this notebook and run it'),
      icon: pipelinesIcon,
      describedBy,
      ...about(
        target,
        async path => {
          const pipeline = await pipelineOfNotebook(options, path);
          if (pipeline) {
            await pipelines.runNew(pipeline);
          }
        },
        fail
      ),
      isVisible: () => true
    });
    commands.addCommand(ADD, {
      label: trans.__('Add to Pipeline…'),
      caption: trans.__('Add this notebook to a pipeline file in its folder'),
      icon: addIcon,
      describedBy,
      ...about(target, path => addToPipeline(options, path), fail),
      isVisible: () => true
    });
    [RUN, ADD].forEach((command, index) => {
      app.contextMenu.addItem({
        command,
        selector: SELECTOR,
        rank: 4 + index / 10,
        args: { browser: true }
      });
      palette?.addItem({ command, category: trans.__('Workbench') });
    });
    app.docRegistry.addWidgetExtension('Notebook', {
      createNew: panel => {
        const button = new ToolbarButton({
          icon: pipelinesIcon,
          tooltip: trans.__('Run as pipeline…'),
          onClick: () =>
            void commands.execute(RUN, {
              path: (panel as IDocumentWidget).context.path
            })
        });
        button.node.dataset.testid = 'wb-notebook-pipeline';
        (panel as IDocumentWidget).toolbar.insertAfter('cellType', 'workbench-pipeline', button);
        return button;
      }
    });
  }
};

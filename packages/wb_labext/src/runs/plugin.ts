import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import type { RerunRequest } from '../api/types';
import { PipelinesApi } from '../api/pipelines';
import { IWorkbench } from '../api/tokens';
import { pipelinesIcon } from '../ui/icons';
import { MainViews } from '../ui/mainview';
import type { ViewWidget } from '../ui/viewwidget';
import { RunsApi } from './api';
import { RunCommandIDs } from './commandids';
import { WorkbenchDrive } from './drive';
import { ExecutedNotebooks } from './executed';
import { RunListModel } from './listmodel';
import { runListWidget } from './listview';
import { RunModel } from './model';
import type { RunActions } from './view';
import { runWidget } from './view';

/** Asks for confirmation before work is ended or repeated. */
async function sure(
  trans: TranslationBundle,
  title: string,
  body: string,
  label: string,
  warn = false
): Promise<boolean> {
  const button = warn ? Dialog.warnButton({ label }) : Dialog.okButton({ label });
  const keep = Dialog.cancelButton({ label: warn ? trans.__('Keep running') : trans.__('Cancel') });
  const answer = await showDialog({ title, body, buttons: [keep, button] });
  return answer.button.accept;
}

/** Runs in the main area: one run, and the runs of a pipeline. */
export const runsPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:runs',
  description: 'Views of the runs of pipelines, their tasks, logs and executed notebooks.',
  autoStart: true,
  requires: [
    IWorkbench,
    IDocumentManager,
    IRenderMimeRegistry,
    NotebookPanel.IContentFactory,
    IEditorServices
  ],
  optional: [ILabShell, ITranslator, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    documents: IDocumentManager,
    rendermime: IRenderMimeRegistry,
    contentFactory: NotebookPanel.IContentFactory,
    editorServices: IEditorServices,
    shell: ILabShell | null,
    translator: ITranslator | null,
    restorer: ILayoutRestorer | null
  ): void => {
    // Voila loads every lab extension and has no main area.
    if (!shell) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const { commands, serviceManager } = app;
    const api = new RunsApi(workbench.api);
    const pipelines = new PipelinesApi(workbench.api);
    serviceManager.contents.addDrive(
      new WorkbenchDrive(
        {
          notebook: attempt => api.notebook(attempt),
          get: id => pipelines.get(id),
          version: (id, number) => pipelines.version(id, number),
          save: (id, body) => pipelines.save(id, body)
        },
        serviceManager.serverSettings,
        () => trans.__('This file is stored in the Workbench and is read-only here.')
      )
    );
    const executed = new ExecutedNotebooks({
      changed: workbench.events.signal('runs'),
      notebook: attempt => api.notebook(attempt),
      app,
      documents,
      rendermime,
      contentFactory,
      editorServices,
      restorer,
      trans
    });

    const runs = new MainViews<ViewWidget<RunModel>>({
      app,
      namespace: 'workbench-runs',
      command: RunCommandIDs.open,
      args: ({ model, title }) => ({ run: model.id, label: title.label }),
      name: ({ model }) => model.id,
      restorer
    });
    const lists = new MainViews<ViewWidget<RunListModel>>({
      app,
      namespace: 'workbench-runlists',
      command: RunCommandIDs.list,
      args: ({ model }) => ({ pipeline: model.pipeline }),
      name: ({ model }) => model.pipeline,
      restorer
    });
    const openRun = (run: string): void => void commands.execute(RunCommandIDs.open, { run });

    const actionsOf = (model: RunModel): RunActions => {
      const fail = (error: unknown): void => {
        Notification.error(model.message(error), { autoClose: 8_000 });
      };
      const again = async (body: RerunRequest): Promise<void> => {
        openRun((await model.rerun(body)).id);
      };
      const cancel = async (): Promise<void> => {
        const title = trans.__('Cancel this run?');
        const body = trans.__('Running tasks are stopped, and waiting tasks do not start.');
        if (await sure(trans, title, body, trans.__('Cancel run'), true)) {
          await model.cancel();
        }
      };
      const rerunAll = async (): Promise<void> => {
        const title = trans.__('Rerun all tasks?');
        const body = trans.__('A new run repeats every task with the same version and parameters.');
        if (await sure(trans, title, body, trans.__('Rerun all'))) {
          await again({ what: 'all', task: null });
        }
      };
      const rerunTask = async (task: string): Promise<void> => {
        const title = trans.__('Rerun “%1”?', task);
        const body = trans.__(
          'A new run repeats only this task, with the same parameters. Tasks that depend on it do not run.'
        );
        if (await sure(trans, title, body, trans.__('Rerun task'))) {
          await again({ what: 'task', task });
        }
      };
      return {
        cancel: () => void cancel().catch(fail),
        rerun: what => void (what === 'all' ? rerunAll() : again({ what, task: null })).catch(fail),
        rerunTask: task => void rerunTask(task.task).catch(fail),
        openRun,
        openList: () => {
          const { run } = model.state;
          if (run) {
            const args = { pipeline: run.pipeline_id, name: run.pipeline };
            void commands.execute(RunCommandIDs.list, args);
          }
        },
        openNotebook: (task, attempt) => {
          const number = model.state.run?.number ?? 0;
          const title = trans.__('%1, run %2, attempt %3', task.task, number, attempt.number);
          const ended = async (): Promise<boolean> => {
            const { tasks } = await api.get(model.id);
            const all = tasks.flatMap(item => item.attempts);
            return all.find(item => item.id === attempt.id)?.state !== 'running';
          };
          void executed.open({ id: attempt.id, title, ended }).catch(fail);
        }
      };
    };

    commands.addCommand(RunCommandIDs.open, {
      label: trans.__('Open Run'),
      icon: pipelinesIcon,
      describedBy: {
        args: {
          type: 'object',
          required: ['run'],
          properties: {
            run: { type: 'string', description: trans.__("The run's id") },
            label: {
              type: 'string',
              description: trans.__('The label of the tab until the run is loaded')
            }
          }
        }
      },
      execute: async args => {
        const { run, label } = args as { run?: string; label?: string };
        if (run) {
          await runs.open(`workbench-run-${run}`, () => {
            const model = new RunModel(api, workbench.events, trans, run);
            return runWidget({ model, actions: actionsOf(model), trans }, label ?? trans.__('Run'));
          });
        }
      }
    });
    commands.addCommand(RunCommandIDs.list, {
      label: trans.__('Open Runs of Pipeline'),
      icon: pipelinesIcon,
      describedBy: {
        args: {
          type: 'object',
          required: ['pipeline'],
          properties: {
            pipeline: { type: 'string', description: trans.__("The pipeline's id") },
            name: { type: 'string', description: trans.__('Its name, for the label of the tab') }
          }
        }
      },
      execute: async args => {
        const { pipeline, name } = args as { pipeline?: string; name?: string };
        if (pipeline) {
          await lists.open(`workbench-runlist-${pipeline}`, () => {
            const model = new RunListModel(api, workbench.events, trans, pipeline);
            return runListWidget({ model, openRun, trans }, name ?? '');
          });
        }
      }
    });
  }
};

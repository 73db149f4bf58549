import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { Dialog, showDialog } from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { notify } from '../ui/notify';
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

/** Asks whether to rerun with the run's own version or the current one; null for neither. */
async function whichVersion(
  trans: TranslationBundle,
  { title, body }: { title: string; body: string },
  version: number,
  current: number
): Promise<RerunRequest['version'] | null> {
  const own = trans.__('Version %1 (of this run)', version);
  const { button } = await showDialog({
    title,
    body: `${body} ${trans.__(
      'Version %1 is the current one. With it, parameters that were not given take its defaults, and tasks that have changed run again.',
      current
    )}`,
    buttons: [
      Dialog.cancelButton({ label: trans.__('Cancel') }),
      Dialog.createButton({ label: own, className: 'wb-mod-other' }),
      Dialog.okButton({ label: trans.__('Version %1 (current)', current) })
    ]
  });
  return button.accept ? (button.label === own ? 'same' : 'current') : null;
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
      args: ({ model }) => (model.pipeline === null ? {} : { pipeline: model.pipeline }),
      name: ({ model }) => model.pipeline ?? 'all',
      restorer
    });
    const openRun = (run: string): void => void commands.execute(RunCommandIDs.open, { run });

    const actionsOf = (model: RunModel): RunActions => {
      const fail = (error: unknown): void => {
        notify(trans, 'error', model.message(error));
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
      /** Asks with which version to rerun if there are two, or whether to; then reruns. */
      const rerun = async (
        what: RerunRequest['what'],
        task: string | null,
        question: { title: string; body: string; label: string }
      ): Promise<void> => {
        // Another version may have been saved since the run was fetched.
        const { version, current_version: current } = await api.get(model.id);
        const other = current !== null && current !== version ? current : null;
        if (other !== null) {
          const chosen = await whichVersion(trans, question, version, other);
          if (chosen) {
            await again({ what, task, version: chosen });
          }
        } else if (
          what === 'failed' ||
          (await sure(trans, question.title, question.body, question.label))
        ) {
          await again({ what, task, version: 'same' });
        }
      };
      const rerunAll = (): Promise<void> =>
        rerun('all', null, {
          title: trans.__('Rerun all tasks?'),
          body: trans.__('A new run repeats every task, for the same day.'),
          label: trans.__('Rerun all')
        });
      const rerunFailed = (): Promise<void> =>
        rerun('failed', null, {
          title: trans.__('Rerun what failed?'),
          body: trans.__(
            'A new run, for the same day, keeps the results of the tasks that succeeded.'
          ),
          label: trans.__('Rerun failed')
        });
      const rerunTask = (task: string): Promise<void> =>
        rerun('task', task, {
          title: trans.__('Rerun “%1”?', task),
          body: trans.__(
            'A new run, for the same day, repeats only this task. Tasks that depend on it do not run.'
          ),
          label: trans.__('Rerun task')
        });
      return {
        cancel: () => void cancel().catch(fail),
        rerun: what => void (what === 'all' ? rerunAll() : rerunFailed()).catch(fail),
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
      label: args => (args.pipeline ? trans.__('Open Runs of Pipeline') : trans.__('All Runs')),
      caption: trans.__('Show the runs of all pipelines, newest first'),
      icon: pipelinesIcon,
      describedBy: {
        args: {
          type: 'object',
          properties: {
            pipeline: {
              type: 'string',
              description: trans.__("The pipeline's id; without it, the runs of all pipelines")
            },
            name: { type: 'string', description: trans.__('Its name, for the label of the tab') }
          }
        }
      },
      execute: async args => {
        const { pipeline, name } = args as { pipeline?: string; name?: string };
        await lists.open(`workbench-runlist-${pipeline ?? 'all'}`, () => {
          const model = new RunListModel(api, workbench.events, trans, pipeline ?? null);
          return runListWidget({ model, openRun, trans }, name ?? '');
        });
      }
    });
  }
};

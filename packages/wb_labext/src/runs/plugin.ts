import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import {
  Dialog,
  MainAreaWidget,
  Notification,
  WidgetTracker,
  showDialog
} from '@jupyterlab/apputils';
import { IEditorServices } from '@jupyterlab/codeeditor';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { NotebookPanel } from '@jupyterlab/notebook';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import type { RerunRequest } from '../api/types';
import { PipelinesApi } from '../pipelines/api';
import { IWorkbench } from '../tokens';
import { pipelinesIcon } from '../ui/icons';
import { RunsApi } from './api';
import { WorkbenchDrive } from './drive';
import { ExecutedNotebooks } from './executed';
import { RunListModel } from './listmodel';
import { RunModel } from './model';
import type { RunActions } from './view';
import { RunListWidget, RunWidget } from './widgets';

export const RunCommandIDs = {
  /** `{ run: id }` */
  open: 'workbench:runs-open',
  /** `{ pipeline: id, name? }` */
  list: 'workbench:runs-list'
} as const;

/** Asks before something that ends or repeats work. */
async function sure(
  trans: TranslationBundle,
  title: string,
  body: string,
  label: string,
  warn = false
): Promise<boolean> {
  const button = warn ? Dialog.warnButton({ label }) : Dialog.okButton({ label });
  const keep = Dialog.cancelButton({ label: warn ? trans.__('Let it run') : trans.__('Cancel') });
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
        () => trans.__('This is kept by the Workbench and can only be read here.')
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

    const runs = new WidgetTracker<MainAreaWidget<RunWidget>>({ namespace: 'workbench-runs' });
    const lists = new WidgetTracker<MainAreaWidget<RunListWidget>>({
      namespace: 'workbench-runlists'
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
        const body = trans.__('What runs now is stopped, and what waits does not begin.');
        if (await sure(trans, title, body, trans.__('Cancel the run'), true)) {
          await model.cancel();
        }
      };
      const rerunAll = async (): Promise<void> => {
        const title = trans.__('Run all of it again?');
        const body = trans.__(
          'A new run does every task again, with the same version and the same parameters.'
        );
        if (await sure(trans, title, body, trans.__('Run again'))) {
          await again({ what: 'all', task: null });
        }
      };
      const rerunTask = async (task: string): Promise<void> => {
        const title = trans.__('Run “%1” again?', task);
        const body = trans.__(
          'A new run does this task alone, with the same parameters. Tasks that come after it are not run.'
        );
        if (await sure(trans, title, body, trans.__('Run this task'))) {
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

    const makeRun = (id: string, label: string): MainAreaWidget<RunWidget> => {
      const model = new RunModel(api, workbench.events, trans, id);
      const content = new RunWidget(model, actionsOf(model), trans);
      const widget = new MainAreaWidget({ content });
      widget.id = `workbench-run-${id}`;
      widget.title.label = label;
      widget.title.icon = pipelinesIcon;
      widget.title.closable = true;
      model.changed.connect(() => {
        const { run } = model.state;
        const known = run ? trans.__('%1, run %2', run.pipeline, run.number) : label;
        if (widget.title.label !== known) {
          widget.title.label = known;
          // After a reload the tab has it before the run is looked at.
          void runs.save(widget);
        }
      });
      return widget;
    };

    const makeList = (id: string, name: string): MainAreaWidget<RunListWidget> => {
      const model = new RunListModel(api, workbench.events, trans, id);
      const content = new RunListWidget(model, openRun, trans);
      const widget = new MainAreaWidget({ content });
      widget.id = `workbench-runlist-${id}`;
      widget.title.label = name ? trans.__('Runs of %1', name) : trans.__('Runs');
      widget.title.icon = pipelinesIcon;
      widget.title.closable = true;
      model.changed.connect(() => {
        const { pipeline } = model.state;
        if (pipeline) {
          widget.title.label = trans.__('Runs of %1', pipeline.name);
        }
      });
      return widget;
    };

    async function show<T extends MainAreaWidget>(
      tracker: WidgetTracker<T>,
      id: string,
      make: () => T
    ): Promise<void> {
      const widget = tracker.find(item => item.id === id) ?? make();
      if (!tracker.has(widget)) {
        await tracker.add(widget);
      }
      if (!widget.isAttached) {
        app.shell.add(widget, 'main', { type: 'Workbench' });
      }
      app.shell.activateById(widget.id);
    }

    commands.addCommand(RunCommandIDs.open, {
      label: trans.__('Open Run'),
      icon: pipelinesIcon,
      describedBy: {
        args: {
          type: 'object',
          required: ['run'],
          properties: {
            run: { type: 'string', description: trans.__("The run's id") },
            label: { type: 'string', description: trans.__('What the tab says until it is loaded') }
          }
        }
      },
      execute: async args => {
        const { run, label } = args as { run?: string; label?: string };
        if (run) {
          await show(runs, `workbench-run-${run}`, () => makeRun(run, label ?? trans.__('Run')));
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
            name: { type: 'string', description: trans.__('Its name, for the tab') }
          }
        }
      },
      execute: async args => {
        const { pipeline, name } = args as { pipeline?: string; name?: string };
        if (pipeline) {
          const id = `workbench-runlist-${pipeline}`;
          await show(lists, id, () => makeList(pipeline, name ?? ''));
        }
      }
    });
    if (restorer) {
      void restorer.restore(runs, {
        command: RunCommandIDs.open,
        args: widget => ({ run: widget.content.model.id, label: widget.title.label }),
        name: widget => widget.content.model.id
      });
      void restorer.restore(lists, {
        command: RunCommandIDs.list,
        args: widget => ({ pipeline: widget.content.model.pipeline }),
        name: widget => widget.content.model.pipeline
      });
    }
  }
};

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IDocumentManager } from '@jupyterlab/docmanager';
import { IDefaultFileBrowser } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { IStateDB } from '@jupyterlab/statedb';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { PipelinesApi } from '../api/pipelines';
import { ApiClient, SERVER_ROOT } from '../api/request';
import { IWorkbench } from '../api/tokens';
import { Folders } from '../pipelinefile/folder';
import { PipelineFiles } from '../pipelinefile/remember';
import { IPipelines } from '../pipelinefile/tokens';
import { RunCommandIDs } from '../runs/commandids';
import { offerCommands } from '../ui/commands';
import { CommandIDs } from './commandids';
import { addCommands } from './commands';
import { ROW_CLASS } from './list';
import { PipelinesModel } from './model';
import { runNew } from './startrun';
import { pipelinesPanel } from './view';

/** After the connections (300), before the table of contents (400). */
const RANK = 310;

/** The pipelines panel, with its commands. */
export const pipelinesPlugin: JupyterFrontEndPlugin<IPipelines> = {
  id: '@workbench/labext:pipelines',
  description: 'A side panel to run, schedule, change and share pipelines.',
  autoStart: true,
  provides: IPipelines,
  requires: [IWorkbench, IDocumentManager],
  optional: [
    ILabShell,
    ITranslator,
    ICommandPalette,
    ILauncher,
    ILayoutRestorer,
    IDefaultFileBrowser,
    IStateDB
  ],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    documents: IDocumentManager,
    shell: ILabShell | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    browser: IDefaultFileBrowser | null,
    state: IStateDB | null
  ): IPipelines => {
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const api = new PipelinesApi(workbench.api);
    const { contents, serverSettings } = app.serviceManager;
    const folders = new Folders(new ApiClient(trans, serverSettings, SERVER_ROOT), contents);
    const files = new PipelineFiles(state);
    const model = new PipelinesModel(api, workbench.events, trans);
    const provided: IPipelines = {
      api,
      files,
      folders,
      run: pipeline => app.commands.execute(CommandIDs.run, { pipeline }),
      runNew: async pipeline => {
        const run = await runNew(model, trans, pipeline);
        if (run) {
          await app.commands.execute(RunCommandIDs.open, { run: run.id });
        }
      }
    };
    // Voila loads every lab extension and has no side panels.
    if (!shell) {
      return provided;
    }
    const panel = pipelinesPanel({ model, commands: app.commands, trans });
    addCommands({ app, model, documents, folders, files, browser, trans, panelId: panel.id });
    shell.add(panel, 'left', { rank: RANK, type: 'Workbench' });
    restorer?.add(panel, panel.id);

    const category = trans.__('Workbench');
    const menu = [
      CommandIDs.run,
      CommandIDs.lastRun,
      CommandIDs.runs,
      CommandIDs.pause,
      CommandIDs.edit,
      CommandIDs.versions,
      CommandIDs.share,
      CommandIDs.delete
    ];
    offerCommands({
      app,
      palette,
      category,
      commands: Object.values(CommandIDs),
      rows: { selector: `.${ROW_CLASS}`, menu }
    });
    launcher?.add({ command: CommandIDs.open, category, rank: 1 });
    launcher?.add({ command: CommandIDs.create, args: { isLauncher: true }, category, rank: 3 });
    return provided;
  }
};

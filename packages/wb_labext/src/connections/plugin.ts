import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IWorkbench } from '../api/tokens';
import { ConnectionsApi } from './api';
import { offerCommands } from '../ui/commands';
import { CommandIDs } from './commandids';
import { addCommands } from './commands';
import { ConnectionsModel } from './model';
import { UploadApi } from './uploadapi';
import { ROW_CLASS } from './rowprops';
import { IConnectionKinds } from './tokens';
import { connectionsPanel } from './view';

/** After the file browser (100) and the running sessions (200), before the table of contents (400). */
const RANK = 300;

/** The connections panel, with its commands. */
export const connectionsPlugin: JupyterFrontEndPlugin<IConnectionKinds> = {
  id: '@workbench/labext:connections',
  description: 'A side panel to add, test, browse and query connections to data sources.',
  autoStart: true,
  provides: IConnectionKinds,
  requires: [IWorkbench],
  optional: [
    ILabShell,
    ITranslator,
    INotebookTracker,
    ICommandPalette,
    ILauncher,
    ILayoutRestorer,
    IFileBrowserFactory
  ],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    shell: ILabShell | null,
    translator: ITranslator | null,
    tracker: INotebookTracker | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    browsers: IFileBrowserFactory | null
  ): IConnectionKinds => {
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const api = new ConnectionsApi(workbench.api);
    const model = new ConnectionsModel(api, new UploadApi(workbench.api), workbench.events, trans);
    // Voila loads every lab extension and has no side panels.
    if (!shell) {
      return model;
    }

    const panel = connectionsPanel({ model, commands: app.commands, trans });
    addCommands({ app, model, tracker, browsers, restorer, trans, panelId: panel.id });
    shell.add(panel, 'left', { rank: RANK, type: 'Workbench' });
    restorer?.add(panel, panel.id);

    const category = trans.__('Workbench');
    const menu = [
      CommandIDs.preview,
      CommandIDs.query,
      CommandIDs.load,
      CommandIDs.copyName,
      CommandIDs.insertName,
      CommandIDs.count,
      CommandIDs.definition,
      CommandIDs.test,
      CommandIDs.signIn,
      CommandIDs.share,
      CommandIDs.edit,
      CommandIDs.routines,
      CommandIDs.delete
    ];
    offerCommands({
      app,
      palette,
      category,
      commands: Object.values(CommandIDs),
      rows: { selector: `.${ROW_CLASS}`, menu }
    });
    app.contextMenu.addItem({
      command: CommandIDs.loadFile,
      selector: '.jp-DirListing-item[data-isdir="false"]',
      rank: 4.5
    });
    launcher?.add({ command: CommandIDs.open, category, rank: 0 });
    return model;
  }
};

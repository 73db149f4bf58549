import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IConnectionKinds, IWorkbench } from '../tokens';
import { ConnectionsApi } from './api';
import { CommandIDs, addCommands } from './commands';
import { ConnectionsModel } from './model';
import { ConnectionsPanel, ROW_CLASS } from './panel';

const PANEL_ID = 'workbench-connections';

/** After the file browser (100) and the running sessions (200), before the table of contents (400). */
const RANK = 300;

/** The connections panel, with its commands. */
export const connectionsPlugin: JupyterFrontEndPlugin<IConnectionKinds> = {
  id: '@workbench/labext:connections',
  description: 'A side panel to add, test, browse and query connections to data sources.',
  autoStart: true,
  provides: IConnectionKinds,
  requires: [IWorkbench],
  optional: [ILabShell, ITranslator, INotebookTracker, ICommandPalette, ILauncher, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    shell: ILabShell | null,
    translator: ITranslator | null,
    tracker: INotebookTracker | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null
  ): IConnectionKinds => {
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const model = new ConnectionsModel({
      api: new ConnectionsApi(workbench.api),
      events: workbench.events,
      trans
    });
    // Voila loads every lab extension and has no side panels.
    if (!shell) {
      return model;
    }
    addCommands({ app, model, tracker, trans, panelId: PANEL_ID });

    const panel = new ConnectionsPanel({ model, commands: app.commands, trans });
    panel.id = PANEL_ID;
    shell.add(panel, 'left', { rank: RANK, type: 'Workbench' });
    restorer?.add(panel, PANEL_ID);

    [
      CommandIDs.query,
      CommandIDs.test,
      CommandIDs.signIn,
      CommandIDs.share,
      CommandIDs.edit,
      CommandIDs.delete
    ].forEach((command, index) => {
      app.contextMenu.addItem({ command, selector: `.${ROW_CLASS}`, rank: index });
    });
    const category = trans.__('Workbench');
    for (const command of Object.values(CommandIDs)) {
      palette?.addItem({ command, category });
    }
    launcher?.add({ command: CommandIDs.open, category, rank: 0 });
    return model;
  }
};

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { Widget } from '@lumino/widgets';

import { notify } from '../ui/notify';
import { RunCommandIDs } from '../runs/commandids';
import { IWorkbench } from '../api/tokens';
import { queriesIcon } from '../ui/icons';
import { addMainView } from '../ui/mainview';
import { QueriesApi } from './api';
import { QueriesModel } from './model';
import { statusItem } from './statusitem';
import { queriesWidget } from './view';

/** A view of running queries and limits. */
export const queriesPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:queries',
  description: 'A view of running queries and of limits, and their count in the status bar.',
  autoStart: true,
  requires: [IWorkbench],
  optional: [ILabShell, ITranslator, ICommandPalette, ILauncher, ILayoutRestorer, IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    shell: ILabShell | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    statusBar: IStatusBar | null
  ): void => {
    // Voila loads every lab extension and has no main area.
    if (!shell) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const model = new QueriesModel(new QueriesApi(workbench.api), workbench.events, trans);
    const make = (): Widget =>
      queriesWidget({
        model,
        trans,
        fail: error => notify(trans, 'error', model.message(error)),
        openRun: run => void app.commands.execute(RunCommandIDs.open, { run })
      });
    const open = addMainView({
      app,
      trans,
      name: 'queries',
      label: trans.__('Running Queries'),
      caption: trans.__('Show running queries and limits'),
      icon: queriesIcon,
      rank: 2,
      make,
      palette,
      launcher,
      restorer
    });
    if (statusBar) {
      const onClick = (): void => void app.commands.execute(open);
      statusBar.registerStatusItem('@workbench/labext:queries', {
        item: statusItem({ model, trans, onClick }),
        align: 'right',
        rank: 900,
        isActive: () => (model.state.own?.running ?? 0) + (model.state.own?.waiting ?? 0) > 0,
        activeStateChanged: model.changed
      });
      void app.restored.then(() => model.start());
    }
  }
};

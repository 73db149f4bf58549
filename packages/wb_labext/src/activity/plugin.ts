import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { Clipboard, ICommandPalette } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import type { Widget } from '@lumino/widgets';

import { notify } from '../ui/notify';
import { IWorkbench } from '../api/tokens';
import { activityIcon } from '../ui/icons';
import { addMainView } from '../ui/mainview';
import { insertCell } from '../ui/notebook';
import { ActivityApi } from './api';
import { ActivityModel } from './model';
import { activityWidget } from './view';

/** A view of the user's activity, from the audit log. */
export const activityPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:activity',
  description: "A view of the user's activity in the audit log; of everyone's for administrators.",
  autoStart: true,
  requires: [IWorkbench],
  optional: [ILabShell, ITranslator, INotebookTracker, ICommandPalette, ILauncher, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    shell: ILabShell | null,
    translator: ITranslator | null,
    notebooks: INotebookTracker | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null
  ): void => {
    // Voila loads every lab extension and has no main area.
    if (!shell) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const make = (): Widget =>
      activityWidget({
        model: new ActivityModel(new ActivityApi(workbench.api), trans),
        trans,
        openQuery: (connection, statement) =>
          void insertCell(app, notebooks, `%%sql ${connection}\n${statement}`, trans).catch(() =>
            notify(trans, 'error', trans.__('Could not open the notebook.'))
          ),
        copy: text => {
          Clipboard.copyToSystem(text);
          notify(trans, 'info', trans.__('Statement copied.'), { autoClose: 2_000 });
        }
      });
    addMainView({
      app,
      trans,
      name: 'activity',
      label: trans.__('My Activity'),
      caption: trans.__('Show what you queried, tested, changed and shared'),
      icon: activityIcon,
      rank: 1,
      make,
      palette,
      launcher,
      restorer
    });
  }
};

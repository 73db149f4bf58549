import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { Clipboard, ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { IWorkbench } from '../tokens';
import { activityIcon } from '../ui/icons';
import { addMainView } from '../ui/mainview';
import { insertCell } from '../ui/notebook';
import { ActivityApi } from './api';
import { ActivityModel } from './model';
import { ActivityView } from './view';

/** A view of what one did, from the audit log. */
export const activityPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:activity',
  description:
    "A view of one's own activity, as the audit log has it; of everybody's for administrators.",
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
    const make = (): ReactWidget => {
      const model = new ActivityModel(new ActivityApi(workbench.api), trans);
      const content = ReactWidget.create(
        <ActivityView
          model={model}
          trans={trans}
          openQuery={(connection, statement) =>
            void insertCell(app, notebooks, `%%sql ${connection}\n${statement}`).catch(() =>
              Notification.error(trans.__('The notebook could not be opened.'))
            )
          }
          copy={text => {
            Clipboard.copyToSystem(text);
            Notification.info(trans.__('The statement was copied.'), { autoClose: 2_000 });
          }}
        />
      );
      content.addClass('wb-Activity');
      content.disposed.connect(() => model.dispose());
      void model.refresh();
      return content;
    };
    addMainView({
      app,
      trans,
      name: 'activity',
      label: trans.__('My Activity'),
      caption: trans.__('What you queried, tested, changed and shared'),
      icon: activityIcon,
      rank: 1,
      make,
      palette,
      launcher,
      restorer
    });
  }
};

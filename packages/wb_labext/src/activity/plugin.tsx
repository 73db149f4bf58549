import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import {
  Clipboard,
  ICommandPalette,
  MainAreaWidget,
  Notification,
  WidgetTracker
} from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { IWorkbench } from '../tokens';
import { activityIcon } from '../ui/icons';
import { insertCell } from '../ui/notebook';
import { ActivityApi } from './api';
import { ActivityModel } from './model';
import { ActivityView } from './view';

const OPEN = 'workbench:activity-open';

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
    const tracker = new WidgetTracker<MainAreaWidget>({ namespace: 'workbench-activity' });
    let widget: MainAreaWidget | null = null;

    const make = (): MainAreaWidget => {
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
      const made = new MainAreaWidget({ content });
      made.id = 'workbench-activity';
      made.title.label = trans.__('My Activity');
      made.title.icon = activityIcon;
      made.title.closable = true;
      made.disposed.connect(() => {
        model.dispose();
        widget = null;
      });
      void model.refresh();
      return made;
    };

    app.commands.addCommand(OPEN, {
      label: trans.__('My Activity'),
      caption: trans.__('What you queried, tested, changed and shared'),
      icon: activityIcon,
      describedBy: { args: { type: 'object', properties: {} } },
      execute: async () => {
        widget ??= make();
        if (!tracker.has(widget)) {
          await tracker.add(widget);
        }
        if (!widget.isAttached) {
          app.shell.add(widget, 'main', { type: 'Workbench' });
        }
        app.shell.activateById(widget.id);
      }
    });
    const category = trans.__('Workbench');
    palette?.addItem({ command: OPEN, category });
    launcher?.add({ command: OPEN, category, rank: 1 });
    if (restorer) {
      void restorer.restore(tracker, { command: OPEN, name: () => 'activity' });
    }
  }
};

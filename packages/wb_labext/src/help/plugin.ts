import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { IRenderMimeRegistry } from '@jupyterlab/rendermime';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { MainViews } from '../ui/mainview';
import { Pages } from './pages';
import { HelpView } from './view';

/** Opens a page of the documentation; this plugin's schema also adds it to the `Help` menu. */
const OPEN = 'workbench:help-open';

/** The Workbench's documentation in Lab, without the network. */
export const helpPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:help',
  description: "The Workbench's documentation.",
  autoStart: true,
  requires: [IRenderMimeRegistry],
  optional: [ILabShell, ITranslator, ICommandPalette, ILayoutRestorer],
  activate: (
    app: JupyterFrontEnd,
    rendermime: IRenderMimeRegistry,
    shell: ILabShell | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    restorer: ILayoutRestorer | null
  ): void => {
    // Voila loads every lab extension and has no main area.
    if (!shell) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const pages = new Pages(app.serviceManager.serverSettings, trans);
    const views = new MainViews<HelpView>({
      app,
      namespace: 'workbench-help',
      command: OPEN,
      args: ({ page }) => ({ page }),
      name: () => 'help',
      restorer
    });
    app.commands.addCommand(OPEN, {
      label: trans.__('Workbench Documentation'),
      caption: trans.__('Show the documentation of the Workbench'),
      describedBy: {
        args: {
          type: 'object',
          properties: {
            page: { type: 'string', description: trans.__('A page, such as connections.md') }
          }
        }
      },
      execute: async args => {
        const page = typeof args.page === 'string' ? args.page : undefined;
        let made = false;
        const view = await views.open('workbench-help', () => {
          made = true;
          return new HelpView(pages, rendermime, trans, page);
        });
        if (!made && page) {
          await view.open(page);
        }
      }
    });
    palette?.addItem({ command: OPEN, category: trans.__('Help') });
  }
};

import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ICommandPalette } from '@jupyterlab/apputils';
import { PageConfig, URLExt } from '@jupyterlab/coreutils';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

/** Opens the Hub's token page; this plugin's schema also adds it to the `File` menu. */
const OPEN = 'workbench:hubtokens-open';

/** A command in Lab that opens the page to create and revoke tokens for scripts. */
export const hubTokensPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:hubtokens',
  description: "A command that opens the Hub's page of tokens.",
  autoStart: true,
  optional: [ICommandPalette, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    palette: ICommandPalette | null,
    translator: ITranslator | null
  ): void => {
    const prefix = PageConfig.getOption('hubPrefix');
    // Without a Hub there are no tokens.
    if (!prefix) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('wb_labext');
    app.commands.addCommand(OPEN, {
      label: trans.__('Tokens…'),
      caption: trans.__('Create, view and revoke tokens for scripts (opens a new browser tab)'),
      describedBy: { args: { type: 'object', properties: {} } },
      execute: () => {
        const host = PageConfig.getOption('hubHost');
        window.open(host + URLExt.join(prefix, 'token'), '_blank', 'noopener');
      }
    });
    palette?.addItem({ command: OPEN, category: trans.__('Workbench') });
  }
};

import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

/** The description of a command without arguments. */
export const NO_ARGS = { args: { type: 'object', properties: {} } } as const;

/**
 * A command about a thing, offered if the thing exists and the user may do it.
 *
 * @param find - the thing that the arguments name, or the selected one; null if there is none
 * @param fail - shows an error
 */
export function about<T>(
  find: (args: ReadonlyPartialJSONObject) => T | null,
  act: (thing: T, args: ReadonlyPartialJSONObject) => Promise<void>,
  fail?: (error: unknown) => void
): Required<Pick<CommandRegistry.ICommandOptions, 'isEnabled' | 'isVisible' | 'execute'>> {
  return {
    isEnabled: args => find(args) !== null,
    isVisible: args => find(args) !== null,
    execute: async args => {
      const thing = find(args);
      if (thing !== null) {
        await act(thing, args).catch((error: unknown) => {
          if (!fail) {
            throw error;
          }
          fail(error);
        });
      }
    }
  };
}

/** Adds commands to the palette, and those about a row to its context menu. */
export function offerCommands(options: {
  app: JupyterFrontEnd;
  palette: ICommandPalette | null;
  category: string;
  commands: readonly string[];
  /** The selector of the rows, and the items of their menu, in order. */
  rows: { selector: string; menu: readonly string[] };
}): void {
  const { app, palette, category, rows } = options;
  options.commands.forEach(command => palette?.addItem({ command, category }));
  rows.menu.forEach((command, rank) => {
    app.contextMenu.addItem({ command, selector: rows.selector, rank });
  });
}

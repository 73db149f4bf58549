import type { JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

/** What a command without arguments takes. */
export const NO_ARGS = { args: { type: 'object', properties: {} } } as const;

/**
 * A command about a thing: offered where the thing exists and the user may do it.
 *
 * @param find - the thing that the arguments name, or the selected one; null where there is none
 * @param fail - says what went wrong
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

/** Puts commands into the palette, and those about a row into its context menu. */
export function offerCommands(options: {
  app: JupyterFrontEnd;
  palette: ICommandPalette | null;
  category: string;
  commands: readonly string[];
  /** The selector of the rows, and what their menu has, in its order. */
  rows: { selector: string; menu: readonly string[] };
}): void {
  const { app, palette, category, rows } = options;
  options.commands.forEach(command => palette?.addItem({ command, category }));
  rows.menu.forEach((command, rank) => {
    app.contextMenu.addItem({ command, selector: rows.selector, rank });
  });
}

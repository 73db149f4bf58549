import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { Widget } from '@lumino/widgets';

export interface MainViewOptions {
  app: JupyterFrontEnd;
  trans: TranslationBundle;
  /** The view's name in ids: its command is `workbench:NAME-open`. */
  name: string;
  label: string;
  caption: string;
  icon: LabIcon;
  /** Its place among the Workbench's cards in the launcher. */
  rank: number;
  /** Makes what is shown, each time that it is opened anew. */
  make: () => Widget;
  palette: ICommandPalette | null;
  launcher: ILauncher | null;
  restorer: ILayoutRestorer | null;
}

/**
 * A view in the main area that is there once: opened from the palette, the launcher or by its
 * command, brought to the front where it is open, and open again after a reload.
 *
 * @returns the id of its command
 */
export function addMainView(options: MainViewOptions): string {
  const { app, trans, name, label, caption, icon, palette, launcher, restorer } = options;
  const command = `workbench:${name}-open`;
  const tracker = new WidgetTracker<MainAreaWidget>({ namespace: `workbench-${name}` });
  let widget: MainAreaWidget | null = null;

  const make = (): MainAreaWidget => {
    const made = new MainAreaWidget({ content: options.make() });
    made.id = `workbench-${name}`;
    made.title.label = label;
    made.title.icon = icon;
    made.title.closable = true;
    made.disposed.connect(() => {
      widget = null;
    });
    return made;
  };

  app.commands.addCommand(command, {
    label,
    caption,
    icon,
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
  palette?.addItem({ command, category });
  launcher?.add({ command, category, rank: options.rank });
  if (restorer) {
    void restorer.restore(tracker, { command, name: () => name });
  }
  return command;
}

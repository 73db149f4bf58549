import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import type { ICommandPalette } from '@jupyterlab/apputils';
import { MainAreaWidget, WidgetTracker } from '@jupyterlab/apputils';
import type { ILauncher } from '@jupyterlab/launcher';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import type { Widget } from '@lumino/widgets';

export interface MainViewsOptions<T extends Widget> {
  app: JupyterFrontEnd;
  namespace: string;
  /** The command that reopens a view after a reload. */
  command: string;
  /** The command's arguments for a view; `name` identifies it among the others. */
  args: (view: T) => ReadonlyPartialJSONObject;
  name: (view: T) => string;
  restorer: ILayoutRestorer | null;
}

/**
 * Views in the main area. Each is opened once: an open view is brought to the front, and it reopens
 * after a reload.
 */
export class MainViews<T extends Widget> {
  constructor(private readonly options: MainViewsOptions<T>) {
    const { namespace, command, args, name, restorer } = options;
    this.tracker = new WidgetTracker<MainAreaWidget<T>>({ namespace });
    if (restorer) {
      void restorer.restore(this.tracker, {
        command,
        args: ({ content }) => args(content),
        name: ({ content }) => name(content)
      });
    }
  }

  /** Shows the view with this id, and returns it. */
  async open(id: string, make: () => T): Promise<T> {
    const { shell } = this.options.app;
    const widget = this.tracker.find(item => item.id === id) ?? this.frame(id, make());
    if (!this.tracker.has(widget)) {
      await this.tracker.add(widget);
      // After a reload the tab has a label before anything is fetched.
      let { label } = widget.title;
      widget.title.changed.connect(title => {
        if (title.label !== label) {
          label = title.label;
          void this.tracker.save(widget);
        }
      });
    }
    if (!widget.isAttached) {
      shell.add(widget, 'main', { type: 'Workbench' });
    }
    shell.activateById(widget.id);
    return widget.content;
  }

  /** Frames a view; the frame takes its title from the view. */
  private frame(id: string, content: T): MainAreaWidget<T> {
    const widget = new MainAreaWidget({ content });
    widget.id = id;
    return widget;
  }

  private readonly tracker: WidgetTracker<MainAreaWidget<T>>;
}

export interface MainViewOptions {
  app: JupyterFrontEnd;
  trans: TranslationBundle;
  /** The view's name in ids: its command is `workbench:NAME-open`. */
  name: string;
  label: string;
  caption: string;
  icon: LabIcon;
  /** Its rank among the Workbench's cards in the launcher. */
  rank: number;
  /** Creates the content, each time the view is opened. */
  make: () => Widget;
  palette: ICommandPalette | null;
  launcher: ILauncher | null;
  restorer: ILayoutRestorer | null;
}

/**
 * A view that exists once, opened from the palette, the launcher or by its command.
 *
 * @returns the id of its command
 */
export function addMainView(options: MainViewOptions): string {
  const { app, trans, name, label, caption, icon, palette, launcher, restorer } = options;
  const command = `workbench:${name}-open`;
  const namespace = `workbench-${name}`;
  const views = new MainViews({
    app,
    namespace,
    command,
    args: () => ({}),
    name: () => name,
    restorer
  });
  app.commands.addCommand(command, {
    label,
    caption,
    icon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: async () => {
      await views.open(namespace, options.make);
    }
  });
  const category = trans.__('Workbench');
  palette?.addItem({ command, category });
  launcher?.add({ command, category, rank: options.rank });
  return command;
}

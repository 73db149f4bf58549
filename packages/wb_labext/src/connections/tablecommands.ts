/** The commands of tables, and of names in the tree. */
import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard } from '@jupyterlab/apputils';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import { FileEditor } from '@jupyterlab/fileeditor';
import { NotebookPanel } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon, pasteIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { about } from '../ui/commands';
import { tableIcon } from '../ui/icons';
import { MainViews } from '../ui/mainview';
import { notify } from '../ui/notify';
import type { ViewWidget } from '../ui/viewwidget';
import { CommandIDs } from './commandids';
import type { ConnectionsModel } from './model';
import type { TableTab } from './tablemodel';
import { TableModel } from './tablemodel';
import { tableWidget } from './tableview';
import type { Place } from './tree';

export interface TableCommandOptions {
  app: JupyterFrontEnd;
  model: ConnectionsModel;
  restorer: ILayoutRestorer | null;
  trans: TranslationBundle;
  /** The place that the arguments name, or the selected one. */
  placeOf: (args: ReadonlyPartialJSONObject) => Place | null;
  describedBy: CommandRegistry.ICommandOptions['describedBy'];
}

/** Registers the commands. */
export function addTableCommands(options: TableCommandOptions): void {
  const { app, model, restorer, trans, placeOf, describedBy } = options;
  const { commands, shell } = app;
  const fail = (error: unknown): void => notify(trans, 'error', model.message(error));

  /** A table, or the table of a column. */
  const tableOf = (args: ReadonlyPartialJSONObject): (Place & { table: string }) | null => {
    const place = placeOf(args);
    const connection = place && model.item(place.connection);
    return place?.table !== undefined && connection && model.may(connection, 'read')
      ? { ...place, table: place.table }
      : null;
  };

  const nameOf = (place: Place): string => model.nameOf(place);
  const namedOf = (args: ReadonlyPartialJSONObject): Place | null => {
    const place = placeOf(args);
    return place?.schema || place?.table !== undefined ? place : null;
  };

  const views = new MainViews<ViewWidget<TableModel>>({
    app,
    namespace: 'workbench-tables',
    command: CommandIDs.preview,
    args: ({ model: { place } }) => ({ ...place }),
    name: ({ model: { place } }) => JSON.stringify(place),
    restorer
  });
  const open = async (place: Place & { table: string }, tab: TableTab): Promise<void> => {
    const { connection, schema, table } = place;
    await model.start();
    const title = `${model.item(connection)?.name ?? ''}: ${nameOf({ connection, schema, table })}`;
    const id = `workbench-table-${JSON.stringify([connection, schema ?? null, table])}`;
    const view = await views.open(id, () =>
      tableWidget({
        model: new TableModel(model.api, { connection, schema, table }, title, tab, trans),
        trans
      })
    );
    view.model.show(tab);
  };

  commands.addCommand(CommandIDs.preview, {
    label: trans.__('Preview Table'),
    caption: trans.__('Show the first rows'),
    icon: tableIcon,
    describedBy,
    ...about(tableOf, place => open(place, 'rows'), fail)
  });

  commands.addCommand(CommandIDs.definition, {
    label: trans.__('Keys and Definition'),
    caption: trans.__('Show keys, constraints, indexes and the definition as SQL'),
    describedBy,
    ...about(tableOf, place => open(place, 'definition'), fail)
  });

  commands.addCommand(CommandIDs.count, {
    label: trans.__('Count Rows'),
    describedBy,
    ...about(
      tableOf,
      async place => {
        const { rows } = await model.api.count(place);
        const name = nameOf({ ...place, column: undefined });
        const number = rows.toLocaleString();
        const text = trans._n('%2 has %3 row.', '%2 has %3 rows.', rows, name, number);
        notify(trans, 'info', text, { autoClose: 10_000 });
      },
      fail
    )
  });

  commands.addCommand(CommandIDs.copyName, {
    label: trans.__('Copy Name'),
    caption: trans.__('Copy the name as SQL has it'),
    icon: copyIcon,
    describedBy,
    ...about(namedOf, place => {
      Clipboard.copyToSystem(nameOf(place));
      notify(trans, 'info', trans.__('“%1” copied.', nameOf(place)), { autoClose: 2_000 });
      return Promise.resolve();
    })
  });

  /** The editor that the user typed in last: of the active cell, or of a file. */
  const editor = (): CodeEditor.IEditor | null => {
    const widget = shell.currentWidget;
    if (widget instanceof NotebookPanel) {
      return widget.content.model?.readOnly ? null : (widget.content.activeCell?.editor ?? null);
    }
    const content = (widget as { content?: unknown } | null)?.content;
    return content instanceof FileEditor && !content.context.model.readOnly ? content.editor : null;
  };

  commands.addCommand(CommandIDs.insertName, {
    label: trans.__('Insert Name at Cursor'),
    caption: trans.__('Insert the name into the current cell or file'),
    icon: pasteIcon,
    describedBy,
    ...about(
      args => (editor() ? namedOf(args) : null),
      place => {
        const target = editor();
        target?.replaceSelection?.(nameOf(place));
        target?.focus();
        return Promise.resolve();
      }
    )
  });
}

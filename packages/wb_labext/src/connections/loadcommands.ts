/** The command that loads a file into a table, and what is dropped on the tree. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { InputDialog } from '@jupyterlab/apputils';
import { PathExt } from '@jupyterlab/coreutils';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';
import { fileUploadIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { ApiError } from '../api/request';
import type { ConnectionView } from '../api/types';
import { NO_ARGS, about } from '../ui/commands';
import { notify } from '../ui/notify';
import { CommandIDs } from './commandids';
import { openLoadDialog } from './loadform';
import type { ConnectionsModel } from './model';
import type { Place } from './tree';
import type { LocalFile } from './uploadapi';

/** The files in Lab that can be loaded. */
const READABLE = /\.(csv|tsv|txt|xlsx|xlsm|json|jsonl|ndjson|parquet|dat)(\.gz)?$/i;

/** What the file picker offers first. */
const ENDINGS =
  '.csv,.tsv,.txt,.xlsx,.xlsm,.json,.jsonl,.ndjson,.parquet,.csv.gz,.tsv.gz,.json.gz,.gz';

export interface LoadCommandOptions {
  app: JupyterFrontEnd;
  model: ConnectionsModel;
  browsers: IFileBrowserFactory | null;
  trans: TranslationBundle;
  placeOf: (args: ReadonlyPartialJSONObject) => Place | null;
  describedBy: CommandRegistry.ICommandOptions['describedBy'];
}

/** Registers the command. */
export function addLoadCommand(options: LoadCommandOptions): void {
  const { app, model, trans, placeOf, describedBy } = options;
  const fail = (error: unknown): void => notify(trans, 'error', model.message(error));

  const find = (args: ReadonlyPartialJSONObject): Place | null => {
    const place = placeOf(args);
    const connection = place && model.item(place.connection);
    return connection && model.mayLoad(connection) && place.column === undefined ? place : null;
  };

  app.commands.addCommand(CommandIDs.load, {
    label: trans.__('Load a File…'),
    caption: trans.__('Load a spreadsheet, CSV, JSON or Parquet file into a table'),
    icon: fileUploadIcon,
    describedBy,
    ...about(
      find,
      async (place, args) => {
        const path = args.path;
        const file =
          typeof path === 'string' ? await fileOf(app, path, trans) : await pickFile(place);
        if (file) {
          await load(file, place);
        }
      },
      fail
    )
  });

  app.commands.addCommand(CommandIDs.loadFile, {
    label: trans.__('Load into a Table…'),
    caption: trans.__('Load the file into a table of a connection'),
    icon: fileUploadIcon,
    describedBy: NO_ARGS,
    isVisible: () => selected() !== null,
    isEnabled: () => selected() !== null,
    execute: async () => {
      const path = selected();
      await model.start();
      const connection = await chooseConnection(model, trans);
      if (path !== null && connection !== null) {
        try {
          await load(await fileOf(app, path, trans), { connection });
        } catch (error) {
          fail(error);
        }
      }
    }
  });

  /** The path of the file that is selected in the file browser, if it is one that can be read. */
  const selected = (): string | null => {
    const items = [...(options.browsers?.tracker.currentWidget?.selectedItems() ?? [])];
    const [item] = items;
    const fits = items.length === 1 && item.type !== 'directory' && READABLE.test(item.name);
    return fits ? item.path : null;
  };

  model.dropped.connect((_, { place, what }) => {
    const connection = model.item(place.connection);
    if (!connection) {
      return;
    }
    if (!model.mayLoad(connection)) {
      notify(trans, 'warning', whyNot(model, connection, trans));
      return;
    }
    const file = 'file' in what ? asLocal(what.file) : fileOf(app, what.path, trans);
    Promise.resolve(file)
      .then(it => load(it, place))
      .catch(fail);
  });

  async function load(file: LocalFile, place: Place): Promise<void> {
    const connection = model.item(place.connection);
    if (!connection) {
      return;
    }
    const { schema, table } = place;
    const done = await openLoadDialog(
      model,
      trans,
      connection,
      {
        connection: connection.id,
        schema,
        table
      },
      file
    );
    if (!done) {
      return;
    }
    model.forget(connection.id);
    const name = [done.schema, done.table].filter(Boolean).join('.');
    const text = trans._n(
      '%2 row loaded into %3.',
      '%2 rows loaded into %3.',
      done.rows,
      done.rows.toLocaleString(),
      name
    );
    const args = { connection: connection.id, schema: done.schema, table: done.table };
    notify(trans, 'success', text, {
      autoClose: 15_000,
      actions: [
        {
          label: trans.__('Open'),
          caption: trans.__('Show the first rows of the table'),
          callback: () => void app.commands.execute(CommandIDs.preview, args)
        }
      ]
    });
  }
}

/** Lets the user choose a connection that files can be loaded into; null if they don't. */
async function chooseConnection(
  model: ConnectionsModel,
  trans: TranslationBundle
): Promise<string | null> {
  const fitting = model.state.items.filter(connection => model.mayLoad(connection));
  if (fitting.length === 0) {
    notify(
      trans,
      'warning',
      trans.__(
        'There is no connection that you may load files into. It takes a database, the role analyst, and the level write of the connection.'
      )
    );
    return null;
  }
  if (fitting.length === 1) {
    return fitting[0].id;
  }
  const { value } = await InputDialog.getItem({
    title: trans.__('Load the file into'),
    label: trans.__('Connection'),
    items: fitting.map(({ name }) => name),
    okLabel: trans.__('Continue')
  });
  return fitting.find(({ name }) => name === value)?.id ?? null;
}

/** Why nothing can be loaded into a connection, and what to do. */
function whyNot(
  model: ConnectionsModel,
  connection: ConnectionView,
  trans: TranslationBundle
): string {
  const connector = model.connector(connection.connector);
  return connector?.capabilities.includes('load')
    ? trans.__(
        'You may not write to “%1”. It takes the role analyst, and the level write of the connection.',
        connection.name
      )
    : trans.__(
        'Files can’t be loaded into “%1”: a connection of the kind %2 is read-only.',
        connection.name,
        connector?.title ?? connection.connector
      );
}

function asLocal(file: File): LocalFile {
  return { name: file.name, blob: file };
}

/** A file of the user's computer; null if none was chosen. */
function pickFile(place: Place): Promise<LocalFile | null> {
  const input = document.createElement('input');
  input.type = 'file';
  input.accept = ENDINGS;
  input.dataset.connection = place.connection;
  return new Promise(resolve => {
    input.onchange = () => resolve(input.files?.[0] ? asLocal(input.files[0]) : null);
    input.oncancel = () => resolve(null);
    input.click();
  });
}

/** A file of the user's folder in Lab. */
async function fileOf(
  app: JupyterFrontEnd,
  path: string,
  trans: TranslationBundle
): Promise<LocalFile> {
  const { contents, serverSettings } = app.serviceManager;
  const name = PathExt.basename(contents.localPath(path));
  const url = await contents.getDownloadUrl(path);
  const answer = await ServerConnection.makeRequest(url, {}, serverSettings);
  if (!answer.ok) {
    throw new ApiError(
      trans.__('“%1” can’t be read. Only single files can be loaded, no folders.', name),
      'unreadable',
      answer.status
    );
  }
  return { name, blob: await answer.blob() };
}

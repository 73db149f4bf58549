import type { ILayoutRestorer, JupyterFrontEnd } from '@jupyterlab/application';
import type { IFileBrowserFactory } from '@jupyterlab/filebrowser';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { addIcon, editIcon, refreshIcon } from '@jupyterlab/ui-components';

import { notify } from '../ui/notify';
import type { ConnectionView } from '../api/types';
import { addOwnedCommands } from '../sharing/commands';
import { NO_ARGS, about } from '../ui/commands';
import { connectionsIcon, keyIcon, queryIcon, testIcon } from '../ui/icons';
import { insertCell } from '../ui/notebook';
import { CommandIDs } from './commandids';
import { confirmDelete } from './confirm';
import { openConnectionDialog } from './form';
import { addLoadCommand } from './loadcommands';
import type { ConnectionsModel } from './model';
import { openCredentialsDialog } from './credentialsdialog';
import { openRoutinesDialog } from './routinesdialog';
import { cellText } from './sql';
import { addTableCommands } from './tablecommands';
import type { Place } from './tree';
import { keyOf } from './tree';
import { needsCredentials } from './words';

export interface CommandOptions {
  app: JupyterFrontEnd;
  model: ConnectionsModel;
  tracker: INotebookTracker | null;
  browsers: IFileBrowserFactory | null;
  restorer: ILayoutRestorer | null;
  trans: TranslationBundle;
  /** The panel's id in the shell. */
  panelId: string;
}

/**
 * Registers the room's commands.
 *
 * Those about a connection take `{ connection: id, schema?, table? }`, or the selected row.
 */
export function addCommands(options: CommandOptions): void {
  const { app, model, tracker, browsers, restorer, trans, panelId } = options;
  const { commands } = app;

  function placeOf(args: object): Place | null {
    const { connection, schema, table, column } = args as Partial<Place>;
    return connection ? { connection, schema, table, column } : model.activePlace;
  }

  function target(args: object, action: string): ConnectionView | null {
    const connection = model.item(placeOf(args)?.connection ?? null);
    return connection && model.may(connection, action) ? connection : null;
  }

  /** Most commands are about connections, not about a table that happens to be selected. */
  function ownTarget(args: object, action: string): ConnectionView | null {
    const place = placeOf(args);
    return place?.schema === undefined && place?.table === undefined ? target(args, action) : null;
  }

  commands.addCommand(CommandIDs.open, {
    label: trans.__('Connections'),
    caption: trans.__('Show the connections to data sources'),
    icon: connectionsIcon,
    describedBy: NO_ARGS,
    execute: () => app.shell.activateById(panelId)
  });

  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Connections'),
    caption: trans.__('Refresh connections'),
    icon: refreshIcon,
    describedBy: NO_ARGS,
    execute: () => model.reload()
  });

  commands.addCommand(CommandIDs.add, {
    label: trans.__('Add Connection…'),
    caption: trans.__('Add a connection'),
    icon: addIcon,
    describedBy: NO_ARGS,
    isEnabled: () => model.state.phase !== 'ready' || model.mayCreate,
    execute: async () => {
      app.shell.activateById(panelId);
      await model.start();
      if (model.mayCreate) {
        const added = await openConnectionDialog(model, trans);
        if (added) {
          const key = keyOf({ connection: added.id });
          model.select(key);
          app.shell.activateById(panelId);
          if (needsCredentials(added)) {
            await commands.execute(CommandIDs.signIn, { connection: added.id });
          } else if (
            model.rows.some(row => row.key === key && 'expanded' in row && row.expanded === false)
          ) {
            // Its tables, or why there are none: nobody should wonder whether it works.
            model.expand(key);
          }
        }
      } else if (model.state.phase === 'ready') {
        notify(trans, 'warning', trans.__('You need the role engineer to add a connection.'));
      }
    }
  });

  const describedBy = {
    args: {
      type: 'object',
      properties: {
        connection: { type: 'string', description: trans.__("The connection's id") },
        schema: { type: 'string', description: trans.__('A schema of it') },
        table: { type: 'string', description: trans.__('A table of it') },
        column: { type: 'string', description: trans.__('A column of the table') }
      }
    }
  } as const;

  commands.addCommand(CommandIDs.query, {
    label: trans.__('Query in Notebook'),
    caption: trans.__('Insert a %%sql cell into the current notebook, or into a new one'),
    icon: queryIcon,
    describedBy,
    ...about(
      args => {
        const connection = target(args, 'read');
        // An API takes no SQL.
        return connection && model.connector(connection.connector)?.sql !== null
          ? connection
          : null;
      },
      async ({ name, connector }, args) => {
        const { schema, table } = placeOf(args) ?? {};
        const text = cellText({
          connection: name,
          sql: model.connector(connector)?.sql,
          schema,
          table
        });
        await insertCell(app, tracker, text, trans);
      },
      error => notify(trans, 'error', model.message(error))
    )
  });

  addLoadCommand({ app, model, browsers, trans, placeOf, describedBy });
  addTableCommands({ app, model, restorer, trans, placeOf, describedBy });

  commands.addCommand(CommandIDs.test, {
    label: trans.__('Test Connection'),
    caption: trans.__('Check that the source responds'),
    icon: testIcon,
    describedBy,
    ...about(
      args => ownTarget(args, 'test'),
      ({ id }) => model.test(id)
    )
  });

  commands.addCommand(CommandIDs.edit, {
    label: trans.__('Edit Connection…'),
    icon: editIcon,
    describedBy,
    ...about(
      args => ownTarget(args, 'update'),
      async connection => {
        await openConnectionDialog(model, trans, connection);
      }
    )
  });

  commands.addCommand(CommandIDs.routines, {
    label: trans.__('Allowed Functions…'),
    caption: trans.__('Choose which functions and procedures of the database statements may call'),
    icon: editIcon,
    describedBy,
    ...about(
      args => ownTarget(args, 'routines'),
      connection => openRoutinesDialog(model, trans, connection)
    )
  });

  commands.addCommand(CommandIDs.signIn, {
    label: trans.__('My Credentials…'),
    caption: trans.__('Enter, test or remove your own credentials for the connection'),
    icon: keyIcon,
    describedBy,
    ...about(
      args => {
        const connection = ownTarget(args, 'see');
        return connection && model.mayHaveCredentials(connection) ? connection : null;
      },
      connection => openCredentialsDialog(model, trans, connection)
    )
  });

  addOwnedCommands({
    commands,
    model,
    ids: CommandIDs,
    describedBy,
    find: ownTarget,
    confirmDelete: async item => confirmDelete(item, await model.api.dependents(item.id), trans),
    texts: {
      share: trans.__('Share Connection…'),
      shareCaption: trans.__('See and change who can use the connection'),
      delete: trans.__('Delete Connection'),
      deleteCaption: trans.__('Delete the connection; you can undo this'),
      deleted: name => trans.__('Connection “%1” was deleted.', name),
      restore: trans.__('Restore the connection'),
      restored: name => trans.__('Connection “%1” was restored.', name),
      taken: name =>
        trans.__(
          'The name “%1” is now used by another connection. Rename or delete that one, then undo again.',
          name
        )
    },
    trans
  });

  model.changed.connect(() => {
    for (const id of Object.values(CommandIDs)) {
      commands.notifyCommandChanged(id);
    }
  });
}

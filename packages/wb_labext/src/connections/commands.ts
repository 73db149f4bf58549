import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { addIcon, deleteIcon, editIcon, refreshIcon, usersIcon } from '@jupyterlab/ui-components';

import { ApiError } from '../api/request';
import type { ConnectionView } from '../api/types';
import { openSharingDialog } from '../sharing/dialog';
import { connectionsIcon, keyIcon, queryIcon, testIcon } from '../ui/icons';
import { insertCell } from '../ui/notebook';
import { offerUndo } from '../ui/undo';
import { openConnectionDialog } from './form';
import type { ConnectionsModel } from './model';
import { openSignInDialog } from './signindialog';
import { cellText } from './sql';
import type { Place } from './tree';
import { keyOf } from './tree';
import { needsSignIn } from './words';

export const CommandIDs = {
  open: 'workbench:connections-open',
  refresh: 'workbench:connections-refresh',
  add: 'workbench:connections-add',
  query: 'workbench:connections-query',
  test: 'workbench:connections-test',
  edit: 'workbench:connections-edit',
  delete: 'workbench:connections-delete',
  share: 'workbench:connections-share',
  signIn: 'workbench:connections-signin'
} as const;

export interface CommandOptions {
  app: JupyterFrontEnd;
  model: ConnectionsModel;
  tracker: INotebookTracker | null;
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
  const { app, model, tracker, trans, panelId } = options;
  const { commands } = app;

  function placeOf(args: object): Place | null {
    const { connection, schema, table } = args as Partial<Place>;
    return connection ? { connection, schema, table } : model.activePlace;
  }

  function target(args: object, action: string): ConnectionView | null {
    const place = placeOf(args);
    const connection = place ? model.connection(place.connection) : undefined;
    return connection && model.may(connection, action) ? connection : null;
  }

  /** Edit, test and delete are about connections: not about a table that happens to be selected. */
  function ownTarget(args: object, action: string): ConnectionView | null {
    const place = placeOf(args);
    return place?.schema === undefined && place?.table === undefined ? target(args, action) : null;
  }

  function shareTarget(args: object): ConnectionView | null {
    const connection = ownTarget(args, 'share');
    return connection && model.mayShare(connection) ? connection : null;
  }

  function signInTarget(args: object): ConnectionView | null {
    const connection = ownTarget(args, 'see');
    return connection && model.mayHaveSignIn(connection) ? connection : null;
  }

  function fail(error: unknown): void {
    Notification.error(model.message(error), { autoClose: 8_000 });
  }

  commands.addCommand(CommandIDs.open, {
    label: trans.__('Connections'),
    caption: trans.__('Show the connections to data sources'),
    icon: connectionsIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => app.shell.activateById(panelId)
  });

  commands.addCommand(CommandIDs.refresh, {
    label: trans.__('Refresh Connections'),
    caption: trans.__('Refresh connections'),
    icon: refreshIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    execute: () => model.reload()
  });

  commands.addCommand(CommandIDs.add, {
    label: trans.__('Add Connection…'),
    caption: trans.__('Add connection'),
    icon: addIcon,
    describedBy: { args: { type: 'object', properties: {} } },
    isEnabled: () => model.state.phase !== 'ready' || model.mayCreate,
    execute: async () => {
      app.shell.activateById(panelId);
      await model.start();
      if (model.mayCreate) {
        const added = await openConnectionDialog(model, trans);
        if (added) {
          model.select(keyOf({ connection: added.id }));
          app.shell.activateById(panelId);
          if (needsSignIn(added)) {
            await commands.execute(CommandIDs.signIn, { connection: added.id });
          }
        }
      } else if (model.state.phase === 'ready') {
        Notification.warning(trans.__('Adding a connection needs the role engineer.'));
      }
    }
  });

  const placeArgs = {
    args: {
      type: 'object',
      properties: {
        connection: { type: 'string', description: trans.__("The connection's id") },
        schema: { type: 'string', description: trans.__('A schema of it') },
        table: { type: 'string', description: trans.__('A table of it') }
      }
    }
  } as const;

  commands.addCommand(CommandIDs.query, {
    label: trans.__('Query in Notebook'),
    caption: trans.__('Put a %%sql cell into the notebook in front, or into a new one'),
    icon: queryIcon,
    describedBy: placeArgs,
    isEnabled: args => target(args, 'read') !== null,
    isVisible: args => target(args, 'read') !== null,
    execute: async args => {
      const place = placeOf(args);
      const connection = target(args, 'read');
      if (connection && place) {
        const text = cellText({
          connection: connection.name,
          connector: connection.connector,
          schema: place.schema,
          table: place.table
        });
        await insertCell(app, tracker, text).catch(fail);
      }
    }
  });

  commands.addCommand(CommandIDs.test, {
    label: trans.__('Test Connection'),
    caption: trans.__('Ask the source whether it answers'),
    icon: testIcon,
    describedBy: placeArgs,
    isEnabled: args => ownTarget(args, 'test') !== null,
    isVisible: args => ownTarget(args, 'test') !== null,
    execute: async args => {
      const connection = ownTarget(args, 'test');
      if (connection) {
        await model.test(connection.id);
      }
    }
  });

  commands.addCommand(CommandIDs.edit, {
    label: trans.__('Edit Connection…'),
    icon: editIcon,
    describedBy: placeArgs,
    isEnabled: args => ownTarget(args, 'update') !== null,
    isVisible: args => ownTarget(args, 'update') !== null,
    execute: async args => {
      const connection = ownTarget(args, 'update');
      if (connection) {
        await openConnectionDialog(model, trans, connection);
      }
    }
  });

  commands.addCommand(CommandIDs.delete, {
    label: trans.__('Delete Connection'),
    caption: trans.__('Delete the connection; this can be undone'),
    icon: deleteIcon,
    describedBy: placeArgs,
    isEnabled: args => ownTarget(args, 'delete') !== null,
    isVisible: args => ownTarget(args, 'delete') !== null,
    execute: async args => {
      const connection = ownTarget(args, 'delete');
      if (!connection) {
        return;
      }
      try {
        await model.remove(connection.id);
      } catch (error) {
        fail(error);
        return;
      }
      const { name, id } = connection;
      offerUndo({
        trans,
        message: trans.__('Connection “%1” was deleted.', name),
        caption: trans.__('Bring the connection back'),
        undo: async () => {
          await model.restore(id);
        },
        done: trans.__('Connection “%1” is back.', name),
        failed: error =>
          error instanceof ApiError && error.status === 409
            ? trans.__(
                'Another connection took the name “%1” meanwhile. Rename or delete that one, then undo again.',
                name
              )
            : model.message(error)
      });
    }
  });

  commands.addCommand(CommandIDs.share, {
    label: trans.__('Share Connection…'),
    caption: trans.__('See and change who may use the connection'),
    icon: usersIcon,
    describedBy: placeArgs,
    isEnabled: args => shareTarget(args) !== null,
    isVisible: args => shareTarget(args) !== null,
    execute: async args => {
      const connection = shareTarget(args);
      if (connection) {
        await openSharingDialog(model.sharing, trans, {
          kind: 'connection',
          id: connection.id,
          name: connection.name,
          mayTransfer: model.may(connection, 'transfer')
        });
      }
    }
  });

  commands.addCommand(CommandIDs.signIn, {
    label: trans.__('My Sign-in…'),
    caption: trans.__('Enter, test or remove your own sign-in for the connection'),
    icon: keyIcon,
    describedBy: placeArgs,
    isEnabled: args => signInTarget(args) !== null,
    isVisible: args => signInTarget(args) !== null,
    execute: async args => {
      const connection = signInTarget(args);
      if (connection) {
        await openSignInDialog(model, trans, connection);
      }
    }
  });

  model.changed.connect(() => {
    for (const id of Object.values(CommandIDs)) {
      commands.notifyCommandChanged(id);
    }
  });
}

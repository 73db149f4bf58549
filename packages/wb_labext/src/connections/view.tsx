import React from 'react';

import { connectionsIcon } from '../ui/icons';
import { ListPanel, ListView } from '../ui/listpanel';
import { CommandIDs } from './commandids';
import type { Tools } from './rowprops';
import { Tree } from './rows';

/** The side panel. */
export function connectionsPanel(tools: Tools): ListPanel {
  const { model, commands, trans } = tools;
  return new ListPanel({
    name: 'connections',
    icon: connectionsIcon,
    texts: {
      title: trans.__('Connections'),
      list: trans.__('List of connections'),
      toolbar: trans.__('Connections toolbar')
    },
    commands,
    toolbar: [CommandIDs.add, CommandIDs.refresh],
    model,
    view: <ConnectionsView {...tools} />
  });
}

function ConnectionsView(tools: Tools): JSX.Element {
  const { model, commands, trans } = tools;
  return (
    <ListView
      model={model}
      name="connections"
      texts={{
        loading: trans.__('Loading connections…'),
        failed: trans.__('Could not load connections'),
        search: trans.__('Search connections, schemas, tables and columns'),
        emptyTitle: trans.__('No connections yet'),
        empty: () =>
          model.mayCreate
            ? trans.__('A connection gives notebooks a name to query a database or files by.')
            : trans.__('Ask an engineer to add or share a connection. It then appears here.')
      }}
      first={{
        label: trans.__('Add connection'),
        run: () => void commands.execute(CommandIDs.add),
        testId: 'wb-add-first'
      }}
      trans={trans}
    >
      <Tree {...tools} />
    </ListView>
  );
}

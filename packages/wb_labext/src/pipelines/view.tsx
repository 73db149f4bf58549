import React from 'react';

import { pipelinesIcon } from '../ui/icons';
import { ListPanel, ListView } from '../ui/listpanel';
import { CommandIDs } from './commandids';
import type { ListProps } from './list';
import { PipelineList } from './list';

/** The side panel. */
export function pipelinesPanel(props: ListProps): ListPanel {
  const { model, commands, trans } = props;
  return new ListPanel({
    name: 'pipelines',
    icon: pipelinesIcon,
    texts: {
      title: trans.__('Pipelines'),
      list: trans.__('List of pipelines'),
      toolbar: trans.__('Pipelines toolbar')
    },
    commands,
    toolbar: [CommandIDs.create, CommandIDs.allRuns, CommandIDs.refresh],
    model,
    view: <PipelinesView {...props} />
  });
}

function PipelinesView(props: ListProps): JSX.Element {
  const { model, commands, trans } = props;
  return (
    <ListView
      model={model}
      name="pipelines"
      texts={{
        loading: trans.__('Loading pipelines…'),
        failed: trans.__('Could not load pipelines'),
        search: trans.__('Search pipelines by name, description, owner and label'),
        emptyTitle: trans.__('No pipelines yet'),
        empty: () =>
          model.mayCreate
            ? trans.__(
                'A pipeline runs notebooks and queries, on demand or on a schedule. To make one from a notebook, right-click the notebook in the file browser and choose “Run as Pipeline”.'
              )
            : trans.__('Pipelines that are shared with you appear here.')
      }}
      first={{
        label: trans.__('New pipeline file…'),
        run: () => void commands.execute(CommandIDs.create),
        testId: 'wb-pipelines-first'
      }}
      trans={trans}
    >
      <PipelineList {...props} />
    </ListView>
  );
}

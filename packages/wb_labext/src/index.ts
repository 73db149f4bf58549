import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { activityPlugin } from './activity/plugin';
import { apiPlugin } from './api/plugin';
import { connectionsPlugin } from './connections/plugin';
import { hubTokensPlugin } from './hubtokens/plugin';
import { queriesPlugin } from './queries/plugin';
import { sqlCellsPlugin } from './sqlcells/plugin';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  apiPlugin,
  connectionsPlugin,
  activityPlugin,
  queriesPlugin,
  hubTokensPlugin,
  sqlCellsPlugin
];

export default plugins;

export { IWorkbench } from './tokens';

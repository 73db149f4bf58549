import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { apiPlugin } from './api/plugin';
import { connectionsPlugin } from './connections/plugin';
import { sqlCellsPlugin } from './sqlcells/plugin';

const plugins: JupyterFrontEndPlugin<unknown>[] = [apiPlugin, connectionsPlugin, sqlCellsPlugin];

export default plugins;

export { IWorkbench } from './tokens';

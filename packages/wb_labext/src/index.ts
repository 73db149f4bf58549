import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { apiPlugin } from './api/plugin';
import { connectionsPlugin } from './connections/plugin';

const plugins: JupyterFrontEndPlugin<unknown>[] = [apiPlugin, connectionsPlugin];

export default plugins;

export { IWorkbench } from './tokens';

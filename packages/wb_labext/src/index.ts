import type { JupyterFrontEndPlugin } from '@jupyterlab/application';

import { activityPlugin } from './activity/plugin';
import { apiPlugin } from './api/plugin';
import { connectionsPlugin } from './connections/plugin';
import { helpPlugin } from './help/plugin';
import { hubTokensPlugin } from './hubtokens/plugin';
import { kernelsPlugin } from './kernels/plugin';
import { pipelineEditorPlugin, pipelineNotebookPlugin } from './pipelinefile/plugin';
import { pipelinesPlugin } from './pipelines/plugin';
import { queriesPlugin } from './queries/plugin';
import { runsPlugin } from './runs/plugin';
import { sqlCellsPlugin } from './sqlcells/plugin';

const plugins: JupyterFrontEndPlugin<unknown>[] = [
  apiPlugin,
  connectionsPlugin,
  activityPlugin,
  queriesPlugin,
  helpPlugin,
  hubTokensPlugin,
  kernelsPlugin,
  sqlCellsPlugin,
  pipelinesPlugin,
  runsPlugin,
  pipelineEditorPlugin,
  pipelineNotebookPlugin
];

export default plugins;

export { IWorkbench } from './api/tokens';
export { IPipelines } from './pipelinefile/tokens';

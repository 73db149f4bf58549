import type { JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { IWorkbench } from './tokens';
import { EventStream, TOPICS } from './events';
import { ApiClient } from './request';

/** Provides the API client and the event stream; makes no requests of its own. */
export const apiPlugin: JupyterFrontEndPlugin<IWorkbench> = {
  id: '@workbench/labext:api',
  description: "The Workbench's API client and live updates, shared by its panels.",
  autoStart: true,
  provides: IWorkbench,
  optional: [ITranslator],
  activate: (app, translator: ITranslator | null): IWorkbench => {
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const api = new ApiClient(trans, app.serviceManager.serverSettings);
    const events = new EventStream({ url: api.url('events', { topics: TOPICS.join(',') }) });
    return { api, events };
  }
};

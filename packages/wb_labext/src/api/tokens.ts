import { Token } from '@lumino/coreutils';

import type { EventStream } from './events';
import type { ApiClient } from './request';

/** What every panel of the Workbench needs from the server. */
export interface IWorkbench {
  /** The API client. */
  readonly api: ApiClient;
  /** Live updates of what changed. */
  readonly events: EventStream;
}

export const IWorkbench = new Token<IWorkbench>(
  '@workbench/labext:IWorkbench',
  "The Workbench's API client and its live updates. Require it to build a panel on the API."
);

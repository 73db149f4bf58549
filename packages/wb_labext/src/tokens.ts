import { Token } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';

import type { EventStream } from './api/events';
import type { ApiClient } from './api/request';
import type { Folders } from './pipelinefile/folder';
import type { PipelinesApi } from './pipelines/api';
import type { PipelineFiles } from './pipelines/remember';

/** What every panel of the Workbench needs from the server. */
export interface IWorkbench {
  /** Asks the API. */
  readonly api: ApiClient;
  /** Tells what changed. */
  readonly events: EventStream;
}

export const IWorkbench = new Token<IWorkbench>(
  '@workbench/labext:IWorkbench',
  "The Workbench's API client and its live updates. Require it to build a panel on the API."
);

/** What kind of source each connection leads to. */
export interface IConnectionKinds {
  /** The connector of a connection; undefined as long as it isn't known. Asking makes it known. */
  connectorOf(name: string): string | undefined;
  /** Something may have another answer now. */
  readonly changed: ISignal<unknown, void>;
}

export const IConnectionKinds = new Token<IConnectionKinds>(
  '@workbench/labext:IConnectionKinds',
  'Which connector a connection has, by its name: for editors that show its dialect of SQL.'
);

/** What works on pipelines share. */
export interface IPipelines {
  /** The endpoints of pipelines. */
  readonly api: PipelinesApi;
  /** Where the files of pipelines lie that one saved from here. */
  readonly files: PipelineFiles;
  /** The folders of pipeline files. */
  readonly folders: Folders;
}

export const IPipelines = new Token<IPipelines>(
  '@workbench/labext:IPipelines',
  'Saves, finds and checks pipelines and their files: for editors and panels about them.'
);

import { Token } from '@lumino/coreutils';

import type { PipelinesApi } from '../api/pipelines';
import type { Folders } from './folder';
import type { PipelineFiles } from './remember';

/** What the rooms that work with pipelines share. */
export interface IPipelines {
  /** The endpoints of pipelines. */
  readonly api: PipelinesApi;
  /** The file that each pipeline was saved from in this browser. */
  readonly files: PipelineFiles;
  /** The folders of pipeline files. */
  readonly folders: Folders;
  /** Asks for the parameters of a run, starts it and shows it. */
  run(pipeline: string): Promise<void>;
}

export const IPipelines = new Token<IPipelines>(
  '@workbench/labext:IPipelines',
  'Saves, finds, checks and runs pipelines and their files: for editors and panels about them.'
);

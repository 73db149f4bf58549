import type { JSONObject } from '@lumino/coreutils';
import { Token } from '@lumino/coreutils';

import type { PipelinesApi } from '../api/pipelines';
import type { PipelineView } from '../api/types';
import type { Files } from './filelist';
import type { Folders } from './folder';
import type { PipelineFiles } from './remember';

/** A pipeline that is saved only once its first run is confirmed. */
export interface NewPipeline {
  name: string;
  description: string;
  /** What will be saved with it. */
  files: Files;
  /** The JSON schema of its parameters. */
  form: () => Promise<JSONObject>;
  save: () => Promise<PipelineView>;
}

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
  /** As `run`, for a pipeline that is saved when the run is confirmed. */
  runNew(pipeline: NewPipeline): Promise<void>;
}

export const IPipelines = new Token<IPipelines>(
  '@workbench/labext:IPipelines',
  'Saves, finds, checks and runs pipelines and their files: for editors and panels about them.'
);

import type * as nbformat from '@jupyterlab/nbformat';

import { CommonApi } from '../api/common';
import { apiPath } from '../api/request';
import type {
  LogPage,
  PipelineView,
  RerunRequest,
  Run,
  RunDetail,
  RunPage,
  RunState
} from '../api/types';

export interface RunFilters {
  /** A pipeline's id; null for all pipelines. */
  pipeline: string | null;
  state?: RunState;
  limit?: number;
  cursor?: string | null;
}

/** The endpoints of runs, one method each. */
export class RunsApi extends CommonApi {
  list(filters: RunFilters): Promise<RunPage> {
    return this.client.request('runs', { query: { ...filters } });
  }

  get(id: string): Promise<RunDetail> {
    return this.client.request(apiPath('runs', id));
  }

  pipeline(id: string): Promise<PipelineView> {
    return this.client.request(apiPath('pipelines', id));
  }

  cancel(id: string): Promise<Run> {
    return this.client.request(apiPath('runs', id, 'cancel'), { method: 'POST', body: {} });
  }

  rerun(id: string, body: RerunRequest): Promise<Run> {
    return this.client.request(apiPath('runs', id, 'rerun'), { method: 'POST', body });
  }

  log(attempt: string, start: number): Promise<LogPage> {
    return this.client.request(apiPath('attempts', attempt, 'log'), { query: { start } });
  }

  notebook(attempt: string): Promise<nbformat.INotebookContent> {
    return this.client.request(apiPath('attempts', attempt, 'notebook'));
  }

  /** The URL to download an artifact. */
  artifactUrl(run: string, task: string, name: string): string {
    return this.client.url(apiPath('runs', run, 'artifacts', task, name));
  }
}

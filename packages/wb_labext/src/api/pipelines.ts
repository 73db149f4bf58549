import type { JSONObject } from '@lumino/coreutils';

import { OwnedApi } from './common';
import type { ApiClient } from './request';
import type {
  PipelineCheck,
  PipelineChecked,
  PipelineSave,
  PipelineSaved,
  PipelineView,
  Run,
  Version,
  VersionSummary
} from './types';

/** The endpoints of pipelines, one method each; several rooms use them. */
export class PipelinesApi extends OwnedApi<PipelineView> {
  constructor(client: ApiClient) {
    super(client, 'pipelines');
  }

  /** The pipeline of this name, if the user may see it; null if there is none. */
  async find(name: string): Promise<PipelineView | null> {
    const items = await this.items<PipelineView>(this.root, { search: name });
    return items.find(pipeline => pipeline.name === name) ?? null;
  }

  create(body: PipelineSave): Promise<PipelineSaved> {
    return this.post(this.root, body);
  }

  save(id: string, body: PipelineSave): Promise<PipelineSaved> {
    return this.post(this.path(id), body);
  }

  pause(id: string, paused: boolean): Promise<PipelineView> {
    return this.client.request(this.path(id), { method: 'PATCH', body: { paused } });
  }

  /** The JSON schema of the parameters, with their defaults for a day (`YYYY-MM-DD`) or today. */
  form(id: string, date: string | null = null): Promise<JSONObject> {
    return this.client.request(this.path(id, 'form'), { query: { date } });
  }

  versions(id: string, before: number | null = null): Promise<VersionSummary[]> {
    return this.items(this.path(id, 'versions'), { before });
  }

  version(id: string, number: number): Promise<Version> {
    return this.client.request(this.path(id, 'versions', String(number)));
  }

  /** The URL to download a file of a version's folder. */
  fileUrl(id: string, number: number, path: string): string {
    return this.client.url(this.path(id, 'versions', String(number), 'file'), { path });
  }

  /** Makes an older version the newest one again. */
  restoreVersion(id: string, version: number): Promise<PipelineView> {
    return this.post(this.path(id, 'versions'), { version });
  }

  approve(id: string, version: number): Promise<PipelineView> {
    return this.post(this.path(id, 'approve'), { version });
  }

  /** Starts a run; a repeated request with the same key starts only one. */
  run(id: string, parameters: JSONObject, key: string, date: string | null = null): Promise<Run> {
    return this.post(this.path(id, 'runs'), { parameters, date, idempotency_key: key });
  }

  check(body: PipelineCheck): Promise<PipelineChecked> {
    return this.post(this.path('check'), body);
  }

  /** The JSON schema of a pipeline's file. */
  schema(): Promise<JSONObject> {
    return this.client.request(this.path('schema'));
  }
}

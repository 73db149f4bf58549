import type { JSONObject } from '@lumino/coreutils';

import type { ApiClient } from '../api/request';
import { apiPath } from '../api/request';
import type {
  Items,
  Me,
  PipelineCheck,
  PipelineChecked,
  PipelineSave,
  PipelineView,
  Run,
  Version,
  VersionSummary
} from '../api/types';
import { SharingApi } from '../sharing/api';

/** The endpoints of pipelines, one method each. */
export class PipelinesApi {
  constructor(private readonly client: ApiClient) {
    this.sharing = new SharingApi(client, 'pipelines');
  }

  readonly sharing: SharingApi;

  me(): Promise<Me> {
    return this.client.request('me');
  }

  async list(): Promise<PipelineView[]> {
    return (await this.client.request<Items<PipelineView>>('pipelines')).items;
  }

  /** By its name or id. */
  get(id: string): Promise<PipelineView> {
    return this.client.request(apiPath('pipelines', id));
  }

  /** The one of that name that one may see; null if there is none. */
  async find(name: string): Promise<PipelineView | null> {
    const query = { search: name };
    const { items } = await this.client.request<Items<PipelineView>>('pipelines', { query });
    return items.find(pipeline => pipeline.name === name) ?? null;
  }

  create(body: PipelineSave): Promise<PipelineView> {
    return this.client.request('pipelines', { method: 'POST', body });
  }

  save(id: string, body: PipelineSave): Promise<PipelineView> {
    return this.client.request(apiPath('pipelines', id), { method: 'POST', body });
  }

  pause(id: string, paused: boolean): Promise<PipelineView> {
    return this.client.request(apiPath('pipelines', id), { method: 'PATCH', body: { paused } });
  }

  remove(id: string): Promise<PipelineView> {
    return this.client.request(apiPath('pipelines', id), { method: 'DELETE' });
  }

  restore(id: string): Promise<PipelineView> {
    return this.client.request(apiPath('pipelines', id, 'restore'), { method: 'POST', body: {} });
  }

  /** The JSON schema of the parameters, with their defaults of now. */
  form(id: string): Promise<JSONObject> {
    return this.client.request(apiPath('pipelines', id, 'form'));
  }

  async versions(id: string, before: number | null = null): Promise<VersionSummary[]> {
    const path = apiPath('pipelines', id, 'versions');
    return (await this.client.request<Items<VersionSummary>>(path, { query: { before } })).items;
  }

  version(id: string, number: number): Promise<Version> {
    return this.client.request(apiPath('pipelines', id, 'versions', String(number)));
  }

  /** Where a browser downloads a file of a version's folder from. */
  fileUrl(id: string, number: number, path: string): string {
    const at = apiPath('pipelines', id, 'versions', String(number), 'file');
    return this.client.url(at, { path });
  }

  /** Makes an older version the newest one again. */
  restoreVersion(id: string, version: number): Promise<PipelineView> {
    const path = apiPath('pipelines', id, 'versions');
    return this.client.request(path, { method: 'POST', body: { version } });
  }

  approve(id: string, version: number): Promise<PipelineView> {
    return this.client.request(apiPath('pipelines', id, 'approve'), {
      method: 'POST',
      body: { version }
    });
  }

  /** Starts a run; the same key twice is one run. */
  run(id: string, parameters: JSONObject, key: string): Promise<Run> {
    return this.client.request(apiPath('pipelines', id, 'runs'), {
      method: 'POST',
      body: { parameters, idempotency_key: key }
    });
  }

  check(body: PipelineCheck): Promise<PipelineChecked> {
    return this.client.request('pipelines/check', { method: 'POST', body });
  }

  /** The JSON schema of a pipeline's file. */
  schema(): Promise<JSONObject> {
    return this.client.request('pipelines/schema');
  }
}

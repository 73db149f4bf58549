import type { JSONObject } from '@lumino/coreutils';

import type { ApiClient } from '../api/request';
import { apiPath } from '../api/request';
import type {
  ColumnInfo,
  ConnectionCreate,
  ConnectionTest,
  ConnectionUpdate,
  ConnectionView,
  ConnectorInfo,
  CredentialPut,
  Items,
  Me,
  SchemaInfo,
  TableInfo,
  TestResult
} from '../api/types';
import { SharingApi } from '../sharing/api';

/** The endpoints of this room, one method each. */
export class ConnectionsApi {
  constructor(private readonly client: ApiClient) {
    this.sharing = new SharingApi(client, 'connections');
  }

  readonly sharing: SharingApi;

  me(): Promise<Me> {
    return this.client.request('me');
  }

  async connectors(): Promise<ConnectorInfo[]> {
    return (await this.client.request<Items<ConnectorInfo>>('connectors')).items;
  }

  async list(): Promise<ConnectionView[]> {
    return (await this.client.request<Items<ConnectionView>>('connections')).items;
  }

  create(body: ConnectionCreate): Promise<ConnectionView> {
    return this.client.request('connections', { method: 'POST', body });
  }

  update(id: string, body: ConnectionUpdate): Promise<ConnectionView> {
    return this.client.request(apiPath('connections', id), { method: 'PATCH', body });
  }

  remove(id: string): Promise<ConnectionView> {
    return this.client.request(apiPath('connections', id), { method: 'DELETE' });
  }

  restore(id: string): Promise<ConnectionView> {
    return this.client.request(apiPath('connections', id, 'restore'), { method: 'POST', body: {} });
  }

  test(id: string): Promise<TestResult> {
    return this.client.request(apiPath('connections', id, 'test'), { method: 'POST', body: {} });
  }

  testDraft(body: ConnectionTest): Promise<TestResult> {
    return this.client.request('connections/test', { method: 'POST', body });
  }

  putCredential(id: string, body: CredentialPut): Promise<ConnectionView> {
    return this.client.request(apiPath('connections', id, 'credential'), { method: 'POST', body });
  }

  removeCredential(id: string): Promise<ConnectionView> {
    return this.client.request(apiPath('connections', id, 'credential'), { method: 'DELETE' });
  }

  testCredential(id: string, login: JSONObject): Promise<TestResult> {
    const path = apiPath('connections', id, 'credential', 'test');
    return this.client.request(path, { method: 'POST', body: { login } });
  }

  async schemas(id: string): Promise<SchemaInfo[]> {
    const path = apiPath('connections', id, 'schemas');
    return (await this.client.request<Items<SchemaInfo>>(path)).items;
  }

  async tables(id: string, schema: string | null): Promise<TableInfo[]> {
    const path = apiPath('connections', id, 'tables');
    return (await this.client.request<Items<TableInfo>>(path, { query: { schema } })).items;
  }

  async columns(id: string, schema: string | null, table: string): Promise<ColumnInfo[]> {
    const path = apiPath('connections', id, 'columns');
    return (await this.client.request<Items<ColumnInfo>>(path, { query: { schema, table } })).items;
  }
}

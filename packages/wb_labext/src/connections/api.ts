import type { JSONObject } from '@lumino/coreutils';

import { OwnedApi } from '../api/common';
import type { ApiClient } from '../api/request';
import type {
  CatalogMatch,
  RowCount,
  TableDefinition,
  TableRows,
  ColumnInfo,
  ConnectionCreate,
  ConnectionPreview,
  ConnectionTest,
  ConnectionUpdate,
  ConnectionView,
  ConnectorInfo,
  CredentialPut,
  PreviewResult,
  Dependent,
  SchemaInfo,
  TableInfo,
  TestResult
} from '../api/types';

/** The endpoints of this room, one method each. */
export class ConnectionsApi extends OwnedApi<ConnectionView> {
  constructor(client: ApiClient) {
    super(client, 'connections');
  }

  connectors(): Promise<ConnectorInfo[]> {
    return this.items('connectors');
  }

  create(body: ConnectionCreate): Promise<ConnectionView> {
    return this.post(this.root, body);
  }

  update(id: string, body: ConnectionUpdate): Promise<ConnectionView> {
    return this.client.request(this.path(id), { method: 'PATCH', body });
  }

  /** The pipelines that use a connection. */
  dependents(id: string): Promise<Dependent[]> {
    return this.items(this.path(id, 'pipelines'));
  }

  test(id: string): Promise<TestResult> {
    return this.post(this.path(id, 'test'));
  }

  testDraft(body: ConnectionTest): Promise<TestResult> {
    return this.post(this.path('test'), body);
  }

  preview(body: ConnectionPreview): Promise<PreviewResult> {
    return this.post(this.path('preview'), body);
  }

  putCredential(id: string, body: CredentialPut): Promise<ConnectionView> {
    return this.post(this.path(id, 'credential'), body);
  }

  removeCredential(id: string): Promise<ConnectionView> {
    return this.client.request(this.path(id, 'credential'), { method: 'DELETE' });
  }

  testCredential(id: string, login: JSONObject): Promise<TestResult> {
    return this.post(this.path(id, 'credential', 'test'), { login });
  }

  setRoutines(id: string, routines: string[]): Promise<ConnectionView> {
    return this.post(this.path(id, 'routines'), { routines });
  }

  schemas(id: string): Promise<SchemaInfo[]> {
    return this.items(this.path(id, 'schemas'));
  }

  tables(id: string, schema: string | null): Promise<TableInfo[]> {
    return this.items(this.path(id, 'tables'), { schema });
  }

  columns(id: string, schema: string | null, table: string): Promise<ColumnInfo[]> {
    return this.items(this.path(id, 'columns'), { schema, table });
  }

  /** The schemas, tables and columns of a connection whose names contain a text. */
  search(id: string, text: string): Promise<CatalogMatch[]> {
    return this.items(this.path(id, 'search'), { text });
  }

  /** The first rows of a table. */
  rows(place: TablePlace): Promise<TableRows> {
    return this.ofTable(place, 'rows');
  }

  count(place: TablePlace): Promise<RowCount> {
    return this.ofTable(place, 'count');
  }

  /** A table's keys, and its definition as SQL. */
  definition(place: TablePlace): Promise<TableDefinition> {
    return this.ofTable(place, 'definition');
  }

  private ofTable<T>({ connection, schema, table }: TablePlace, what: string): Promise<T> {
    return this.client.request(this.path(connection, what), { query: { schema, table } });
  }
}

/** A table of a connection. */
export interface TablePlace {
  connection: string;
  schema?: string | null;
  table: string;
}

/**
 * The API's types, under the names of the server's models.
 *
 * Written from the API's description. Once `npm run generate` has made `schema.ts`, each of these
 * becomes one line: `export type ConnectionView = components['schemas']['ConnectionView'];`.
 */
import type { JSONObject } from '@lumino/coreutils';

export interface ErrorDetails {
  /** The field that the server refuses: its name, or a dotted path below `config`. */
  field?: string;
  [key: string]: unknown;
}

export interface ErrorBody {
  error: { code: string; message: string; details: ErrorDetails };
}

export type Role = 'viewer' | 'analyst' | 'engineer' | 'admin';

export interface Me {
  name: string;
  roles: Role[];
  actions: string[];
  mode: 'hub' | 'local';
}

export interface ConnectorInfo {
  kind: string;
  title: string;
  description: string;
  /** A JSON schema; secret fields are marked `writeOnly`. */
  config_schema: JSONObject;
  supports_writes: boolean;
}

export interface Owner {
  kind: 'user' | 'team';
  name: string;
}

export interface State {
  status: 'ok' | 'failed' | 'untested';
  message: string;
  checked_at: string | null;
}

export interface ConnectionView {
  id: string;
  name: string;
  connector: string;
  description: string;
  config: JSONObject;
  secrets_set: string[];
  owner: Owner;
  credentials: 'shared';
  level: 'use' | 'write' | 'manage';
  actions: string[];
  state: State;
  created_at: string;
  updated_at: string;
  deleted_at: string | null;
}

export interface ConnectionCreate {
  name: string;
  connector: string;
  description: string;
  config: JSONObject;
}

export interface ConnectionUpdate {
  name?: string;
  description?: string;
  config?: JSONObject;
}

export interface ConnectionTest {
  connector: string;
  config: JSONObject;
  connection_id?: string;
}

export interface TestResult {
  ok: boolean;
  message: string;
  elapsed_ms: number;
  server_version: string | null;
  code: string | null;
  details?: ErrorDetails;
}

export interface SchemaInfo {
  name: string;
  tables: number | null;
}

export interface TableInfo {
  schema: string | null;
  name: string;
  kind: string;
  comment: string | null;
}

export interface ColumnInfo {
  name: string;
  type: string;
  nullable: boolean;
  comment: string | null;
}

export interface Items<T> {
  items: T[];
}

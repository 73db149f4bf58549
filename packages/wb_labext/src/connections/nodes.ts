import type { TranslationBundle } from '@jupyterlab/translation';

import type { ConnectionsApi } from './api';
import type { TreeNode } from './tree';
import { keyOf } from './tree';

/** Fetches what is below a row of the tree, by the row's key. */
export async function loadNodes(
  api: ConnectionsApi,
  trans: TranslationBundle,
  key: string
): Promise<TreeNode[]> {
  const [connection, schema, table] = JSON.parse(key) as [string, string | null | 0, string | 0];
  if (table !== 0) {
    return columnNodes(api, trans, connection, schema === 0 ? null : schema, table);
  }
  return schema !== 0 ? tableNodes(api, connection, schema) : schemaNodes(api, connection);
}

async function schemaNodes(api: ConnectionsApi, connection: string): Promise<TreeNode[]> {
  const schemas = await api.schemas(connection);
  if (schemas.length === 1) {
    return tableNodes(api, connection, schemas[0].name);
  }
  return schemas.map(schema => {
    const place = { connection, schema: schema.name };
    return {
      key: keyOf(place),
      type: 'schema',
      place,
      label: schema.name,
      detail: schema.tables === null ? '' : String(schema.tables),
      comment: null
    };
  });
}

async function tableNodes(
  api: ConnectionsApi,
  connection: string,
  schema: string | null
): Promise<TreeNode[]> {
  const tables = await api.tables(connection, schema);
  return tables.map(table => {
    const place = { connection, schema: table.schema, table: table.name };
    return {
      key: keyOf(place),
      type: 'table',
      place,
      label: table.name,
      detail: table.kind,
      comment: table.comment
    };
  });
}

async function columnNodes(
  api: ConnectionsApi,
  trans: TranslationBundle,
  connection: string,
  schema: string | null,
  table: string
): Promise<TreeNode[]> {
  const columns = await api.columns(connection, schema, table);
  return columns.map(column => {
    const place = { connection, schema, table, column: column.name };
    return {
      key: keyOf(place),
      type: 'column',
      place,
      label: column.name,
      detail: column.type,
      comment: [column.nullable ? '' : trans.__('not null'), column.comment ?? '']
        .filter(Boolean)
        .join('\n')
    };
  });
}

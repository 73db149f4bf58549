import type { TranslationBundle } from '@jupyterlab/translation';

import type { ConnectionsApi } from './api';
import type { Place, TreeNode } from './tree';
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

export function node(
  type: TreeNode['type'],
  place: Place,
  label: string,
  detail: string,
  comment: string | null = null
): TreeNode {
  return { key: keyOf(place), type, place, label, detail, comment };
}

async function schemaNodes(api: ConnectionsApi, connection: string): Promise<TreeNode[]> {
  const schemas = await api.schemas(connection);
  if (schemas.length === 1) {
    return tableNodes(api, connection, schemas[0].name);
  }
  return schemas.map(({ name, tables }) =>
    node('schema', { connection, schema: name }, name, String(tables ?? ''))
  );
}

async function tableNodes(
  api: ConnectionsApi,
  connection: string,
  schema: string | null
): Promise<TreeNode[]> {
  return (await api.tables(connection, schema)).map(table =>
    node(
      'table',
      { connection, schema: table.schema, table: table.name },
      table.name,
      table.kind,
      table.comment
    )
  );
}

async function columnNodes(
  api: ConnectionsApi,
  trans: TranslationBundle,
  connection: string,
  schema: string | null,
  table: string
): Promise<TreeNode[]> {
  return (await api.columns(connection, schema, table)).map(({ name, type, nullable, comment }) =>
    node(
      'column',
      { connection, schema, table, column: name },
      name,
      type,
      [nullable ? '' : trans.__('not null'), comment ?? ''].filter(Boolean).join('\n')
    )
  );
}

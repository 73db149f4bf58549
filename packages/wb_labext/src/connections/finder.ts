/** Searches the catalogs of connections for what was never opened. */
import type { CatalogMatch, ConnectionView } from '../api/types';
import type { ConnectionsApi } from './api';
import { node } from './nodes';
import type { Place, TreeNode } from './tree';
import { keyOf } from './tree';

/** How long a pause in typing must be before the catalogs are searched, in milliseconds. */
export const PAUSE = 500;
/** The shortest text that the catalogs are searched for. */
export const SHORTEST = 2;

/** What was found: rows below other rows, by the key of the parent. */
export type Matches = ReadonlyMap<string, readonly TreeNode[]>;

export interface Found {
  /** Whether connections still have to answer. */
  searching: boolean;
  matches: Matches;
  /** The names of connections that could not be searched. */
  failed: readonly string[];
}

export const NOTHING_FOUND: Found = { searching: false, matches: new Map(), failed: [] };

/** Turns matches into rows of the tree: schemas, with their tables, with their columns. */
export function nodesOf(
  connection: Pick<ConnectionView, 'id'>,
  items: readonly CatalogMatch[],
  schemas: boolean
): Map<string, TreeNode[]> {
  const found = new Map<string, Map<string, TreeNode>>();
  const add = (parent: Place, child: TreeNode): void => {
    const key = keyOf(parent);
    const children = found.get(key) ?? new Map<string, TreeNode>();
    found.set(key, children);
    // A table may come again, as that of a column.
    if (!children.has(child.key)) {
      children.set(child.key, child);
    }
  };
  const root: Place = { connection: connection.id };
  for (const { schema, table, kind, column, type } of items) {
    let parent = root;
    if (schema !== null && schemas) {
      const place = { ...root, schema };
      add(root, node('schema', place, schema, ''));
      parent = place;
    }
    if (table === null || table === undefined) {
      continue;
    }
    const place = { ...root, schema, table };
    add(parent, node('table', place, table, kind ?? 'table'));
    if (column !== null && column !== undefined) {
      add(place, node('column', { ...place, column }, column, type ?? ''));
    }
  }
  return new Map([...found].map(([key, children]) => [key, [...children.values()]]));
}

/**
 * Searches connections side by side.
 *
 * @param report - gets what was found so far, after each answer
 * @param stopped - whether the text has changed meanwhile
 */
export async function searchCatalogs(
  api: ConnectionsApi,
  connections: readonly ConnectionView[],
  text: string,
  nodes: (connection: ConnectionView, items: readonly CatalogMatch[]) => Matches,
  report: (found: Found) => void,
  stopped: () => boolean
): Promise<void> {
  const matches = new Map<string, readonly TreeNode[]>();
  const failed: string[] = [];
  let left = connections.length;
  await Promise.all(
    connections.map(async connection => {
      try {
        const items = await api.search(connection.id, text);
        nodes(connection, items).forEach((children, key) => matches.set(key, children));
      } catch {
        failed.push(connection.name);
      }
      left--;
      if (!stopped()) {
        report({ searching: left > 0, matches: new Map(matches), failed: [...failed].sort() });
      }
    })
  );
}

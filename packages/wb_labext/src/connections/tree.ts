/**
 * The tree of connections, schemas, tables and columns: what is open, what was loaded, and which
 * rows follow from it. Pure functions.
 */
import type { ConnectionView } from '../api/types';
import { needsCredentials } from './words';

/** How many children of a node are shown initially, and how many more each time. */
export const PAGE = 200;

/** What a node of the tree stands for. */
export interface Place {
  connection: string;
  schema?: string | null;
  table?: string;
  column?: string;
}

/** A node's key, the same for the same place. */
export function keyOf(place: Place): string {
  return JSON.stringify([
    place.connection,
    place.schema === undefined ? 0 : place.schema,
    place.table ?? 0,
    place.column ?? 0
  ]);
}

/** A schema, table or column. */
export interface TreeNode {
  key: string;
  type: 'schema' | 'table' | 'column';
  place: Place;
  label: string;
  /** `table`, `view`, …; for a column its type; for a schema its number of tables. */
  detail: string;
  comment: string | null;
}

export type Children =
  | { status: 'loading' }
  /** `away`: because the service didn't answer. */
  | { status: 'failed'; message: string; away: boolean }
  | { status: 'ready'; nodes: readonly TreeNode[] };

export interface TreeState {
  readonly expanded: ReadonlySet<string>;
  readonly children: ReadonlyMap<string, Children>;
  /** How many children are shown, if more than the first page. */
  readonly shown: ReadonlyMap<string, number>;
}

export const EMPTY_TREE: TreeState = {
  expanded: new Set(),
  children: new Map(),
  shown: new Map()
};

export type TreeAction =
  | { type: 'expand' | 'collapse' | 'loading' | 'more'; key: string }
  | { type: 'loaded'; key: string; nodes: readonly TreeNode[] }
  | { type: 'failed'; key: string; message: string; away: boolean }
  /** Forget what failed because the service didn't answer. */
  | { type: 'back' }
  /** Forget what was loaded below a connection. */
  | { type: 'forget'; connection: string }
  /** Keep only these connections. */
  | { type: 'keep'; connections: readonly string[] };

/** The table that a node's key names, or its schema or connection. */
export function placeOf(key: string): Place {
  const [connection, schema, table] = JSON.parse(key) as [string, string | null | 0, string | 0];
  return {
    connection,
    ...(schema === 0 ? {} : { schema }),
    ...(table === 0 ? {} : { table })
  };
}

/** The id of the connection that a node is below. */
export function connectionOf(key: string): string {
  return (JSON.parse(key) as [string])[0];
}

function without<V>(map: ReadonlyMap<string, V>, drop: (key: string) => boolean): Map<string, V> {
  return new Map([...map].filter(([key]) => !drop(key)));
}

export function reduceTree(state: TreeState, action: TreeAction): TreeState {
  switch (action.type) {
    case 'expand':
      return { ...state, expanded: new Set(state.expanded).add(action.key) };
    case 'collapse': {
      const expanded = new Set(state.expanded);
      expanded.delete(action.key);
      return { ...state, expanded };
    }
    case 'more': {
      const shown = new Map(state.shown);
      return { ...state, shown: shown.set(action.key, (shown.get(action.key) ?? PAGE) + PAGE) };
    }
    case 'loading':
      return withChildren(state, action.key, { status: 'loading' });
    case 'loaded':
      return withChildren(state, action.key, { status: 'ready', nodes: action.nodes });
    case 'failed':
      return withChildren(state, action.key, {
        status: 'failed',
        message: action.message,
        away: action.away
      });
    case 'back': {
      const children = [...state.children].filter(
        ([, found]) => found.status !== 'failed' || !found.away
      );
      return children.length === state.children.size
        ? state
        : { ...state, children: new Map(children) };
    }
    case 'forget':
      return {
        ...state,
        children: without(state.children, key => connectionOf(key) === action.connection),
        shown: without(state.shown, key => connectionOf(key) === action.connection)
      };
    case 'keep': {
      const gone = (key: string): boolean => !action.connections.includes(connectionOf(key));
      return {
        expanded: new Set([...state.expanded].filter(key => !gone(key))),
        children: without(state.children, gone),
        shown: without(state.shown, gone)
      };
    }
  }
}

function withChildren(state: TreeState, key: string, children: Children): TreeState {
  return { ...state, children: new Map(state.children).set(key, children) };
}

interface RowBase {
  key: string;
  level: number;
  /** The parent row; null for a connection. */
  parent: string | null;
}

export type Row = RowBase &
  (
    | {
        type: 'connection';
        connection: ConnectionView;
        /** undefined: it can't be expanded. */
        expanded: boolean | undefined;
        position: number;
        size: number;
      }
    | {
        type: 'schema' | 'table' | 'column';
        node: TreeNode;
        expanded: boolean | undefined;
        position: number;
        size: number;
      }
    | { type: 'loading' | 'none' }
    /** The user must enter their credentials before there is anything to list. */
    | { type: 'credentials'; connection: ConnectionView }
    | { type: 'failed'; message: string }
    | { type: 'more'; hidden: number }
  );

/**
 * The rows to show, in order.
 *
 * A search keeps connections whose text matches, with everything that is open below them; and others
 * that have a matching schema, table or column, with only that, expanded to show it.
 *
 * @param matches - what a search of the catalogs has found, by the key of the parent: it need not be loaded
 */
export function rowsOf(
  connections: readonly ConnectionView[],
  tree: TreeState,
  search = '',
  words: (connection: ConnectionView) => string = connection => connection.name,
  matches: ReadonlyMap<string, readonly TreeNode[]> = new Map()
): Row[] {
  const needle = search.trim().toLowerCase();
  const rows: Row[] = [];
  const hits = new Map<string, boolean>();

  function isHit(node: TreeNode): boolean {
    const known = hits.get(node.key);
    if (known !== undefined) {
      return known;
    }
    const hit = node.label.toLowerCase().includes(needle) || nodesBelow(node.key).some(isHit);
    hits.set(node.key, hit);
    return hit;
  }

  /** What is loaded below a row; else what a search has found there. */
  function nodesBelow(key: string): readonly TreeNode[] {
    const children = tree.children.get(key);
    return children?.status === 'ready' ? children.nodes : (matches.get(key) ?? []);
  }

  function below(parent: string, level: number, narrow: boolean): void {
    const loaded = tree.children.get(parent);
    const found = narrow ? matches.get(parent) : undefined;
    const children: Children | undefined =
      found && loaded?.status !== 'ready' ? { status: 'ready', nodes: found } : loaded;
    const base = { level, parent };
    if (!children || children.status === 'loading') {
      rows.push({ ...base, type: 'loading', key: `${parent}:loading` });
      return;
    }
    if (children.status === 'failed') {
      rows.push({ ...base, type: 'failed', key: `${parent}:failed`, message: children.message });
      return;
    }
    const all = narrow ? children.nodes.filter(isHit) : children.nodes;
    if (all.length === 0) {
      rows.push({ ...base, type: 'none', key: `${parent}:none` });
      return;
    }
    const shown = Math.min(all.length, tree.shown.get(parent) ?? PAGE);
    for (let index = 0; index < shown; index++) {
      const node = all[index];
      const onPath = narrow && nodesBelow(node.key).some(isHit);
      const expanded = node.type === 'column' ? undefined : onPath || tree.expanded.has(node.key);
      rows.push({
        ...base,
        type: node.type,
        key: node.key,
        node,
        expanded,
        position: index + 1,
        size: all.length
      });
      if (expanded) {
        // Below what matches by its own name everything is kept, once the user has opened it.
        const whole =
          node.label.toLowerCase().includes(needle) &&
          tree.children.has(node.key) &&
          tree.expanded.has(node.key);
        below(node.key, level + 1, narrow && onPath && !whole);
      }
    }
    if (shown < all.length) {
      rows.push({ ...base, type: 'more', key: `${parent}:more`, hidden: all.length - shown });
    }
  }

  const kept = connections
    .map(connection => {
      const key = keyOf({ connection: connection.id });
      const found = nodesBelow(key).filter(node => needle !== '' && isHit(node)).length > 0;
      const own = words(connection).toLowerCase().includes(needle);
      return { connection, key, own, found };
    })
    .filter(entry => needle === '' || entry.own || entry.found);
  kept.forEach(({ connection, key, own, found }, index) => {
    const expanded = connection.actions.includes('connection.browse')
      ? (found && !(own && tree.children.has(key))) || tree.expanded.has(key)
      : undefined;
    rows.push({
      type: 'connection',
      key,
      level: 1,
      parent: null,
      connection,
      expanded,
      position: index + 1,
      size: kept.length
    });
    if (expanded && needsCredentials(connection)) {
      rows.push({
        level: 2,
        parent: key,
        type: 'credentials',
        key: `${key}:credentials`,
        connection
      });
    } else if (expanded) {
      below(key, 2, needle !== '' && found && !(own && tree.children.has(key)));
    }
  });
  return rows;
}

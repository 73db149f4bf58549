import { describe, expect, it } from 'vitest';

import { nodesOf } from '../finder';
import type { Row, TreeAction, TreeNode, TreeState } from '../tree';
import { EMPTY_TREE, PAGE, keyOf, reduceTree, rowsOf } from '../tree';
import { connection } from './samples';

const root = keyOf({ connection: 'c1' });

function node(type: TreeNode['type'], label: string, schema = 'public'): TreeNode {
  const place =
    type === 'schema'
      ? { connection: 'c1', schema: label }
      : { connection: 'c1', schema, table: label };
  return { key: keyOf(place), type, place, label, detail: '', comment: null };
}

function after(...actions: TreeAction[]): TreeState {
  return actions.reduce(reduceTree, EMPTY_TREE);
}

function shape(rows: Row[]): string[] {
  return rows.map(row => {
    const name =
      row.type === 'connection' ? row.connection.name : 'node' in row ? row.node.label : '';
    return `${'  '.repeat(row.level - 1)}${row.type} ${name}`.trimEnd();
  });
}

const opened: TreeAction[] = [
  { type: 'expand', key: root },
  { type: 'loaded', key: root, nodes: [node('schema', 'public'), node('schema', 'finance')] },
  { type: 'expand', key: node('schema', 'public').key },
  {
    type: 'loaded',
    key: node('schema', 'public').key,
    nodes: [node('table', 'orders'), node('table', 'customers')]
  }
];

describe('keyOf', () => {
  it('tells places apart', () => {
    const keys = [
      { connection: 'a' },
      { connection: 'a', schema: null },
      { connection: 'a', schema: 'b' },
      { connection: 'a', schema: 'b', table: 'c' },
      { connection: 'a', schema: null, table: 'c' },
      { connection: 'a","b' }
    ].map(keyOf);
    expect(new Set(keys).size).toBe(keys.length);
  });
});

describe('rowsOf', () => {
  it('shows what is open', () => {
    expect(shape(rowsOf([connection()], after(...opened)))).toEqual([
      'connection warehouse',
      '  schema public',
      '    table orders',
      '    table customers',
      '  schema finance'
    ]);
  });

  it('shows what is loading, failed or empty', () => {
    const open: TreeAction = { type: 'expand', key: root };
    const rows = (action: TreeAction): string[] =>
      shape(rowsOf([connection()], after(open, action)));
    expect(rows({ type: 'loading', key: root })[1]).toBe('  loading');
    expect(rows({ type: 'failed', key: root, message: 'No.', away: false })[1]).toBe('  failed');
    expect(rows({ type: 'loaded', key: root, nodes: [] })[1]).toBe('  none');
  });

  it('never opens a connection that may not be browsed', () => {
    const rows = rowsOf([connection({ actions: [] })], after(...opened));
    expect(shape(rows)).toEqual(['connection warehouse']);
    expect(rows[0]).toMatchObject({ expanded: undefined });
  });

  it('shows many tables page by page, but searches all of them', () => {
    const nodes = Array.from({ length: 5000 }, (_, index) => node('table', `t${index}`));
    let tree = after({ type: 'expand', key: root }, { type: 'loaded', key: root, nodes });
    let rows = rowsOf([connection()], tree);
    expect(rows).toHaveLength(1 + PAGE + 1);
    expect(rows.at(-1)).toMatchObject({ type: 'more', hidden: 5000 - PAGE });
    tree = reduceTree(tree, { type: 'more', key: root });
    rows = rowsOf([connection()], tree);
    expect(rows).toHaveLength(1 + 2 * PAGE + 1);
    expect(shape(rowsOf([connection()], tree, 'T4999'))).toEqual([
      'connection warehouse',
      '  table t4999'
    ]);
  });

  it('expands what a search finds, and shows nothing else', () => {
    const closed = after(...opened, { type: 'collapse', key: root });
    expect(shape(rowsOf([connection()], closed, 'custom'))).toEqual([
      'connection warehouse',
      '  schema public',
      '    table customers'
    ]);
    expect(rowsOf([connection()], closed, 'nothing')).toEqual([]);
    expect(shape(rowsOf([connection()], closed, 'WAREHOUSE'))).toEqual(['connection warehouse']);
  });
});

describe('a search of the catalogs', () => {
  const items = [
    { schema: 'hr', table: null, kind: null, column: null, type: null },
    { schema: 'hr', table: 'pay', kind: 'table', column: 'hr_code', type: 'int' },
    { schema: 'crm', table: 'hrs', kind: 'view', column: null, type: null }
  ];
  const matches = nodesOf(connection(), items, true);

  it('shows what was never opened', () => {
    expect(shape(rowsOf([connection()], EMPTY_TREE, 'HR', undefined, matches))).toEqual([
      'connection warehouse',
      '  schema hr',
      '    table pay',
      '      column hr_code',
      '  schema crm',
      '    table hrs'
    ]);
    expect(rowsOf([connection()], EMPTY_TREE, 'hr')).toEqual([]);
  });

  it('has no schemas where names of tables have none', () => {
    const files = nodesOf(connection(), items, false);
    expect(shape(rowsOf([connection()], EMPTY_TREE, 'hr', undefined, files))).toEqual([
      'connection warehouse',
      '  table pay',
      '    column hr_code',
      '  table hrs'
    ]);
  });

  it('finds columns of tables that are loaded, too', () => {
    const table = node('table', 'orders');
    const column = { ...node('table', 'x'), type: 'column' as const, label: 'due_day', key: 'd' };
    const tree = after(...opened, { type: 'loaded', key: table.key, nodes: [column] });
    expect(shape(rowsOf([connection()], tree, 'due'))).toEqual([
      'connection warehouse',
      '  schema public',
      '    table orders',
      '      column due_day'
    ]);
  });
});

describe('a connection without personal credentials', () => {
  it('offers to enter them instead of its tables', () => {
    const missing = connection({
      credentials: 'personal',
      credential: { status: 'missing', expires_at: null, updated_at: null },
      actions: ['connection.browse', 'credential.own']
    });
    const rows = rowsOf([missing], after(...opened));
    expect(rows.map(row => row.type)).toEqual(['connection', 'credentials']);
    expect(rows[1].parent).toBe(rows[0].key);
  });
});

describe('reduceTree', () => {
  it('forgets what was loaded and keeps what is open', () => {
    const tree = after(...opened, { type: 'forget', connection: 'c1' });
    expect(tree.children.size).toBe(0);
    expect(tree.expanded.has(root)).toBe(true);
  });

  it('drops connections that are gone', () => {
    const tree = after(...opened, { type: 'keep', connections: ['c2'] });
    expect(tree).toEqual(EMPTY_TREE);
    expect(after(...opened, { type: 'keep', connections: ['c1'] })).toEqual(after(...opened));
  });

  it('mutates nothing', () => {
    const before = after(...opened);
    const copy = structuredClone(before);
    reduceTree(before, { type: 'collapse', key: root });
    reduceTree(before, { type: 'more', key: root });
    reduceTree(before, { type: 'forget', connection: 'c1' });
    expect(before).toEqual(copy);
  });
});

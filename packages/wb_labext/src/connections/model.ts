import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventStream } from '../api/events';
import { ApiError, isAway } from '../api/request';
import type {
  ConnectionCreate,
  ConnectionPreview,
  ConnectionTest,
  ConnectionUpdate,
  ConnectionView,
  ConnectorInfo,
  PreviewResult,
  TestResult
} from '../api/types';
import type { OwnedState } from '../sharing/ownedmodel';
import { NOTHING, OwnedModel } from '../sharing/ownedmodel';
import type { ConnectionsApi } from './api';
import type { Found, Matches } from './finder';
import { NOTHING_FOUND, PAUSE, SHORTEST, nodesOf, searchCatalogs } from './finder';
import { loadNodes } from './nodes';
import { pathOf } from './sql';
import type { IConnectionKinds } from './tokens';
import type { Place, Row, TreeAction, TreeState } from './tree';
import { EMPTY_TREE, connectionOf, keyOf, placeOf, reduceTree, rowsOf } from './tree';
import type { UploadApi } from './uploadapi';
import { needsCredentials } from './words';

/** A test of a saved connection, as its row shows it. */
export type RowTest = { running: true } | { running: false; result: TestResult; at: Date };

/** Files that were dropped on a place: of the computer, or a path in Lab. */
export interface Dropped {
  place: Place;
  what: { file: File } | { path: string };
}

export interface PanelState extends OwnedState<ConnectionView> {
  connectors: readonly ConnectorInfo[];
  tree: TreeState;
  tests: ReadonlyMap<string, RowTest>;
  /** What the search has found in the catalogs. */
  found: Found;
}

/** A string that changes with everything that affects what is listed below a connection. */
function versionOf(connection: ConnectionView | undefined): string {
  return connection
    ? JSON.stringify([connection.config, connection.credentials, connection.credential])
    : '';
}

/** The state of the connections panel, and its requests to the server. */
export class ConnectionsModel
  extends OwnedModel<ConnectionView, PanelState, ConnectionsApi>
  implements IConnectionKinds
{
  constructor(
    api: ConnectionsApi,
    readonly uploads: UploadApi,
    events: EventStream,
    trans: TranslationBundle
  ) {
    super(trans, events, ['connections', 'me'], api, 'connection', {
      ...NOTHING,
      connectors: [],
      tree: EMPTY_TREE,
      tests: new Map(),
      found: NOTHING_FOUND
    });
  }

  /** Fetches everything again, including what is open in the tree. */
  async reload(): Promise<void> {
    await this.refresh();
    for (const connection of this.state.items) {
      this.reduce({ type: 'forget', connection: connection.id });
    }
    this.fillOpen();
  }

  get rows(): readonly Row[] {
    const { items: connections, tree, search, found } = this.state;
    const { matches } = found;
    const memo = this.memo;
    if (
      memo.connections !== connections ||
      memo.tree !== tree ||
      memo.search !== search ||
      memo.matches !== matches
    ) {
      this.memo = {
        connections,
        tree,
        search,
        matches,
        rows: rowsOf(connections, tree, search, connection => this.words(connection), matches)
      };
    }
    return this.memo.rows;
  }

  get keys(): readonly string[] {
    return this.rows.map(row => row.key);
  }

  /** Searches what is listed at once, and the catalogs after a pause in typing. */
  override setSearch(search: string): void {
    super.setSearch(search);
    const text = search.trim();
    const turn = ++this.searches;
    if (text.length < SHORTEST) {
      this.cancelTimer();
      this.set({ found: NOTHING_FOUND });
      return;
    }
    this.set({ found: { ...NOTHING_FOUND, searching: true } });
    this.later(PAUSE, () => {
      const connections = this.state.items.filter(
        connection =>
          connection.actions.includes('connection.browse') && !needsCredentials(connection)
      );
      void searchCatalogs(
        this.api,
        connections,
        text,
        (connection, items) => {
          const schemas = this.connector(connection.connector)?.sql?.schemas ?? true;
          return nodesOf(connection, items, schemas);
        },
        found => this.set({ found }),
        () => turn !== this.searches || this.isDisposed
      );
    });
  }

  /** What the panel says below the search box. */
  get searchNote(): string {
    const { searching, failed } = this.state.found;
    if (searching) {
      return this.trans.__('Searching the catalogs…');
    }
    return failed.length > 0 ? this.trans.__('Not searched: %1', failed.join(', ')) : '';
  }

  /** Whether the user may load rows into tables of a connection. */
  mayLoad(connection: ConnectionView): boolean {
    const loads = this.connector(connection.connector)?.capabilities.includes('load') ?? false;
    return loads && this.may(connection, 'write');
  }

  /** Emits files that were dropped on a row of the tree. */
  get dropped(): ISignal<this, Dropped> {
    return this.droppedSignal;
  }

  /** The place of a row, and of the table that a column belongs to. */
  drop(key: string, what: Dropped['what']): void {
    const place = placeOf(key);
    this.droppedSignal.emit({ place, what });
  }

  /** Fetches again what is open below a connection. */
  forget(connection: string): void {
    this.reduce({ type: 'forget', connection });
    this.fillOpen();
  }

  mayHaveCredentials(connection: ConnectionView): boolean {
    return connection.actions.includes('credential.own');
  }

  languageOf(name: string): string | undefined {
    void this.start();
    const found = this.state.items.find(connection => connection.name === name);
    return found && this.connector(found.connector)?.sql?.editor_language;
  }

  connector(kind: string): ConnectorInfo | undefined {
    return this.state.connectors.find(connector => connector.kind === kind);
  }

  /** What names a place in SQL: a column by itself, a table after its schema. */
  nameOf(place: Place): string {
    const kind = this.item(place.connection)?.connector;
    return pathOf(place, kind === undefined ? undefined : this.connector(kind)?.sql);
  }

  /** The place of the selected row. */
  get activePlace(): Place | null {
    const row = this.rows.find(item => item.key === this.state.active);
    if (!row) {
      return null;
    }
    switch (row.type) {
      case 'connection':
        return { connection: row.connection.id };
      case 'schema':
      case 'table':
      case 'column':
        return row.node.place;
      default:
        return null;
    }
  }

  expand(key: string): void {
    this.reduce({ type: 'expand', key });
    const connection = this.item(connectionOf(key));
    if (!this.state.tree.children.has(key) && connection && !needsCredentials(connection)) {
      void this.loadChildren(key);
    }
  }

  collapse(key: string): void {
    this.reduce({ type: 'collapse', key });
  }

  showMore(key: string): void {
    this.reduce({ type: 'more', key });
  }

  /** Fetches what is below a row. */
  async loadChildren(key: string): Promise<void> {
    const id = connectionOf(key);
    const version = versionOf(this.item(id));
    this.reduce({ type: 'loading', key });
    let action: TreeAction;
    try {
      action = { type: 'loaded', key, nodes: await loadNodes(this.api, this.trans, key) };
    } catch (error) {
      action = { type: 'failed', key, message: this.message(error), away: isAway(error) };
    }
    // Drop an answer from before the connection was changed or deleted.
    if (!this.isDisposed && versionOf(this.item(id)) === version) {
      this.reduce(action);
    }
  }

  async test(id: string): Promise<void> {
    this.setTest(id, { running: true });
    let result: TestResult;
    try {
      result = await this.api.test(id);
    } catch (error) {
      result = {
        ok: false,
        message: this.message(error),
        elapsed_ms: 0,
        server_version: null,
        code: error instanceof ApiError ? error.code : null
      };
    }
    this.setTest(id, { running: false, result, at: new Date() });
    await this.refresh();
  }

  dismissTest(id: string): void {
    const tests = new Map(this.state.tests);
    tests.delete(id);
    this.set({ tests });
  }

  testDraft(body: ConnectionTest): Promise<TestResult> {
    return this.api.testDraft(body);
  }

  preview(body: ConnectionPreview): Promise<PreviewResult> {
    return this.api.preview(body);
  }

  async create(body: ConnectionCreate): Promise<ConnectionView> {
    const connection = await this.api.create(body);
    await this.refresh();
    this.setSearch('');
    return connection;
  }

  async update(id: string, body: ConnectionUpdate): Promise<ConnectionView> {
    const connection = await this.api.update(id, body);
    this.dismissTest(id);
    await this.refresh();
    return connection;
  }

  /** The text of a connection that the search looks in. */
  private words(connection: ConnectionView): string {
    return [
      connection.name,
      connection.description,
      connection.owner.name,
      this.connector(connection.connector)?.title ?? connection.connector
    ].join('\n');
  }

  /** Cells are highlighted with this model's data, whether or not the panel is shown. */
  protected override get follows(): boolean {
    return true;
  }

  protected override async more(): Promise<Partial<PanelState>> {
    return { connectors: await this.api.connectors() };
  }

  protected override accepted(): void {
    this.reduce({ type: 'back' });
    this.fillOpen();
  }

  protected override accept(found: Partial<PanelState>): Partial<PanelState> {
    const { items = [] } = found;
    const before = new Map(this.state.items.map(item => [item.id, item]));
    const ids = items.map(connection => connection.id);
    let tree = reduceTree(this.state.tree, { type: 'keep', connections: ids });
    for (const connection of items) {
      const old = before.get(connection.id);
      // A new configuration may mean another database, and other credentials may see other tables:
      // what was listed below is out of date.
      if (old && versionOf(old) !== versionOf(connection)) {
        tree = reduceTree(tree, { type: 'forget', connection: connection.id });
      }
    }
    const tests = new Map([...this.state.tests].filter(([id]) => ids.includes(id)));
    return { ...found, tree, tests };
  }

  /** Reloads what is open and was forgotten. */
  private fillOpen(): void {
    const { tree, items } = this.state;
    for (const connection of items) {
      const key = keyOf({ connection: connection.id });
      if (tree.expanded.has(key) && !needsCredentials(connection)) {
        const loaded = tree.children.has(key) ? Promise.resolve() : this.loadChildren(key);
        void loaded.then(() => this.fillBelow(key));
      }
    }
  }

  private fillBelow(key: string): void {
    const children = this.state.tree.children.get(key);
    if (children?.status !== 'ready') {
      return;
    }
    for (const node of children.nodes) {
      if (this.state.tree.expanded.has(node.key) && !this.state.tree.children.has(node.key)) {
        void this.loadChildren(node.key).then(() => this.fillBelow(node.key));
      }
    }
  }

  private setTest(id: string, test: RowTest): void {
    this.set({ tests: new Map(this.state.tests).set(id, test) });
  }

  private reduce(action: TreeAction): void {
    this.set({ tree: reduceTree(this.state.tree, action) });
  }

  private readonly droppedSignal = new Signal<this, Dropped>(this);
  private searches = 0;
  private memo: {
    connections: readonly ConnectionView[] | null;
    tree: TreeState | null;
    search: string;
    matches: Matches | null;
    rows: readonly Row[];
  } = { connections: null, tree: null, search: '', matches: null, rows: [] };
}

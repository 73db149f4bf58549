import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream } from '../api/events';
import { ApiError } from '../api/request';
import type {
  ConnectionCreate,
  ConnectionTest,
  ConnectionUpdate,
  ConnectionView,
  ConnectorInfo,
  Me,
  TestResult
} from '../api/types';
import type { SharingHost } from '../sharing/model';
import type { IConnectionKinds } from '../tokens';
import type { ConnectionsApi } from './api';
import { loadNodes } from './nodes';
import type { Place, Row, TreeAction, TreeState } from './tree';
import { EMPTY_TREE, connectionOf, keyOf, reduceTree, rowsOf } from './tree';
import { needsSignIn } from './words';

/** A test of a saved connection, as its row shows it. */
export type RowTest = { running: true } | { running: false; result: TestResult; at: Date };

/** All that the panel shows; replaced, never changed in place. */
export interface PanelState {
  phase: 'loading' | 'ready' | 'failed';
  /** Why the last fetch failed; with phase `ready` the list is the one from before. */
  error: string | null;
  me: Me | null;
  connectors: readonly ConnectorInfo[];
  connections: readonly ConnectionView[];
  tree: TreeState;
  search: string;
  /** The key of the selected row. */
  active: string | null;
  tests: ReadonlyMap<string, RowTest>;
}

export interface ModelOptions {
  api: ConnectionsApi;
  events: EventStream;
  trans: TranslationBundle;
}

/** Changes with all that decides what is listed below a connection. */
function versionOf(connection: ConnectionView | undefined): string {
  return connection
    ? JSON.stringify([connection.config, connection.credentials, connection.credential])
    : '';
}

/** The state of the connections panel, and what it asks of the server. */
export class ConnectionsModel implements IDisposable, IConnectionKinds {
  constructor(options: ModelOptions) {
    this.api = options.api;
    this.events = options.events;
    this.trans = options.trans;
    this.events.signal('connections').connect(this.onConnectionsEvent, this);
    this.events.signal('me').connect(this.onMeEvent, this);
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get state(): PanelState {
    return this.current;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    Signal.clearData(this);
  }

  /** Fetches at the first call, and follows the server's events from then on. */
  start(): Promise<void> {
    this.started ??= this.refresh().then(() => this.events.start());
    return this.started;
  }

  /** Fetches rights, connectors and connections again; what is open stays open. */
  async refresh(): Promise<void> {
    const turn = ++this.turn;
    if (this.current.phase === 'failed') {
      this.set({ phase: 'loading', error: null });
    }
    try {
      const me = await this.api.me();
      const known = me.roles.length > 0;
      const [connectors, connections] = known
        ? await Promise.all([this.api.connectors(), this.api.list()])
        : [[], []];
      if (turn === this.turn && !this.disposed) {
        this.accept(me, connectors, connections);
      }
    } catch (error) {
      if (turn === this.turn && !this.disposed) {
        const phase = this.current.phase === 'ready' ? 'ready' : 'failed';
        this.set({ phase, error: this.message(error) });
      }
    }
  }

  /** Fetches everything again, and what is open in the tree too. */
  async reload(): Promise<void> {
    await this.refresh();
    for (const connection of this.current.connections) {
      this.reduce({ type: 'forget', connection: connection.id });
    }
    this.fillOpen();
  }

  get rows(): readonly Row[] {
    const { connections, tree, search } = this.current;
    const memo = this.memo;
    if (memo.connections !== connections || memo.tree !== tree || memo.search !== search) {
      this.memo = {
        connections,
        tree,
        search,
        rows: rowsOf(connections, tree, search, connection => this.words(connection))
      };
    }
    return this.memo.rows;
  }

  get mayCreate(): boolean {
    return this.current.me?.actions.includes('connection.create') ?? false;
  }

  /** There is nobody to share with where one works alone. */
  get isLocal(): boolean {
    return this.current.me?.mode === 'local';
  }

  may(connection: ConnectionView, action: string): boolean {
    return connection.actions.includes(`connection.${action}`);
  }

  mayShare(connection: ConnectionView): boolean {
    return !this.isLocal && this.may(connection, 'share');
  }

  /** What the dialogue of shares wants of this list. */
  get sharing(): SharingHost {
    return {
      api: this.api.sharing,
      changed: this.changedSignal,
      things: () => this.current.connections,
      me: () => this.current.me?.name ?? '',
      message: error => this.message(error)
    };
  }

  mayHaveSignIn(connection: ConnectionView): boolean {
    return connection.actions.includes('credential.own');
  }

  connection(id: string): ConnectionView | undefined {
    return this.current.connections.find(connection => connection.id === id);
  }

  connectorOf(name: string): string | undefined {
    void this.start();
    return this.current.connections.find(connection => connection.name === name)?.connector;
  }

  connector(kind: string): ConnectorInfo | undefined {
    return this.current.connectors.find(connector => connector.kind === kind);
  }

  /** What the selected row stands for. */
  get activePlace(): Place | null {
    const row = this.rows.find(item => item.key === this.current.active);
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

  setSearch(search: string): void {
    this.set({ search });
  }

  select(key: string | null): void {
    if (key !== this.current.active) {
      this.set({ active: key });
    }
  }

  expand(key: string): void {
    this.reduce({ type: 'expand', key });
    const connection = this.connection(connectionOf(key));
    if (!this.current.tree.children.has(key) && connection && !needsSignIn(connection)) {
      void this.load(key);
    }
  }

  collapse(key: string): void {
    this.reduce({ type: 'collapse', key });
  }

  showMore(key: string): void {
    this.reduce({ type: 'more', key });
  }

  /** Fetches what is below a row. */
  async load(key: string): Promise<void> {
    const id = connectionOf(key);
    const version = versionOf(this.connection(id));
    this.reduce({ type: 'loading', key });
    let action: TreeAction;
    try {
      action = { type: 'loaded', key, nodes: await loadNodes(this.api, this.trans, key) };
    } catch (error) {
      action = { type: 'failed', key, message: this.message(error) };
    }
    // An answer from before the connection was changed or deleted is of no use.
    if (!this.disposed && versionOf(this.connection(id)) === version) {
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
    const tests = new Map(this.current.tests);
    tests.delete(id);
    this.set({ tests });
  }

  testDraft(body: ConnectionTest): Promise<TestResult> {
    return this.api.testDraft(body);
  }

  async create(body: ConnectionCreate): Promise<ConnectionView> {
    const connection = await this.api.create(body);
    await this.refresh();
    this.set({ search: '' });
    return connection;
  }

  async update(id: string, body: ConnectionUpdate): Promise<ConnectionView> {
    const connection = await this.api.update(id, body);
    this.dismissTest(id);
    await this.refresh();
    return connection;
  }

  async remove(id: string): Promise<void> {
    await this.api.remove(id);
    await this.refresh();
  }

  async restore(id: string): Promise<ConnectionView> {
    const connection = await this.api.restore(id);
    await this.refresh();
    return connection;
  }

  /** An error as a sentence for a person. */
  message(error: unknown): string {
    return error instanceof ApiError
      ? error.message
      : this.trans.__('Something went wrong in this page. Reload it, then try again.');
  }

  /** The words of a connection that the search looks through. */
  private words(connection: ConnectionView): string {
    return [
      connection.name,
      connection.description,
      connection.owner.name,
      this.connector(connection.connector)?.title ?? connection.connector
    ].join('\n');
  }

  private accept(me: Me, connectors: ConnectorInfo[], connections: ConnectionView[]): void {
    const before = new Map(this.current.connections.map(item => [item.id, item]));
    let tree = reduceTree(this.current.tree, {
      type: 'keep',
      connections: connections.map(connection => connection.id)
    });
    for (const connection of connections) {
      const old = before.get(connection.id);
      // Another configuration is another database, another sign-in may see other tables: what was
      // listed below is no longer true.
      if (old && versionOf(old) !== versionOf(connection)) {
        tree = reduceTree(tree, { type: 'forget', connection: connection.id });
      }
    }
    const tests = new Map(
      [...this.current.tests].filter(([id]) => connections.some(c => c.id === id))
    );
    const place = this.rows.findIndex(row => row.key === this.current.active);
    this.set({ phase: 'ready', error: null, me, connectors, connections, tree, tests });
    if (place >= 0 && !this.rows.some(row => row.key === this.current.active)) {
      // The selected row went away: its neighbour takes over.
      this.select(this.rows[Math.min(place, this.rows.length - 1)]?.key ?? null);
    }
    this.fillOpen();
  }

  /** Loads what is open and was forgotten. */
  private fillOpen(): void {
    const { tree, connections } = this.current;
    for (const connection of connections) {
      const key = keyOf({ connection: connection.id });
      if (tree.expanded.has(key) && !tree.children.has(key) && !needsSignIn(connection)) {
        void this.load(key).then(() => this.fillBelow(key));
      }
    }
  }

  private fillBelow(key: string): void {
    const children = this.current.tree.children.get(key);
    if (children?.status !== 'ready') {
      return;
    }
    for (const node of children.nodes) {
      if (this.current.tree.expanded.has(node.key) && !this.current.tree.children.has(node.key)) {
        void this.load(node.key).then(() => this.fillBelow(node.key));
      }
    }
  }

  private onConnectionsEvent(): void {
    if (this.started) {
      void this.refresh();
    }
  }

  private onMeEvent(): void {
    if (this.started) {
      void this.refresh();
    }
  }

  private setTest(id: string, test: RowTest): void {
    this.set({ tests: new Map(this.current.tests).set(id, test) });
  }

  private reduce(action: TreeAction): void {
    this.set({ tree: reduceTree(this.current.tree, action) });
  }

  private set(change: Partial<PanelState>): void {
    if (this.disposed) {
      return;
    }
    this.current = { ...this.current, ...change };
    this.changedSignal.emit();
  }

  /** The room's endpoints, for its dialogs. */
  readonly api: ConnectionsApi;
  private readonly events: EventStream;
  private readonly trans: TranslationBundle;
  private readonly changedSignal = new Signal<this, void>(this);
  private current: PanelState = {
    phase: 'loading',
    error: null,
    me: null,
    connectors: [],
    connections: [],
    tree: EMPTY_TREE,
    search: '',
    active: null,
    tests: new Map()
  };
  private memo: {
    connections: readonly ConnectionView[] | null;
    tree: TreeState | null;
    search: string;
    rows: readonly Row[];
  } = { connections: null, tree: null, search: '', rows: [] };
  private started: Promise<void> | null = null;
  private turn = 0;
  private disposed = false;
}

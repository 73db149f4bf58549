import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventStream } from '../api/events';
import { ApiError } from '../api/request';
import type { LimitList, LimitRequest, LimitView, Me, OwnLimits, RunningQuery } from '../api/types';
import type { QueriesApi } from './api';

/** While something runs and somebody looks, its rows and bytes are fetched again this often. */
const TICK = 2_000;

export interface QueriesState {
  phase: 'loading' | 'ready' | 'failed';
  /** Why the last fetch failed; with phase `ready` the lists are those from before. */
  error: string | null;
  me: Me | null;
  everybodys: boolean;
  running: readonly RunningQuery[];
  own: OwnLimits | null;
  /** All limits, for those who may see them. */
  limits: LimitList | null;
  /** The ids of queries that were asked to stop. */
  stopping: ReadonlySet<string>;
}

/** What runs now, and what may: the state of the view and of the status bar's item. */
export class QueriesModel implements IDisposable {
  constructor(
    readonly api: QueriesApi,
    private readonly events: EventStream,
    private readonly trans: TranslationBundle
  ) {
    this.events.signal('queries').connect(this.onEvent, this);
    this.events.signal('me').connect(this.onEvent, this);
  }

  get state(): QueriesState {
    return this.current;
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    this.cancelTimer();
    Signal.clearData(this);
  }

  get maySeeAll(): boolean {
    return this.may('query.list_any');
  }

  get mayChangeLimits(): boolean {
    return this.may('limits.change');
  }

  /** Fetches at the first call, and follows the server's events from then on. */
  start(): Promise<void> {
    this.started ??= this.refresh().then(() => this.events.start());
    return this.started;
  }

  /** Whether somebody looks at the view: only then are all lists fetched. */
  watch(watched: boolean): void {
    this.watched = watched;
    if (watched) {
      void this.start().then(() => this.refresh());
    }
  }

  async refresh(): Promise<void> {
    this.cancelTimer();
    const turn = ++this.turn;
    if (this.current.phase === 'failed') {
      this.set({ phase: 'loading', error: null });
    }
    try {
      const me = await this.api.me();
      const has = (action: string): boolean => me.actions.includes(action);
      const everybodys = this.current.everybodys && has('query.list_any');
      const [running, own, limits] = await Promise.all([
        this.watched && has('query.list') ? this.api.running(everybodys) : [],
        has('limits.own') ? this.api.ownLimits() : null,
        this.watched && has('limits.see') ? this.api.limits() : null
      ]);
      if (turn === this.turn) {
        const ids = new Set(running.map(query => query.id));
        const stopping = new Set([...this.current.stopping].filter(id => ids.has(id)));
        this.set({ phase: 'ready', error: null, me, everybodys, running, own, limits, stopping });
        if (this.watched && running.length > 0) {
          this.timer = setTimeout(() => void this.refresh(), TICK);
        }
      }
    } catch (error) {
      if (turn === this.turn) {
        const phase = this.current.phase === 'ready' ? 'ready' : 'failed';
        this.set({ phase, error: this.message(error) });
      }
    }
  }

  showEverybodys(everybodys: boolean): void {
    this.set({ everybodys });
    void this.refresh();
  }

  /** Stops a query, in its source too. Throws what `message` makes a sentence of. */
  async cancel(id: string): Promise<void> {
    this.set({ stopping: new Set(this.current.stopping).add(id) });
    try {
      await this.api.cancel(id);
    } catch (error) {
      const stopping = new Set(this.current.stopping);
      stopping.delete(id);
      this.set({ stopping });
      // It had ended by itself: that is what was wanted.
      if (!(error instanceof ApiError && error.status === 404)) {
        throw error;
      }
    } finally {
      await this.refresh();
    }
  }

  async setLimits(body: LimitRequest): Promise<void> {
    this.set({ limits: await this.api.setLimits(body) });
    await this.refresh();
  }

  async removeLimits(row: LimitView): Promise<void> {
    this.set({ limits: await this.api.removeLimits(row) });
    await this.refresh();
  }

  /** An error as a sentence for a person. */
  message(error: unknown): string {
    return error instanceof ApiError
      ? error.message
      : this.trans.__('Something went wrong in this page. Reload it, then try again.');
  }

  private may(action: string): boolean {
    return this.current.me?.actions.includes(action) ?? false;
  }

  private onEvent(): void {
    if (this.started) {
      void this.refresh();
    }
  }

  private cancelTimer(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
  }

  private set(change: Partial<QueriesState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...change };
      this.changedSignal.emit();
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private current: QueriesState = {
    phase: 'loading',
    error: null,
    me: null,
    everybodys: false,
    running: [],
    own: null,
    limits: null,
    stopping: new Set()
  };
  private started: Promise<void> | null = null;
  private watched = false;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private turn = 0;
  private disposed = false;
}

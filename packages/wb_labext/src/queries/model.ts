import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream } from '../api/events';
import { ApiError } from '../api/request';
import type { LimitList, LimitRequest, LimitView, Me, OwnLimits, RunningQuery } from '../api/types';
import type { ViewState } from '../ui/viewmodel';
import { ViewModel } from '../ui/viewmodel';
import type { QueriesApi } from './api';

/** While something runs and somebody looks, its rows and bytes are fetched again this often. */
const TICK = 2_000;

export interface QueriesState extends ViewState {
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
export class QueriesModel extends ViewModel<QueriesState> {
  constructor(
    readonly api: QueriesApi,
    private readonly events: EventStream,
    trans: TranslationBundle
  ) {
    super(trans, {
      phase: 'loading',
      error: null,
      me: null,
      everybodys: false,
      running: [],
      own: null,
      limits: null,
      stopping: new Set()
    });
    this.events.signal('queries').connect(this.onEvent, this);
    this.events.signal('me').connect(this.onEvent, this);
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
    if (this.state.phase === 'failed') {
      this.set({ phase: 'loading', error: null });
    }
    await this.fetch(
      async () => {
        const me = await this.api.me();
        const has = (action: string): boolean => me.actions.includes(action);
        const everybodys = this.state.everybodys && has('query.list_any');
        const [running, own, limits] = await Promise.all([
          this.watched && has('query.list') ? this.api.running(everybodys) : [],
          has('limits.own') ? this.api.ownLimits() : null,
          this.watched && has('limits.see') ? this.api.limits() : null
        ]);
        return { me, everybodys, running, own, limits };
      },
      found => {
        const ids = new Set(found.running.map(query => query.id));
        const stopping = new Set([...this.state.stopping].filter(id => ids.has(id)));
        this.set({ phase: 'ready', error: null, ...found, stopping });
        if (this.watched && found.running.length > 0) {
          this.later(TICK, () => void this.refresh());
        }
      }
    );
  }

  showEverybodys(everybodys: boolean): void {
    this.set({ everybodys });
    void this.refresh();
  }

  /** Stops a query, in its source too. Throws what `message` makes a sentence of. */
  async cancel(id: string): Promise<void> {
    this.set({ stopping: new Set(this.state.stopping).add(id) });
    try {
      await this.api.cancel(id);
    } catch (error) {
      const stopping = new Set(this.state.stopping);
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

  private may(action: string): boolean {
    return this.state.me?.actions.includes(action) ?? false;
  }

  private onEvent(): void {
    if (this.started) {
      void this.refresh();
    }
  }

  private started: Promise<void> | null = null;
  private watched = false;
}

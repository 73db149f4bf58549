import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream } from '../api/events';
import { ApiError } from '../api/request';
import type { LimitList, LimitRequest, LimitView, Me, OwnLimits, RunningQuery } from '../api/types';
import type { ViewState } from '../ui/viewmodel';
import { LiveModel } from '../ui/viewmodel';
import type { QueriesApi } from './api';

/** How often rows and bytes are fetched while a query runs and the view is shown, in milliseconds. */
const TICK = 2_000;

export interface QueriesState extends ViewState {
  me: Me | null;
  everyones: boolean;
  running: readonly RunningQuery[];
  own: OwnLimits | null;
  /** All limits, for those who may see them. */
  limits: LimitList | null;
  /** The ids of queries that were asked to stop. */
  stopping: ReadonlySet<string>;
}

/** Running queries and limits: the state of the view and of the status bar's item. */
export class QueriesModel extends LiveModel<QueriesState> {
  constructor(
    readonly api: QueriesApi,
    events: EventStream,
    trans: TranslationBundle
  ) {
    super(trans, events, ['queries', 'me'], {
      phase: 'loading',
      error: null,
      me: null,
      everyones: false,
      running: [],
      own: null,
      limits: null,
      stopping: new Set()
    });
  }

  get maySeeAll(): boolean {
    return this.may('query.list_any');
  }

  get mayChangeLimits(): boolean {
    return this.may('limits.change');
  }

  /** The status bar follows too. */
  protected override get follows(): boolean {
    return true;
  }

  protected async load(): Promise<void> {
    this.cancelTimer();
    // The lists are fetched only while the view is shown.
    const { shown } = this;
    this.missed = !shown;
    const fetched = await this.fetch(
      async () => {
        const me = await this.api.me();
        const has = (action: string): boolean => me.actions.includes(action);
        const everyones = this.state.everyones && has('query.list_any');
        const [running, own, limits] = await Promise.all([
          shown && has('query.list') ? this.api.running(everyones) : [],
          has('limits.own') ? this.api.ownLimits() : null,
          shown && has('limits.see') ? this.api.limits() : null
        ]);
        return { me, everyones, running, own, limits };
      },
      found => {
        const ids = new Set(found.running.map(query => query.id));
        return { ...found, stopping: new Set([...this.state.stopping].filter(id => ids.has(id))) };
      }
    );
    if (fetched && this.shown && this.state.running.length > 0) {
      this.later(TICK, () => void this.refresh());
    }
  }

  showEveryones(everyones: boolean): void {
    this.set({ everyones });
    void this.load();
  }

  /** Stops a query, also in its source. Throws what `message` turns into a sentence. */
  async cancel(id: string): Promise<void> {
    this.set({ stopping: new Set(this.state.stopping).add(id) });
    try {
      await this.api.cancel(id);
    } catch (error) {
      const stopping = new Set(this.state.stopping);
      stopping.delete(id);
      this.set({ stopping });
      // It had already ended, which is fine.
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
}

import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventStream } from '../api/events';
import { ApiError } from '../api/request';
import type { PipelineView, RunState, RunSummary } from '../api/types';
import type { RunsApi } from './api';

const PAGE = 50;
/** The most that one request may ask for, see the server's `RunQuery`. */
const MOST = 200;

export interface RunListState {
  phase: 'loading' | 'ready' | 'failed';
  error: string | null;
  pipeline: PipelineView | null;
  runs: readonly RunSummary[];
  /** Where the next page begins; null at the end. */
  cursor: string | null;
  /** Keep the runs in this state. */
  filter: RunState | null;
  busy: boolean;
  selected: string | null;
}

/** The runs of a pipeline, the newest first: what the list shows. */
export class RunListModel implements IDisposable {
  constructor(
    private readonly api: RunsApi,
    private readonly events: EventStream,
    private readonly trans: TranslationBundle,
    readonly pipeline: string
  ) {
    events.signal('runs').connect(this.onEvent, this);
    events.signal('pipelines').connect(this.onEvent, this);
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get state(): RunListState {
    return this.current;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    this.events.signal('runs').disconnect(this.onEvent, this);
    this.events.signal('pipelines').disconnect(this.onEvent, this);
    Signal.clearData(this);
  }

  /** Whether the list is on the screen; what isn't looked at is fetched once it is again. */
  watch(shown: boolean): void {
    this.shown = shown;
    if (shown) {
      this.events.start();
      void this.refresh();
    }
  }

  select(selected: string): void {
    if (selected !== this.current.selected) {
      this.set({ selected });
    }
  }

  setFilter(filter: RunState | null): void {
    this.set({ filter, runs: [], cursor: null });
    void this.refresh();
  }

  /** Fetches again as many as are shown; older ones beyond the most of a request have to be asked for. */
  async refresh(): Promise<void> {
    const turn = ++this.turn;
    if (this.current.phase === 'failed') {
      this.set({ phase: 'loading', error: null });
    }
    this.set({ busy: true });
    const limit = Math.min(MOST, Math.max(PAGE, this.current.runs.length));
    try {
      const [pipeline, page] = await Promise.all([
        this.api.pipeline(this.pipeline),
        this.api.list({ pipeline: this.pipeline, state: this.current.filter ?? undefined, limit })
      ]);
      if (turn === this.turn) {
        this.set({
          phase: 'ready',
          error: null,
          pipeline,
          runs: page.items,
          cursor: page.next,
          busy: false
        });
      }
    } catch (error) {
      if (turn === this.turn) {
        const phase = this.current.phase === 'ready' ? 'ready' : 'failed';
        this.set({ phase, error: this.message(error), busy: false });
      }
    }
  }

  /** Fetches older ones. */
  async more(): Promise<void> {
    const turn = ++this.turn;
    const { cursor, filter, runs } = this.current;
    this.set({ busy: true });
    try {
      const page = await this.api.list({
        pipeline: this.pipeline,
        state: filter ?? undefined,
        limit: PAGE,
        cursor
      });
      if (turn === this.turn) {
        this.set({ runs: [...runs, ...page.items], cursor: page.next, error: null, busy: false });
      }
    } catch (error) {
      if (turn === this.turn) {
        this.set({ error: this.message(error), busy: false });
      }
    }
  }

  private message(error: unknown): string {
    return error instanceof ApiError
      ? error.message
      : this.trans.__('Something went wrong in this page. Reload it, then try again.');
  }

  private onEvent(): void {
    if (this.shown) {
      void this.refresh();
    }
  }

  private set(change: Partial<RunListState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...change };
      this.changedSignal.emit();
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private current: RunListState = {
    phase: 'loading',
    error: null,
    pipeline: null,
    runs: [],
    cursor: null,
    filter: null,
    busy: false,
    selected: null
  };
  private shown = false;
  private turn = 0;
  private disposed = false;
}

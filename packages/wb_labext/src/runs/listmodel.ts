import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream } from '../api/events';
import type { PipelineView, RunState, RunSummary } from '../api/types';
import type { ViewState } from '../ui/viewmodel';
import { ViewModel } from '../ui/viewmodel';
import type { RunsApi } from './api';

const PAGE = 50;
/** The most that one request may ask for, see the server's `RunQuery`. */
const MOST = 200;

export interface RunListState extends ViewState {
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
export class RunListModel extends ViewModel<RunListState> {
  constructor(
    private readonly api: RunsApi,
    private readonly events: EventStream,
    trans: TranslationBundle,
    readonly pipeline: string
  ) {
    super(trans, {
      phase: 'loading',
      error: null,
      pipeline: null,
      runs: [],
      cursor: null,
      filter: null,
      busy: false,
      selected: null
    });
    events.signal('runs').connect(this.onEvent, this);
    events.signal('pipelines').connect(this.onEvent, this);
  }

  dispose(): void {
    this.events.signal('runs').disconnect(this.onEvent, this);
    this.events.signal('pipelines').disconnect(this.onEvent, this);
    super.dispose();
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
    if (selected !== this.state.selected) {
      this.set({ selected });
    }
  }

  setFilter(filter: RunState | null): void {
    this.set({ filter, runs: [], cursor: null });
    void this.refresh();
  }

  /** Fetches again as many as are shown; older ones beyond the most of a request have to be asked for. */
  refresh(): Promise<void> {
    if (this.state.phase === 'failed') {
      this.set({ phase: 'loading', error: null });
    }
    this.set({ busy: true });
    const { runs, filter } = this.state;
    const limit = Math.min(MOST, Math.max(PAGE, runs.length));
    return this.fetch(
      () =>
        Promise.all([
          this.api.pipeline(this.pipeline),
          this.api.list({ pipeline: this.pipeline, state: filter ?? undefined, limit })
        ]),
      ([pipeline, page]) =>
        this.set({
          phase: 'ready',
          error: null,
          pipeline,
          runs: page.items,
          cursor: page.next,
          busy: false
        }),
      { busy: false }
    );
  }

  /** Fetches older ones. */
  more(): Promise<void> {
    const { cursor, filter, runs } = this.state;
    this.set({ busy: true });
    return this.fetch(
      () =>
        this.api.list({
          pipeline: this.pipeline,
          state: filter ?? undefined,
          limit: PAGE,
          cursor
        }),
      page =>
        this.set({
          runs: [...runs, ...page.items],
          cursor: page.next,
          error: null,
          busy: false
        }),
      { busy: false }
    );
  }

  private onEvent(): void {
    if (this.shown) {
      void this.refresh();
    }
  }

  private shown = false;
}

import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream } from '../api/events';
import type { PipelineView, RunPage, RunState, RunSummary } from '../api/types';
import type { ViewState } from '../ui/viewmodel';
import { LiveModel } from '../ui/viewmodel';
import type { RunsApi } from './api';

const PAGE = 50;
/** The server's limit per request, as in its `RunQuery`. */
const MOST = 200;

export interface RunListState extends ViewState {
  pipeline: PipelineView | null;
  runs: readonly RunSummary[];
  /** The cursor of the next page; null at the end. */
  cursor: string | null;
  /** Show only runs in this state. */
  filter: RunState | null;
  busy: boolean;
  selected: string | null;
}

/** The state of the list: the runs of a pipeline or of all pipelines, newest first. */
export class RunListModel extends LiveModel<RunListState> {
  constructor(
    private readonly api: RunsApi,
    events: EventStream,
    trans: TranslationBundle,
    readonly pipeline: string | null
  ) {
    super(trans, events, ['runs', 'pipelines'], {
      phase: 'loading',
      error: null,
      pipeline: null,
      runs: [],
      cursor: null,
      filter: null,
      busy: false,
      selected: null
    });
  }

  select(selected: string): void {
    if (selected !== this.state.selected) {
      this.set({ selected });
    }
  }

  setFilter(filter: RunState | null): void {
    this.set({ filter, runs: [], cursor: null });
    void this.load();
  }

  /** Fetches older runs. */
  async more(): Promise<void> {
    this.set({ busy: true });
    await this.fetch(
      () => this.page(PAGE, this.state.cursor),
      page => ({
        runs: [...this.state.runs, ...page.items],
        cursor: page.next,
        busy: false
      }),
      { busy: false }
    );
  }

  /** Fetches as many as are shown, up to the limit per request; `more` fetches older ones again. */
  protected async load(): Promise<void> {
    this.set({ busy: true });
    const limit = Math.min(MOST, Math.max(PAGE, this.state.runs.length));
    await this.fetch(
      () =>
        Promise.all([
          this.pipeline === null ? null : this.api.pipeline(this.pipeline),
          this.page(limit)
        ]),
      ([pipeline, page]) => ({ pipeline, runs: page.items, cursor: page.next, busy: false }),
      { busy: false }
    );
  }

  private page(limit: number, cursor: string | null = null): Promise<RunPage> {
    const state = this.state.filter ?? undefined;
    return this.api.list({ pipeline: this.pipeline, state, limit, cursor });
  }
}

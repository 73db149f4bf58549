import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream } from '../api/events';
import type { Me, PipelineView } from '../api/types';
import type { SharingHost } from '../sharing/model';
import type { ViewState } from '../ui/viewmodel';
import { ViewModel } from '../ui/viewmodel';
import type { PipelinesApi } from './api';

/** All that the panel shows; replaced, never changed in place. */
export interface PipelinesState extends ViewState {
  me: Me | null;
  pipelines: readonly PipelineView[];
  search: string;
  /** The id of the selected pipeline. */
  active: string | null;
}

/** The state of the pipelines panel, and what it asks of the server. */
export class PipelinesModel extends ViewModel<PipelinesState> {
  constructor(
    readonly api: PipelinesApi,
    private readonly events: EventStream,
    trans: TranslationBundle
  ) {
    super(trans, {
      phase: 'loading',
      error: null,
      me: null,
      pipelines: [],
      search: '',
      active: null
    });
    events.signal('pipelines').connect(this.onEvent, this);
    events.signal('runs').connect(this.onEvent, this);
    events.signal('me').connect(this.onEvent, this);
  }

  /** Fetches at the first call, and follows the server's events from then on. */
  start(): Promise<void> {
    this.started ??= this.refresh().then(() => this.events.start());
    return this.started;
  }

  /** Whether the list is on the screen: what isn't looked at is fetched once it is again. */
  watch(shown: boolean): void {
    this.shown = shown;
    if (shown) {
      if (this.started && this.missed) {
        void this.refresh();
      }
      void this.start();
    }
  }

  /** Fetches again. Calls while it does are one more fetch afterwards. */
  async refresh(): Promise<void> {
    this.missed = false;
    if (this.fetching) {
      this.again = true;
      return this.fetching;
    }
    this.fetching = this.load();
    try {
      await this.fetching;
    } finally {
      this.fetching = null;
    }
    if (this.again) {
      this.again = false;
      await this.refresh();
    }
  }

  /** The pipelines that match the search, by name. */
  get found(): readonly PipelineView[] {
    const words = this.state.search.trim().toLowerCase().split(/\s+/);
    return this.state.pipelines.filter(pipeline => {
      const text = [pipeline.name, pipeline.description, pipeline.owner.name, ...pipeline.labels]
        .join('\n')
        .toLowerCase();
      return words.every(word => text.includes(word));
    });
  }

  get mayCreate(): boolean {
    return this.state.me?.actions.includes('pipeline.create') ?? false;
  }

  may(pipeline: PipelineView, action: string): boolean {
    return pipeline.actions.includes(`pipeline.${action}`);
  }

  /** There is nobody to share with where one works alone. */
  mayShare(pipeline: PipelineView): boolean {
    return this.state.me?.mode !== 'local' && this.may(pipeline, 'share');
  }

  pipeline(id: string | null): PipelineView | undefined {
    return this.state.pipelines.find(pipeline => pipeline.id === id);
  }

  /** What the dialogue of shares wants of this list. */
  get sharing(): SharingHost {
    return {
      api: this.api.sharing,
      changed: this.changed,
      things: () => this.state.pipelines,
      me: () => this.state.me?.name ?? '',
      message: error => this.message(error)
    };
  }

  setSearch(search: string): void {
    this.set({ search });
  }

  select(active: string | null): void {
    if (active !== this.state.active) {
      this.set({ active });
    }
  }

  async pause(id: string, paused: boolean): Promise<void> {
    await this.api.pause(id, paused);
    await this.refresh();
  }

  async remove(id: string): Promise<void> {
    await this.api.remove(id);
    await this.refresh();
  }

  async restore(id: string): Promise<void> {
    await this.api.restore(id);
    await this.refresh();
  }

  private load(): Promise<void> {
    if (this.state.phase === 'failed') {
      this.set({ phase: 'loading', error: null });
    }
    return this.fetch(
      async () => {
        const me = await this.api.me();
        return { me, pipelines: me.roles.length > 0 ? await this.api.list() : [] };
      },
      ({ me, pipelines }) => {
        const { active } = this.state;
        const place = this.found.findIndex(pipeline => pipeline.id === active);
        this.set({ phase: 'ready', error: null, me, pipelines });
        if (place >= 0 && !this.pipeline(active)) {
          // The selected row went away: its neighbour takes over.
          this.select(this.found[Math.min(place, this.found.length - 1)]?.id ?? null);
        }
      }
    );
  }

  private onEvent(): void {
    if (!this.started) {
      return;
    }
    if (this.shown) {
      void this.refresh();
    } else {
      this.missed = true;
    }
  }

  private started: Promise<void> | null = null;
  private fetching: Promise<void> | null = null;
  private again = false;
  private shown = false;
  private missed = false;
}

import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventStream } from '../api/events';
import { ApiError } from '../api/request';
import type { Me, PipelineView } from '../api/types';
import type { SharingHost } from '../sharing/model';
import type { PipelinesApi } from './api';

/** All that the panel shows; replaced, never changed in place. */
export interface PipelinesState {
  phase: 'loading' | 'ready' | 'failed';
  /** Why the last fetch failed; with phase `ready` the list is the one from before. */
  error: string | null;
  me: Me | null;
  pipelines: readonly PipelineView[];
  search: string;
  /** The id of the selected pipeline. */
  active: string | null;
}

/** The state of the pipelines panel, and what it asks of the server. */
export class PipelinesModel implements IDisposable {
  constructor(
    readonly api: PipelinesApi,
    private readonly events: EventStream,
    private readonly trans: TranslationBundle
  ) {
    events.signal('pipelines').connect(this.onEvent, this);
    events.signal('runs').connect(this.onEvent, this);
    events.signal('me').connect(this.onEvent, this);
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get state(): PipelinesState {
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
    this.fetching = this.fetch();
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
    const words = this.current.search.trim().toLowerCase().split(/\s+/);
    return this.current.pipelines.filter(pipeline => {
      const text = [pipeline.name, pipeline.description, pipeline.owner.name, ...pipeline.labels]
        .join('\n')
        .toLowerCase();
      return words.every(word => text.includes(word));
    });
  }

  get mayCreate(): boolean {
    return this.current.me?.actions.includes('pipeline.create') ?? false;
  }

  may(pipeline: PipelineView, action: string): boolean {
    return pipeline.actions.includes(`pipeline.${action}`);
  }

  /** There is nobody to share with where one works alone. */
  mayShare(pipeline: PipelineView): boolean {
    return this.current.me?.mode !== 'local' && this.may(pipeline, 'share');
  }

  pipeline(id: string | null): PipelineView | undefined {
    return this.current.pipelines.find(pipeline => pipeline.id === id);
  }

  /** What the dialogue of shares wants of this list. */
  get sharing(): SharingHost {
    return {
      api: this.api.sharing,
      changed: this.changedSignal,
      things: () => this.current.pipelines,
      me: () => this.current.me?.name ?? '',
      message: error => this.message(error)
    };
  }

  setSearch(search: string): void {
    this.set({ search });
  }

  select(active: string | null): void {
    if (active !== this.current.active) {
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

  /** An error as a sentence for a person. */
  message(error: unknown): string {
    return error instanceof ApiError
      ? error.message
      : this.trans.__('Something went wrong in this page. Reload it, then try again.');
  }

  private async fetch(): Promise<void> {
    if (this.current.phase === 'failed') {
      this.set({ phase: 'loading', error: null });
    }
    try {
      const me = await this.api.me();
      const pipelines = me.roles.length > 0 ? await this.api.list() : [];
      const { active } = this.current;
      const place = this.found.findIndex(pipeline => pipeline.id === active);
      this.set({ phase: 'ready', error: null, me, pipelines });
      if (place >= 0 && !this.pipeline(active)) {
        // The selected row went away: its neighbour takes over.
        this.select(this.found[Math.min(place, this.found.length - 1)]?.id ?? null);
      }
    } catch (error) {
      const phase = this.current.phase === 'ready' ? 'ready' : 'failed';
      this.set({ phase, error: this.message(error) });
    }
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

  private set(change: Partial<PipelinesState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...change };
      this.changedSignal.emit();
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private current: PipelinesState = {
    phase: 'loading',
    error: null,
    me: null,
    pipelines: [],
    search: '',
    active: null
  };
  private started: Promise<void> | null = null;
  private fetching: Promise<void> | null = null;
  private again = false;
  private shown = false;
  private missed = false;
  private disposed = false;
}

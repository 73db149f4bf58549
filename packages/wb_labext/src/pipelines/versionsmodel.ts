import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { PipelineView, VersionSummary } from '../api/types';
import type { PipelinesModel } from './model';

/** So many versions come at once, see the server's `versions`. */
const PAGE = 50;

export interface VersionsState {
  phase: 'loading' | 'ready' | 'failed';
  pipeline: PipelineView;
  versions: readonly VersionSummary[];
  more: boolean;
  busy: boolean;
  problem: string | null;
}

/** The versions of a pipeline: the dialogue's state. */
export class VersionsModel implements IDisposable {
  constructor(
    private readonly model: PipelinesModel,
    pipeline: PipelineView
  ) {
    this.current = {
      phase: 'loading',
      pipeline,
      versions: [],
      more: false,
      busy: false,
      problem: null
    };
    model.changed.connect(this.onModelChanged, this);
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get state(): VersionsState {
    return this.current;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    this.model.changed.disconnect(this.onModelChanged, this);
    Signal.clearData(this);
  }

  may(action: string): boolean {
    return this.model.may(this.current.pipeline, action);
  }

  async load(): Promise<void> {
    try {
      const versions = await this.model.api.versions(this.current.pipeline.id);
      this.set({ phase: 'ready', versions, more: versions.length >= PAGE });
    } catch (error) {
      const phase = this.current.versions.length > 0 ? 'ready' : 'failed';
      this.set({ phase, problem: this.model.message(error) });
    }
  }

  /** Where a file of a version's folder is downloaded from. */
  fileUrl(number: number, path: string): string {
    return this.model.api.fileUrl(this.current.pipeline.id, number, path);
  }

  /** Fetches older ones. */
  more(): Promise<boolean> {
    const { versions, pipeline } = this.current;
    return this.change(async () => {
      const older = await this.model.api.versions(pipeline.id, versions.at(-1)?.number ?? null);
      this.set({ versions: [...versions, ...older], more: older.length >= PAGE });
    });
  }

  /** Lets the newest version run. */
  approve(number: number): Promise<boolean> {
    return this.save(() => this.model.api.approve(this.current.pipeline.id, number));
  }

  /** Makes an older version the newest one again. */
  restore(number: number): Promise<boolean> {
    return this.save(() => this.model.api.restoreVersion(this.current.pipeline.id, number));
  }

  private save(request: () => Promise<PipelineView>): Promise<boolean> {
    return this.change(async () => {
      this.set({ pipeline: await request() });
      await this.load();
      await this.model.refresh();
    });
  }

  private async change(request: () => Promise<void>): Promise<boolean> {
    if (this.current.busy) {
      return false;
    }
    this.set({ busy: true, problem: null });
    try {
      await request();
      this.set({ busy: false });
      return true;
    } catch (error) {
      this.set({ busy: false, problem: this.model.message(error) });
      return false;
    }
  }

  private onModelChanged(): void {
    const now = this.model.pipeline(this.current.pipeline.id);
    if (now && now.version > this.current.pipeline.version) {
      const grown = now.head !== this.current.pipeline.head;
      this.set({ pipeline: now });
      if (grown && !this.current.busy) {
        void this.load();
      }
    }
  }

  private set(change: Partial<VersionsState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...change };
      this.changedSignal.emit();
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private current: VersionsState;
  private disposed = false;
}

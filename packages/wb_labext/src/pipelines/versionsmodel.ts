import type { TranslationBundle } from '@jupyterlab/translation';

import type { PipelineView, VersionSummary } from '../api/types';
import type { ChangeState } from '../ui/viewmodel';
import { ChangeModel } from '../ui/viewmodel';
import type { PipelinesModel } from './model';

/** Versions per page, as in the server's `versions`. */
const PAGE = 50;

export interface VersionsState extends ChangeState {
  pipeline: PipelineView;
  versions: readonly VersionSummary[];
  more: boolean;
}

/** The state of the dialog: the versions of a pipeline. */
export class VersionsModel extends ChangeModel<VersionsState> {
  constructor(
    private readonly model: PipelinesModel,
    pipeline: PipelineView,
    trans: TranslationBundle
  ) {
    super(trans, {
      phase: 'loading',
      error: null,
      pipeline,
      versions: [],
      more: false,
      busy: false,
      problem: null
    });
    model.changed.connect(this.onModelChanged, this);
  }

  dispose(): void {
    this.model.changed.disconnect(this.onModelChanged, this);
    super.dispose();
  }

  may(action: string): boolean {
    return this.model.may(this.state.pipeline, action);
  }

  /** The URL to download a file of a version's folder. */
  fileUrl(number: number, path: string): string {
    return this.model.api.fileUrl(this.state.pipeline.id, number, path);
  }

  /** Fetches older versions. */
  more(): Promise<boolean> {
    const { versions, pipeline } = this.state;
    return this.change(async () => {
      const older = await this.model.api.versions(pipeline.id, versions.at(-1)?.number ?? null);
      return { versions: [...versions, ...older], more: older.length >= PAGE };
    });
  }

  /** Approves the newest version. */
  approve(number: number): Promise<boolean> {
    return this.save(() => this.model.api.approve(this.state.pipeline.id, number));
  }

  /** Makes an older version the newest one again. */
  restore(number: number): Promise<boolean> {
    return this.save(() => this.model.api.restoreVersion(this.state.pipeline.id, number));
  }

  protected async load(): Promise<void> {
    await this.fetch(
      () => this.model.api.versions(this.state.pipeline.id),
      versions => ({ versions, more: versions.length >= PAGE })
    );
  }

  private async save(request: () => Promise<PipelineView>): Promise<boolean> {
    const done = await this.change(async () => ({ pipeline: await request() }));
    if (done) {
      await this.refresh();
      await this.model.refresh();
    }
    return done;
  }

  private onModelChanged(): void {
    const { pipeline, busy } = this.state;
    const now = this.model.item(pipeline.id);
    if (now && now.version > pipeline.version) {
      this.set({ pipeline: now });
      if (now.head !== pipeline.head && !busy) {
        void this.refresh();
      }
    }
  }
}

import { PathExt } from '@jupyterlab/coreutils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream } from '../api/events';
import { ApiError } from '../api/request';
import type { PipelineSaved, PipelineView, Problem } from '../api/types';
import type { PipelinesApi } from '../api/pipelines';
import { isReadOnly, pipelineOf } from '../runs/drive';
import { errorMessage } from '../ui/errors';
import { StateModel } from '../ui/statemodel';
import { pipelineName } from './document';
import type { Files } from './filelist';
import type { Folders } from './folder';

/** How a file relates to the pipeline in the Workbench. */
export type FileState =
  /** Not known yet. */
  | 'asking'
  /** There is no pipeline of this name that the user may see. */
  | 'new'
  /** It is the same as the newest version. */
  | 'saved'
  /** It differs from the newest version. */
  | 'changed'
  /** Somebody saved another version since it was opened. */
  | 'overtaken'
  /** It is an older version, which is read-only. */
  | 'version';

export interface PipelineFileState {
  state: FileState;
  pipeline: PipelineView | null;
  problems: readonly Problem[];
  /** What the file promises without effect. */
  warnings: readonly Problem[];
  /** Why it couldn't be checked; null if it was. */
  unchecked: string | null;
  saving: boolean;
}

/** How long a folder's list of files is cached, in milliseconds. */
const NAMES_LAST = 5_000;

export interface PipelineFileOptions {
  api: PipelinesApi;
  events: EventStream;
  folders: Folders;
  context: DocumentRegistry.Context;
  trans: TranslationBundle;
  /** Remembers where a pipeline was saved from. */
  remember: (pipeline: string, path: string) => void;
}

/** A pipeline's file in an editor: how it relates to the saved pipeline, and its errors. */
export class PipelineFile extends StateModel<PipelineFileState> {
  constructor(private readonly options: PipelineFileOptions) {
    super({
      state: 'asking',
      pipeline: null,
      problems: [],
      warnings: [],
      unchecked: null,
      saving: false
    });
    this.context = options.context;
    options.events.signal('pipelines').connect(this.look, this);
    this.context.saveState.connect(this.onSaved, this);
    this.context.model.contentChanged.connect(this.onTyped, this);
    options.events.start();
    void this.context.ready.then(() => this.look());
  }

  readonly context: DocumentRegistry.Context;

  dispose(): void {
    if (this.isDisposed) {
      return;
    }
    this.options.events.signal('pipelines').disconnect(this.look, this);
    this.context.saveState.disconnect(this.onSaved, this);
    if (!this.context.isDisposed) {
      this.context.model.contentChanged.disconnect(this.onTyped, this);
    }
    super.dispose();
  }

  get text(): string {
    return this.context.model.toString();
  }

  /** Whether it is a saved pipeline itself, not a file in a folder. */
  get isStored(): boolean {
    return pipelineOf(this.context.path) !== null;
  }

  /** Looks up the pipeline in the Workbench. */
  async look(): Promise<void> {
    if (this.isDisposed || isReadOnly(this.context.path)) {
      this.set({ state: 'version' });
      return;
    }
    const id = pipelineOf(this.context.path);
    const name = id ?? pipelineName(this.text);
    this.name = name;
    const { api } = this.options;
    try {
      const pipeline = id ? await api.get(id) : name ? await api.find(name) : null;
      if (this.name !== name) {
        return; // the name was edited meanwhile
      }
      if (pipeline) {
        const known = `${pipeline.id} ${pipeline.head}`;
        if (this.known?.key !== known) {
          const { text } = await api.version(pipeline.id, pipeline.head);
          this.known = { key: known, text };
        }
        if (this.state.pipeline?.id !== pipeline.id) {
          this.base = null;
        }
        this.base ??= pipeline.head;
      } else {
        this.base = null;
      }
      this.set({ pipeline });
      this.compare();
    } catch {
      // Keep what was known: the next event asks again.
    }
  }

  /** Checks the current text, which changes the state's problems and warnings. */
  async check(): Promise<void> {
    const text = this.text;
    try {
      const { problems, warnings } = await this.options.api.check({
        text,
        files: await this.names(),
        pipeline_id: this.state.pipeline?.id ?? null
      });
      this.set({ problems, warnings, unchecked: null });
    } catch (error) {
      this.set({ unchecked: this.message(error) });
    }
  }

  /**
   * Saves the file, and then the pipeline with the file's folder. Throws what `message` turns into a
   * sentence; errors in the file are also marked.
   *
   * @param mayAdd - asks whether to save files that the newest version doesn't have yet
   * @returns null if the user doesn't want to save these files
   */
  async save(
    mayAdd: (files: Files, isHome: boolean) => Promise<boolean>
  ): Promise<PipelineSaved | PipelineView | null> {
    this.set({ saving: true });
    try {
      if (this.context.model.dirty || this.isStored) {
        await this.context.save();
      }
      const { api, folders, remember } = this.options;
      if (this.isStored) {
        await this.look();
        const { pipeline } = this.state;
        if (pipeline && !this.context.model.dirty) {
          return pipeline;
        }
        throw new ApiError(this.options.trans.__('The pipeline was not saved.'), 'not_saved', 0);
      }
      await this.look();
      const before = this.state.pipeline;
      const folder = PathExt.dirname(this.context.path);
      const files = await folders.snapshot(folder);
      const kept = before ? (await api.version(before.id, before.head)).files : {};
      const added = Object.fromEntries(Object.entries(files).filter(([path]) => !(path in kept)));
      if (!(await mayAdd(added, folders.isHome(folder)))) {
        return null;
      }
      const body = { text: this.text, files };
      const pipeline = before
        ? await api.save(before.id, { ...body, version: before.version })
        : await api.create(body);
      this.base = pipeline.head;
      this.known = { key: `${pipeline.id} ${pipeline.head}`, text: body.text };
      remember(pipeline.id, this.context.path);
      this.set({ pipeline, problems: [], warnings: pipeline.warnings, unchecked: null });
      this.compare();
      return pipeline;
    } catch (error) {
      const found = error instanceof ApiError ? error.details.problems : null;
      if (Array.isArray(found)) {
        this.set({ problems: found as Problem[] });
      }
      throw error;
    } finally {
      this.set({ saving: false });
    }
  }

  /** Makes the file the next version, even if someone else saved one in the meantime. */
  takeOver(): void {
    this.base = this.state.pipeline?.head ?? null;
    this.compare();
  }

  message(error: unknown): string {
    const { trans } = this.options;
    const found = error instanceof ApiError ? error.details.problems : null;
    if (Array.isArray(found) && found.length > 0) {
      return trans._n('The file has %1 error.', 'The file has %1 errors.', found.length);
    }
    return error instanceof Error && error.message ? error.message : errorMessage(error, trans);
  }

  private async names(): Promise<string[]> {
    const { pipeline } = this.state;
    if (this.isStored) {
      return pipeline
        ? Object.keys((await this.options.api.version(pipeline.id, pipeline.head)).files)
        : [];
    }
    if (this.listed === null || Date.now() - this.listed.at > NAMES_LAST) {
      const names = await this.options.folders.names(PathExt.dirname(this.context.path));
      this.listed = { at: Date.now(), names };
    }
    return this.listed.names;
  }

  /** Notebooks that a task could run, for completion. */
  async notebooks(): Promise<string[]> {
    try {
      return (await this.names()).filter(name => name.endsWith('.ipynb'));
    } catch {
      return [];
    }
  }

  private compare(): void {
    const { pipeline } = this.state;
    if (!pipeline || !this.known) {
      this.set({ state: pipelineOf(this.context.path) ? 'asking' : 'new' });
    } else if (this.known.text === this.text) {
      this.base = pipeline.head;
      this.set({ state: 'saved' });
    } else {
      const overtaken = this.base !== null && this.base !== pipeline.head;
      this.set({ state: overtaken ? 'overtaken' : 'changed' });
    }
  }

  private onTyped(): void {
    if (this.state.state === 'version') {
      return;
    }
    const name = pipelineOf(this.context.path) ?? pipelineName(this.text);
    if (name !== this.name) {
      void this.look();
    } else {
      this.compare();
    }
  }

  private onSaved(_: DocumentRegistry.Context, state: DocumentRegistry.SaveState): void {
    if (state === 'completed') {
      void this.look();
    }
  }

  private name: string | null = null;
  /** The newest version when the file was opened or last saved. */
  private base: number | null = null;
  private known: { key: string; text: string } | null = null;
  private listed: { at: number; names: string[] } | null = null;
}

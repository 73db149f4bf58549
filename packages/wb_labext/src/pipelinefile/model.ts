import { PathExt } from '@jupyterlab/coreutils';
import type { DocumentRegistry } from '@jupyterlab/docregistry';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventStream } from '../api/events';
import { ApiError } from '../api/request';
import type { PipelineView, Problem } from '../api/types';
import type { PipelinesApi } from '../pipelines/api';
import { isReadOnly, pipelineOf } from '../runs/drive';
import { pipelineName } from './document';
import type { Folders } from './folder';

/** How a file stands to what the Workbench has of it. */
export type FileState =
  /** Not known yet. */
  | 'asking'
  /** There is no pipeline of this name that one may see. */
  | 'new'
  /** It is what the newest version says. */
  | 'saved'
  /** It says something else. */
  | 'changed'
  /** Somebody saved another version since it was opened. */
  | 'overtaken'
  /** A version that can only be read. */
  | 'version';

export interface PipelineFileState {
  state: FileState;
  pipeline: PipelineView | null;
  problems: readonly Problem[];
  /** Why it couldn't be checked; null where it was. */
  unchecked: string | null;
  saving: boolean;
}

/** The files of a folder are listed again after so long, in milliseconds. */
const NAMES_LAST = 5_000;

export interface PipelineFileOptions {
  api: PipelinesApi;
  events: EventStream;
  folders: Folders;
  context: DocumentRegistry.Context;
  trans: TranslationBundle;
  /** Is told where a pipeline was saved from. */
  remember: (pipeline: string, path: string) => void;
}

/** A pipeline's file in an editor: what the Workbench has of it, and what is wrong with it. */
export class PipelineFile implements IDisposable {
  constructor(private readonly options: PipelineFileOptions) {
    this.context = options.context;
    options.events.signal('pipelines').connect(this.look, this);
    this.context.saveState.connect(this.onSaved, this);
    this.context.model.contentChanged.connect(this.onTyped, this);
    options.events.start();
    void this.context.ready.then(() => this.look());
  }

  readonly context: DocumentRegistry.Context;

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get state(): PipelineFileState {
    return this.current;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    if (this.disposed) {
      return;
    }
    this.disposed = true;
    this.options.events.signal('pipelines').disconnect(this.look, this);
    this.context.saveState.disconnect(this.onSaved, this);
    if (!this.context.isDisposed) {
      this.context.model.contentChanged.disconnect(this.onTyped, this);
    }
    Signal.clearData(this);
  }

  get text(): string {
    return this.context.model.toString();
  }

  /** It is a saved pipeline itself, and no file in a folder. */
  get isStored(): boolean {
    return pipelineOf(this.context.path) !== null;
  }

  /** Asks what the Workbench has of it. */
  async look(): Promise<void> {
    if (this.disposed || isReadOnly(this.context.path)) {
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
        return; // another name was typed meanwhile
      }
      if (pipeline) {
        const known = `${pipeline.id} ${pipeline.head}`;
        if (this.known?.key !== known) {
          const { text } = await api.version(pipeline.id, pipeline.head);
          this.known = { key: known, text };
        }
        if (this.current.pipeline?.id !== pipeline.id) {
          this.base = null;
        }
        this.base ??= pipeline.head;
      } else {
        this.base = null;
      }
      this.set({ pipeline });
      this.compare();
    } catch {
      // What was known stays: the next event asks again.
    }
  }

  /** Everything that is wrong with the text as it is now. */
  async check(): Promise<readonly Problem[]> {
    const text = this.text;
    try {
      const { problems } = await this.options.api.check({
        text,
        files: await this.names(),
        pipeline_id: this.current.pipeline?.id ?? null
      });
      this.set({ problems, unchecked: null });
      return problems;
    } catch (error) {
      this.set({ unchecked: this.message(error) });
      return this.current.problems;
    }
  }

  /**
   * Saves the file, and then the pipeline with the file's folder. Throws what `message` makes a
   * sentence of; a refusal for mistakes shows them as marks, too.
   */
  async save(): Promise<PipelineView> {
    this.set({ saving: true });
    try {
      if (this.context.model.dirty || this.isStored) {
        await this.context.save();
      }
      const { api, folders, remember } = this.options;
      if (this.isStored) {
        await this.look();
        const { pipeline } = this.current;
        if (pipeline && !this.context.model.dirty) {
          return pipeline;
        }
        throw new ApiError(this.options.trans.__('It was not saved.'), 'not_saved', 0);
      }
      await this.look();
      const before = this.current.pipeline;
      const files = await folders.snapshot(PathExt.dirname(this.context.path));
      const body = { text: this.text, files };
      const pipeline = before
        ? await api.save(before.id, { ...body, version: before.version })
        : await api.create(body);
      this.base = pipeline.head;
      this.known = { key: `${pipeline.id} ${pipeline.head}`, text: body.text };
      remember(pipeline.id, this.context.path);
      this.set({ pipeline, problems: [], unchecked: null });
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

  /** The file is what shall be the newest version, whatever was saved meanwhile. */
  takeOver(): void {
    this.base = this.current.pipeline?.head ?? null;
    this.compare();
  }

  message(error: unknown): string {
    const { trans } = this.options;
    if (error instanceof ApiError) {
      const found = error.details.problems;
      return Array.isArray(found) && found.length > 0
        ? trans._n('The file has %1 mistake.', 'The file has %1 mistakes.', found.length)
        : error.message;
    }
    return error instanceof Error && error.message
      ? error.message
      : trans.__('Something went wrong in this page. Reload it, then try again.');
  }

  private async names(): Promise<string[]> {
    const { pipeline } = this.current;
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
    const { pipeline } = this.current;
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
    if (this.current.state === 'version') {
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

  private set(change: Partial<PipelineFileState>): void {
    if (this.disposed) {
      return;
    }
    const next = { ...this.current, ...change };
    const keys = Object.keys(change) as (keyof PipelineFileState)[];
    if (keys.some(key => next[key] !== this.current[key])) {
      this.current = next;
      this.changedSignal.emit();
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private current: PipelineFileState = {
    state: 'asking',
    pipeline: null,
    problems: [],
    unchecked: null,
    saving: false
  };
  private name: string | null = null;
  /** The newest version when the file was opened or last saved. */
  private base: number | null = null;
  private known: { key: string; text: string } | null = null;
  private listed: { at: number; names: string[] } | null = null;
  private disposed = false;
}

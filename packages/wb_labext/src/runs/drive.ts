/**
 * A drive of Lab's contents for what the service stores rather than a folder: saved pipelines, to edit,
 * and versions and executed notebooks, to read. So Lab's own editors open them, and its own save command
 * saves them.
 *
 * Paths: `pipelines/<id>/<any name>`, `versions/<id>/<number>/<any name>`, `attempts/<id>/<any name>`.
 */
import { PathExt } from '@jupyterlab/coreutils';
import type * as nbformat from '@jupyterlab/nbformat';
import type { Contents, ServerConnection } from '@jupyterlab/services';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { PipelineSave, PipelineView, Version } from '../api/types';

export const DRIVE = 'workbench';

/** The parts of the API that the drive uses. */
export interface DriveApi {
  notebook(attempt: string): Promise<nbformat.INotebookContent>;
  get(id: string): Promise<PipelineView>;
  version(id: string, number: number): Promise<Version>;
  save(id: string, body: PipelineSave): Promise<PipelineView>;
}

/** A name that can be the last part of a path. */
function fileName(name: string): string {
  return name.replace(/[/:\\]/g, '_');
}

export function pipelinePath(pipeline: Pick<PipelineView, 'id' | 'name'>): string {
  return `${DRIVE}:pipelines/${pipeline.id}/${fileName(pipeline.name)}.pipeline.yaml`;
}

export function versionPath(pipeline: Pick<PipelineView, 'id' | 'name'>, number: number): string {
  const name = `${fileName(pipeline.name)} version ${number}.pipeline.yaml`;
  return `${DRIVE}:versions/${pipeline.id}/${number}/${name}`;
}

export function attemptPath(attempt: string, title: string): string {
  return `${DRIVE}:attempts/${attempt}/${fileName(title)}.ipynb`;
}

/** The id of the saved pipeline that a path names; null for another path. */
export function pipelineOf(path: string): string | null {
  return new RegExp(`^${DRIVE}:pipelines/([^/]+)/`).exec(path)?.[1] ?? null;
}

/** Whether a path names something read-only. */
export function isReadOnly(path: string): boolean {
  return path.startsWith(`${DRIVE}:`) && pipelineOf(path) === null;
}

/** A text that a notebook's file may store as a list of lines. */
function joined<T>(value: T): T | string {
  return Array.isArray(value) && value.every(line => typeof line === 'string')
    ? value.join('')
    : value;
}

const isJson = (mime: string): boolean => /^application\/(.*\+)?json$/.test(mime);

function output(found: nbformat.IOutput): nbformat.IOutput {
  const data = found.data as Record<string, unknown> | undefined;
  return {
    ...found,
    ...(found.text !== undefined ? { text: joined(found.text) } : {}),
    ...(data
      ? {
          data: Object.fromEntries(
            Object.entries(data).map(([mime, value]) => [
              mime,
              isJson(mime) ? value : joined(value)
            ])
          )
        }
      : {})
  } as nbformat.IOutput;
}

/**
 * A notebook's file as the contents API would return it, with texts joined, and with read-only cells,
 * since it is a record of the past.
 */
export function asRecord(notebook: nbformat.INotebookContent): nbformat.INotebookContent {
  const cells = notebook.cells.map(cell => ({
    ...cell,
    source: joined(cell.source),
    ...(Array.isArray(cell.outputs)
      ? { outputs: (cell.outputs as nbformat.IOutput[]).map(output) }
      : {}),
    metadata: { ...cell.metadata, editable: false, deletable: false }
  }));
  return { ...notebook, cells } as nbformat.INotebookContent;
}

export class WorkbenchDrive implements Contents.IDrive {
  constructor(
    private readonly api: DriveApi,
    readonly serverSettings: ServerConnection.ISettings,
    private readonly refuse: () => string
  ) {}

  readonly name = DRIVE;

  get fileChanged(): ISignal<Contents.IDrive, Contents.IChangedArgs> {
    return this.fileChangedSignal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    Signal.clearData(this);
  }

  async get(path: string, options?: Contents.IFetchOptions): Promise<Contents.IModel> {
    const [room, id, number] = path.split('/');
    const withContent = options?.content !== false;
    switch (room) {
      case 'attempts':
        return {
          ...this.model(path, this.firstSeen(path), false),
          type: 'notebook',
          format: withContent ? 'json' : null,
          content: withContent ? asRecord(await this.api.notebook(id)) : null
        };
      case 'versions': {
        const version = await this.api.version(id, Number(number));
        return this.text(path, version.created_at, false, withContent ? version.text : null);
      }
      case 'pipelines': {
        const pipeline = await this.api.get(id);
        const writable = pipeline.actions.includes('pipeline.update');
        const text = withContent ? (await this.api.version(id, pipeline.head)).text : null;
        if (withContent) {
          this.opened.set(id, pipeline.version);
        }
        return this.text(path, pipeline.updated_at, writable, text);
      }
      default:
        return {
          ...this.model(path, '1970-01-01T00:00:00Z', false),
          type: 'directory',
          format: 'json',
          content: []
        };
    }
  }

  /** Saves a pipeline as a new version, with its current folder. */
  async save(path: string, options: Partial<Contents.IModel> = {}): Promise<Contents.IModel> {
    const [room, id] = path.split('/');
    if (room !== 'pipelines') {
      throw new Error(this.refuse());
    }
    const pipeline = await this.api.save(id, {
      text: String(options.content),
      keep_files: true,
      version: this.opened.get(id) ?? null
    });
    this.opened.set(id, pipeline.version);
    const model = this.text(path, pipeline.updated_at, true, null);
    this.fileChangedSignal.emit({ type: 'save', oldValue: null, newValue: model });
    return model;
  }

  getDownloadUrl(): Promise<string> {
    return this.never();
  }

  newUntitled(): Promise<Contents.IModel> {
    return this.never();
  }

  delete(): Promise<void> {
    return this.never();
  }

  rename(): Promise<Contents.IModel> {
    return this.never();
  }

  copy(): Promise<Contents.IModel> {
    return this.never();
  }

  // The service keeps every version; a checkpoint would add nothing.
  createCheckpoint(): Promise<Contents.ICheckpointModel> {
    return Promise.resolve({ id: 'version', last_modified: new Date().toISOString() });
  }

  listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return Promise.resolve([]);
  }

  restoreCheckpoint(): Promise<void> {
    return this.never();
  }

  deleteCheckpoint(): Promise<void> {
    return Promise.resolve();
  }

  private text(
    path: string,
    modified: string,
    writable: boolean,
    content: string | null
  ): Contents.IModel {
    return {
      ...this.model(path, modified, writable),
      type: 'file',
      format: content === null ? null : 'text',
      content,
      mimetype: 'text/yaml'
    };
  }

  private model(path: string, modified: string, writable: boolean): Contents.IModel {
    return {
      name: PathExt.basename(path),
      path,
      type: 'file',
      writable,
      created: modified,
      last_modified: modified,
      mimetype: '',
      content: null,
      format: null
    };
  }

  /** For Lab an executed notebook never changes: it is updated explicitly while its attempt runs. */
  private firstSeen(path: string): string {
    const known = this.seen.get(path) ?? new Date().toISOString();
    this.seen.set(path, known);
    return known;
  }

  private never<T>(): Promise<T> {
    return Promise.reject(new Error(this.refuse()));
  }

  private readonly fileChangedSignal = new Signal<this, Contents.IChangedArgs>(this);
  /** The version of each opened pipeline: saving over a later one is a conflict. */
  private readonly opened = new Map<string, number>();
  private readonly seen = new Map<string, string>();
  private disposed = false;
}

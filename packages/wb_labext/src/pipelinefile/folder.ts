import { PathExt } from '@jupyterlab/coreutils';
import type { Contents } from '@jupyterlab/services';

import type { ApiClient } from '../api/request';
import { KERNEL } from '../ui/kernel';
import { isPipelineFile } from './document';

/** The folders of pipeline files on the user's own Jupyter server. */
export class Folders {
  /**
   * @param client - makes requests to the user's own Jupyter server, not to the service
   */
  constructor(
    private readonly client: ApiClient,
    private readonly contents: Contents.IManager
  ) {}

  /** The files that belong to a pipeline in this folder: path -> content in Base64. */
  async snapshot(folder: string): Promise<Record<string, string>> {
    const answer = await this.ask<{ files: Record<string, string> }>(folder, {});
    return answer.files;
  }

  /** Only the names of these files. */
  async names(folder: string): Promise<string[]> {
    return (await this.ask<{ names: string[] }>(folder, { names: '1' })).names;
  }

  /** Whether a folder is the top one of the user's server: their home. */
  isHome(folder: string): boolean {
    return this.contents.localPath(folder) === '';
  }

  /** The pipeline files in a folder. */
  async pipelineFiles(folder: string): Promise<string[]> {
    const items = await this.list(folder);
    return items
      .filter(item => item.type === 'file' && isPipelineFile(item.name))
      .map(item => item.name)
      .sort();
  }

  async exists(path: string): Promise<boolean> {
    // Requesting a missing file would log an error in the browser and on the server.
    try {
      const items = await this.list(PathExt.dirname(path));
      return items.some(item => item.name === PathExt.basename(path));
    } catch {
      return false;
    }
  }

  /** An unused path in a folder. */
  async freePath(folder: string, name: string, suffix: string): Promise<string> {
    const taken = (await this.list(folder)).map(item => item.name);
    let free = name + suffix;
    for (let number = 2; taken.includes(free); number++) {
      free = `${name}_${number}${suffix}`;
    }
    return PathExt.join(folder, free);
  }

  /** Creates a folder. */
  async makeFolder(path: string): Promise<void> {
    await this.contents.save(path, { type: 'directory' });
  }

  /** Writes a notebook with one empty cell, for the Workbench's kernel. */
  async writeNotebook(path: string): Promise<void> {
    const content = {
      cells: [
        {
          cell_type: 'code',
          id: 'first',
          metadata: {},
          source: '',
          execution_count: null,
          outputs: []
        }
      ],
      metadata: {
        kernelspec: { name: KERNEL, display_name: 'Workbench Python' }
      },
      nbformat: 4,
      nbformat_minor: 5
    };
    await this.contents.save(path, { type: 'notebook', format: 'json', content });
  }

  async write(path: string, text: string): Promise<void> {
    await this.contents.save(path, { type: 'file', format: 'text', content: text });
  }

  private async list(folder: string): Promise<Contents.IModel[]> {
    const { content } = await this.contents.get(folder, { type: 'directory', content: true });
    return content as Contents.IModel[];
  }

  private ask<T>(folder: string, query: Record<string, string>): Promise<T> {
    return this.client.request('folder', {
      query: { path: this.contents.localPath(folder), ...query }
    });
  }
}

import { PathExt, URLExt } from '@jupyterlab/coreutils';
import type { Contents } from '@jupyterlab/services';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError } from '../api/request';
import type { ErrorBody } from '../api/types';
import { isPipelineFile } from './document';

/** The folders of pipeline files, as the person's own Jupyter server has them. */
export class Folders {
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly contents: Contents.IManager,
    private readonly trans: TranslationBundle
  ) {}

  /** The files that belong to a pipeline in this folder: path -> content in Base64. */
  async snapshot(folder: string): Promise<Record<string, string>> {
    const answer = await this.ask<{ files: Record<string, string> }>(folder, {});
    return answer.files;
  }

  /** Their names alone. */
  async names(folder: string): Promise<string[]> {
    return (await this.ask<{ names: string[] }>(folder, { names: '1' })).names;
  }

  /** The pipeline files that lie in a folder. */
  async pipelineFiles(folder: string): Promise<string[]> {
    const items = await this.list(folder);
    return items
      .filter(item => item.type === 'file' && isPipelineFile(item.name))
      .map(item => item.name)
      .sort();
  }

  async exists(path: string): Promise<boolean> {
    // Asked for by itself, a file that isn't there is an error in the browser's and the server's log.
    try {
      const items = await this.list(PathExt.dirname(path));
      return items.some(item => item.name === PathExt.basename(path));
    } catch {
      return false;
    }
  }

  /** A path in a folder that no file has yet. */
  async freePath(folder: string, name: string, suffix: string): Promise<string> {
    const taken = (await this.list(folder)).map(item => item.name);
    let free = name + suffix;
    for (let number = 2; taken.includes(free); number++) {
      free = `${name}_${number}${suffix}`;
    }
    return PathExt.join(folder, free);
  }

  async write(path: string, text: string): Promise<void> {
    await this.contents.save(path, { type: 'file', format: 'text', content: text });
  }

  private async list(folder: string): Promise<Contents.IModel[]> {
    const { content } = await this.contents.get(folder, { type: 'directory', content: true });
    return content as Contents.IModel[];
  }

  private async ask<T>(folder: string, query: Record<string, string>): Promise<T> {
    const search = new URLSearchParams({ path: this.contents.localPath(folder), ...query });
    const url = `${URLExt.join(this.settings.baseUrl, 'workbench/folder')}?${search.toString()}`;
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(url, {}, this.settings);
    } catch {
      throw new ApiError(
        this.trans.__('Could not reach the server. Check your network connection, then try again.'),
        'unreachable',
        0
      );
    }
    const body: unknown = await response.json().catch(() => null);
    if (!response.ok) {
      const error = (body as ErrorBody | null)?.error;
      const text = error?.message ?? this.trans.__('Could not read the folder of the file.');
      throw new ApiError(text, error?.code ?? 'folder', response.status);
    }
    return body as T;
  }
}

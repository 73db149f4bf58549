import { PathExt, URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import { SERVER_ROOT } from '../api/request';
import { target } from './links';

/** The page that links to all others. */
export const INDEX = 'README.md';

/** The pages of the documentation, which the Jupyter server has. */
export class Pages {
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly trans: TranslationBundle
  ) {}

  url(path: string): string {
    return URLExt.join(this.settings.baseUrl, SERVER_ROOT, 'docs', URLExt.encodeParts(path));
  }

  /** A page's Markdown; throws a sentence for the user. */
  async text(path: string): Promise<string> {
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(this.url(path), {}, this.settings);
    } catch {
      throw new Error(this.trans.__('The server does not answer. Try again in a moment.'));
    }
    if (!response.ok) {
      throw new Error(this.trans.__('There is no page “%1”.', path));
    }
    return response.text();
  }

  /** Where the links and pictures of a page lead; rejects files that aren't part of the documentation. */
  resolver(page: string): {
    resolveUrl: (url: string) => Promise<string>;
    getDownloadUrl: (path: string) => Promise<string>;
  } {
    return {
      resolveUrl: url => {
        const path = target(PathExt.dirname(page), url);
        return path === null
          ? Promise.reject(new Error(`not in the documentation: ${url}`))
          : Promise.resolve(path);
      },
      getDownloadUrl: path => Promise.resolve(this.url(path))
    };
  }
}

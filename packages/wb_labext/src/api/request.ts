import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { ErrorBody, ErrorDetails } from './types';

/** The path of the API below the Jupyter server's base URL. */
const API_ROOT = 'workbench/api/v1';
/** The path of the Jupyter server's own endpoints. */
export const SERVER_ROOT = 'workbench';

/** A refusal or failure of the API; its message is a sentence for the user. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly code: string,
    readonly status: number,
    readonly details: ErrorDetails = {}
  ) {
    super(message);
    this.name = 'ApiError';
  }
}

/** Whether an error says that the Workbench doesn't answer at all, so that asking again may help. */
export function isAway(error: unknown): boolean {
  return error instanceof ApiError && (error.status === 0 || AWAY.includes(error.code));
}

/** What our client says of a proxy's errors, and what a user's server says of the service. */
const AWAY = ['unavailable', 'service_down'];

export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Sent as JSON; a blob as it is. */
  body?: unknown;
  /** Entries that are null or undefined are left out. */
  query?: Record<string, string | number | boolean | null | undefined>;
}

/** A path below the API's root, from its parts, each of which is escaped. */
export function apiPath(...parts: string[]): string {
  return parts.map(encodeURIComponent).join('/');
}

/** The API client, shared by all panels. */
export class ApiClient {
  constructor(
    private readonly trans: TranslationBundle,
    readonly settings: ServerConnection.ISettings = ServerConnection.makeSettings(),
    private readonly root = API_ROOT
  ) {}

  url(path: string, query: RequestOptions['query'] = {}): string {
    const search = new URLSearchParams();
    for (const [key, value] of Object.entries(query)) {
      if (value !== null && value !== undefined) {
        search.set(key, String(value));
      }
    }
    const url = URLExt.join(this.settings.baseUrl, this.root, path);
    return search.size > 0 ? `${url}?${search.toString()}` : url;
  }

  /**
   * Makes a request to the API and returns the parsed answer.
   *
   * @throws ApiError for every failure, including the network's.
   */
  async request<T>(path: string, options: RequestOptions = {}): Promise<T> {
    const init: RequestInit = { method: options.method ?? 'GET' };
    if (options.body instanceof Blob) {
      init.body = options.body;
      init.headers = { 'Content-Type': 'application/octet-stream' };
    } else if (options.body !== undefined) {
      init.body = JSON.stringify(options.body);
      init.headers = { 'Content-Type': 'application/json' };
    }
    let response: Response;
    let text: string;
    try {
      response = await ServerConnection.makeRequest(
        this.url(path, options.query),
        init,
        this.settings
      );
      text = await response.text();
    } catch {
      throw new ApiError(
        this.trans.__('Could not reach the server. Check your network connection, then try again.'),
        'unreachable',
        0
      );
    }
    const data = parse(text);
    if (!response.ok) {
      throw this.refusal(response.status, data);
    }
    if (data === undefined) {
      throw new ApiError(
        this.trans.__('The server sent a response that is not JSON.'),
        'bad_answer',
        response.status
      );
    }
    return data as T;
  }

  /** The API's errors have a message; those of Jupyter or a proxy get one of ours. */
  private refusal(status: number, data: unknown): ApiError {
    if (isErrorBody(data)) {
      const { code, message, details } = data.error;
      return new ApiError(message, code, status, details ?? {});
    }
    const __ = this.trans.__.bind(this.trans);
    switch (status) {
      case 401:
      case 403:
        return new ApiError(
          __('Your session has expired. Reload the page and sign in again.'),
          'not_signed_in',
          status
        );
      case 404:
        return new ApiError(
          __(
            'This server does not provide the Workbench API. Check that the server extension is enabled.'
          ),
          'not_installed',
          status
        );
      case 502:
      case 503:
      case 504:
        return new ApiError(
          __('The Workbench service is not responding. Try again in a moment.'),
          'unavailable',
          status
        );
      default:
        return new ApiError(__('The server responded with status %1.', status), 'internal', status);
    }
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isErrorBody(data: unknown): data is ErrorBody {
  const error = (data as ErrorBody | null | undefined)?.error;
  return typeof error === 'object' && error !== null && typeof error.message === 'string';
}

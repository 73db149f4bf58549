import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError } from '../api/request';

/** An error as a sentence for the user. */
export function errorMessage(error: unknown, trans: TranslationBundle): string {
  return error instanceof ApiError
    ? error.message
    : trans.__('Something went wrong in this page. Reload it, then try again.');
}

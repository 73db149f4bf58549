import type { TranslationBundle } from '@jupyterlab/translation';

import { ApiError, isAway } from '../api/request';

/** Why a view could not fetch, as a sentence for the user: it tries again if nothing answers. */
export function fetchMessage(error: unknown, trans: TranslationBundle): string {
  return isAway(error)
    ? trans.__('The Workbench does not answer. This view updates by itself as soon as it does.')
    : errorMessage(error, trans);
}

/** An error as a sentence for the user. */
export function errorMessage(error: unknown, trans: TranslationBundle): string {
  return error instanceof ApiError
    ? error.message
    : trans.__('Something went wrong in this page. Reload it, then try again.');
}

import type { TranslationBundle } from '@jupyterlab/translation';

/** A duration in words. */
export function durationWords(ms: number | null, trans: TranslationBundle): string {
  if (ms === null) {
    return '';
  }
  if (ms < 1000) {
    return trans.__('%1 ms', Math.max(1, Math.round(ms)));
  }
  const seconds = ms / 1000;
  return seconds < 60
    ? trans.__('%1 s', seconds.toFixed(1))
    : trans.__('%1 min %2 s', Math.floor(seconds / 60), Math.floor(seconds % 60));
}

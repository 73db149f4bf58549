import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { TestResult } from '../api/types';

/** What a test said, in words and colour. */
export function TestAnswer(props: { result: TestResult; trans: TranslationBundle }): JSX.Element {
  const { result, trans } = props;
  return (
    <div
      className={`wb-Banner ${result.ok ? 'wb-mod-ok' : 'wb-mod-failed'}`}
      data-testid="wb-test-result"
      data-ok={result.ok}
    >
      {testSentence(result, trans)}
    </div>
  );
}

export function testSentence(result: TestResult, trans: TranslationBundle): string {
  if (!result.ok) {
    return result.message;
  }
  const time = trans.__('%1 ms', Math.max(1, Math.round(result.elapsed_ms)));
  const facts = result.server_version ? `${time} · ${result.server_version}` : time;
  return trans.__('It works: %1', facts);
}

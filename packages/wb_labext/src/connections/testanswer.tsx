import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { TestResult } from '../api/types';
import { DateField } from '../ui/datefield';
import { Busy } from '../ui/formparts';
import { useModelState } from '../ui/signal';
import type { CredentialForm, CredentialFormState } from './credentialform';
import { ENDS } from './credentialform';

export interface CredentialFormProps {
  form: CredentialForm<CredentialFormState>;
  trans: TranslationBundle;
}

/** The progress or result of a test, in words and colour. */
export function TestAnswer(props: CredentialFormProps): JSX.Element | null {
  const { form, trans } = props;
  const { test } = useModelState(form);
  if (!test) {
    return null;
  }
  if (test.running) {
    return <Busy text={trans.__('Testing…')} testId="wb-test-running" />;
  }
  const { result } = test;
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
  return trans.__('Connected: %1', facts);
}

/** The field for the day on which credentials expire. */
export function EndsField(props: CredentialFormProps & { id: string; help: string }): JSX.Element {
  const { form, trans, id, help } = props;
  const state = useModelState(form);
  return (
    <DateField
      id={id}
      label={trans.__('Credentials expire on')}
      help={help}
      value={state.ends}
      error={state.errors[ENDS]}
      disabled={state.saving}
      onChange={ends => form.setEnds(ends)}
      trans={trans}
      testId={id}
    />
  );
}

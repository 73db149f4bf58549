import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import React from 'react';

import { useModelState } from './signal';
import { Notice, Problem } from './states';
import type { ViewState } from './viewmodel';

/** The parts of a view's model that `Fetched` uses. */
export interface FetchedModel {
  readonly state: ViewState;
  readonly changed: ISignal<unknown, void>;
  refresh(): Promise<void>;
}

/**
 * Shows what was fetched; before that, a spinner or why it failed. If a later fetch fails, its error is
 * shown above the earlier content.
 */
export function Fetched(props: {
  model: FetchedModel;
  /** The noun in test ids. */
  name: string;
  /** The text while it loads. */
  loading: string;
  /** The title of a failure. */
  failed: string;
  trans: TranslationBundle;
  children: React.ReactNode;
}): JSX.Element {
  const { model, name, trans } = props;
  const { phase, error } = useModelState(model);
  const retry = { label: trans.__('Retry'), run: () => void model.refresh() };
  if (phase === 'loading') {
    return <Notice kind="loading" text={props.loading} />;
  }
  if (phase === 'failed') {
    return (
      <Notice
        kind="failed"
        title={props.failed}
        text={error ?? ''}
        action={{ ...retry, testId: 'wb-retry' }}
        testId={`wb-${name}-failed`}
      />
    );
  }
  return (
    <>
      {error && <Problem text={error} retry={retry} testId="wb-refresh-failed" />}
      {props.children}
    </>
  );
}

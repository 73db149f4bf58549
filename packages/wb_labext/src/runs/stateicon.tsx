import React from 'react';

import type { AnyState } from './words';

/** Each state has its own shape: many people can't tell them apart by colour alone. */
const PATHS: Record<Exclude<AnyState, 'running'>, string> = {
  succeeded:
    'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm-1.2 10.2L3.9 8.3l1.1-1.1 1.8 1.8 4.2-4.2 1.1 1.1z',
  failed:
    'M5 .8h6L15.2 5v6L11 15.2H5L.8 11V5zm.7 3.8L4.6 5.7 6.9 8l-2.3 2.3 1.1 1.1L8 9.1l2.3 2.3 1.1-1.1L9.1 8l2.3-2.3-1.1-1.1L8 6.9z',
  cancelled: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM5 5h6v6H5z',
  skipped: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM4 7.1h8v1.8H4z',
  lost: 'M8 1 .6 14.5h14.8zm-.9 5h1.8v4.3H7.1zm0 5.5h1.8v1.8H7.1z',
  held: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zM5.2 4.8h2v6.4h-2zm3.6 0h2v6.4h-2z',
  queued:
    'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.6a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6zM7.2 4v4.4l3.3 2 .8-1.3-2.6-1.5V4z',
  waiting: 'M8 1a7 7 0 1 0 0 14A7 7 0 0 0 8 1zm0 1.6a5.4 5.4 0 1 1 0 10.8A5.4 5.4 0 0 1 8 2.6z'
};

/** The icon of a state; the text next to it, or its label, names the state. */
export function StateIcon(props: {
  state: AnyState;
  /** The accessible name and tooltip, if there is no text next to it. */
  label?: string;
  testId?: string;
}): JSX.Element {
  const { state, label } = props;
  return (
    <span
      className={`wb-State wb-mod-${state}`}
      role={label ? 'img' : undefined}
      aria-label={label}
      aria-hidden={label ? undefined : true}
      title={label}
      data-state={state}
      data-testid={props.testId}
    >
      {state === 'running' ? (
        <span className="wb-Spinner" />
      ) : (
        <svg viewBox="0 0 16 16" width="14" height="14" fillRule="evenodd">
          <path d={PATHS[state]} />
        </svg>
      )}
    </span>
  );
}

import React from 'react';

/** A notice instead of rows: a sentence, and an action. */
export function Notice(props: {
  kind: 'empty' | 'failed' | 'loading';
  title?: string;
  text: string;
  action?: { label: string; run: () => void; testId?: string };
  testId?: string;
}): JSX.Element {
  const { kind, title, text, action } = props;
  return (
    <div
      className={`wb-Notice wb-mod-${kind}`}
      role={kind === 'failed' ? 'alert' : 'status'}
      data-testid={props.testId}
    >
      {kind === 'loading' && <Spinner />}
      {title && <div className="wb-Notice-title">{title}</div>}
      <div className="wb-Notice-text">{text}</div>
      {action && (
        <button
          type="button"
          className="jp-mod-styled jp-mod-accept wb-Notice-action"
          onClick={action.run}
          data-testid={action.testId}
        >
          {action.label}
        </button>
      )}
    </div>
  );
}

/** A spinner; the text next to it says what it waits for. */
export function Spinner(): JSX.Element {
  return <span className="wb-Spinner" aria-hidden="true" />;
}

/** An icon before the text of a warning or error, distinguished by shape and colour. */
export function Mark(props: { kind: 'warning' | 'error' }): JSX.Element {
  return (
    <svg
      className={`wb-Mark wb-mod-${props.kind}`}
      viewBox="0 0 16 16"
      width="12"
      height="12"
      aria-hidden="true"
    >
      {props.kind === 'warning' ? (
        <path d="M8 1 0.6 14.5h14.8L8 1zm-.9 5h1.8v4.3H7.1V6zm0 5.5h1.8v1.8H7.1v-1.8z" />
      ) : (
        <path d="M5 0.8h6L15.2 5v6L11 15.2H5L0.8 11V5L5 0.8zM7.1 3.8v5h1.8v-5H7.1zm0 6.4V12h1.8v-1.8H7.1z" />
      )}
    </svg>
  );
}

/** An error above the earlier content, with a way to retry if there is one. */
export function Problem(props: {
  text: string;
  retry?: { label: string; run: () => void };
  testId?: string;
}): JSX.Element {
  return (
    <div className="wb-Banner wb-mod-failed" role="alert" data-testid={props.testId}>
      <span className="wb-Banner-text">{props.text}</span>
      {props.retry && (
        <button type="button" className="wb-LinkButton" onClick={props.retry.run}>
          {props.retry.label}
        </button>
      )}
    </div>
  );
}

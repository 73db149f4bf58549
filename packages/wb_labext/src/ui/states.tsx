import React from 'react';

/** What a list shows instead of its rows: a sentence, and what to do about it. */
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

/** A small turning ring; the words next to it say what it waits for. */
export function Spinner(): JSX.Element {
  return <span className="wb-Spinner" aria-hidden="true" />;
}

/** What dialogs with a form show around it: a question, and how a request goes. */
import React from 'react';

import { Spinner } from './states';

/** A question inside a dialog, with the safe answer in front. */
export function Question(props: {
  text: string;
  keep: string;
  keepRun: () => void;
  go: string;
  goRun: () => void;
  testId: string;
}): JSX.Element {
  const keepRef = React.useRef<HTMLButtonElement>(null);
  React.useEffect(() => {
    keepRef.current?.focus();
  }, []);
  return (
    <div
      className="wb-Banner wb-mod-question"
      role="alertdialog"
      aria-label={props.text}
      data-testid={props.testId}
    >
      <span className="wb-Banner-text">{props.text}</span>
      <button
        type="button"
        ref={keepRef}
        className="jp-mod-styled jp-mod-reject"
        onClick={props.keepRun}
      >
        {props.keep}
      </button>
      <button
        type="button"
        className="jp-mod-styled jp-mod-warn"
        onClick={props.goRun}
        data-testid={`${props.testId}-yes`}
      >
        {props.go}
      </button>
    </div>
  );
}

/** Something is under way. */
export function Busy(props: { text: string; testId?: string }): JSX.Element {
  return (
    <div className="wb-Banner" data-testid={props.testId}>
      <Spinner /> {props.text}
    </div>
  );
}

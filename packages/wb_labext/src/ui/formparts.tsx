/** What dialogs show around a form: errors, a question, and the progress of a request. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { FormModel, FormState } from './formmodel';
import { useModelState } from './signal';
import { Problem, Spinner } from './states';

/** The frame of a form in a dialog. */
export function FormFrame(props: {
  form: FormModel<FormState>;
  /** The text while it is submitted. */
  busy: string;
  onDiscard: () => void;
  /** The progress or result of a test. */
  answer?: React.ReactNode;
  /** The form's own question. */
  question?: React.ReactNode;
  trans: TranslationBundle;
  children: React.ReactNode;
}): JSX.Element {
  const { form, trans } = props;
  const { problem, saving, asking } = useModelState(form);
  return (
    <>
      {problem && <Problem text={problem} testId="wb-form-problem" />}
      <div className="wb-Dialog-scroll">{props.children}</div>
      <div className="wb-FormBody-answer" aria-live="polite">
        {saving && <Busy text={props.busy} />}
        {props.answer}
      </div>
      {asking === 'discard' && (
        <Question
          text={trans.__('Discard your changes?')}
          keep={trans.__('Keep editing')}
          keepRun={() => form.ask(null)}
          go={trans.__('Discard')}
          goRun={props.onDiscard}
          testId="wb-form-discard"
        />
      )}
      {props.question}
    </>
  );
}

/** A question inside a dialog, with the safe answer first. */
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

/** Shows that a request is in progress. */
export function Busy(props: { text: string; testId?: string }): JSX.Element {
  return (
    <div className="wb-Banner" data-testid={props.testId}>
      <Spinner /> {props.text}
    </div>
  );
}

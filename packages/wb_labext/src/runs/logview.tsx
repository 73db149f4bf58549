import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { useModelState } from '../ui/signal';
import { Spinner } from '../ui/states';
import type { LogTail } from './log';

/** This close to the end, in pixels, counts as the end. */
const NEAR = 24;

/** A log that follows new lines while it is scrolled to its end. */
export function LogView(props: {
  log: LogTail;
  /** Whether the task didn't run: it took over the result of an earlier run. */
  taken: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { log, trans } = props;
  const state = useModelState(log);
  const ref = React.useRef<HTMLPreElement>(null);
  const atEnd = React.useRef(true);
  const [behind, setBehind] = React.useState(false);

  React.useLayoutEffect(() => {
    atEnd.current = true;
    setBehind(false);
  }, [state.attempt]);

  React.useLayoutEffect(() => {
    const node = ref.current;
    if (node && atEnd.current) {
      node.scrollTop = node.scrollHeight;
    }
  }, [state.text]);

  const toEnd = (): void => {
    const node = ref.current;
    if (node) {
      node.scrollTop = node.scrollHeight;
    }
  };

  if (state.attempt === null) {
    return (
      <p className="wb-Run-none">
        {props.taken
          ? trans.__('The result of an earlier run was kept; its log is there.')
          : trans.__('This task has not started yet.')}
      </p>
    );
  }
  return (
    <div className="wb-Log" data-testid="wb-run-log" data-ended={state.ended}>
      {state.cut && (
        <p className="wb-Run-none">{trans.__('The beginning of the log is not shown.')}</p>
      )}
      <pre
        ref={ref}
        tabIndex={0}
        role="log"
        aria-live="off"
        aria-label={trans.__('Log')}
        onScroll={event => {
          const { scrollHeight, scrollTop, clientHeight } = event.currentTarget;
          atEnd.current = scrollHeight - scrollTop - clientHeight < NEAR;
          setBehind(!atEnd.current);
        }}
      >
        {state.text}
      </pre>
      <div className="wb-Log-foot">
        {state.error ? (
          <span role="alert">{state.error}</span>
        ) : !state.ready ? (
          <>
            <Spinner /> {trans.__('Loading log…')}
          </>
        ) : !state.ended ? (
          <>
            <Spinner /> {trans.__('Following the log…')}
          </>
        ) : state.text === '' ? (
          trans.__('The log is empty.')
        ) : null}
        {behind && (
          <button type="button" className="wb-LinkButton" onClick={toEnd}>
            {trans.__('Jump to end')}
          </button>
        )}
      </div>
    </div>
  );
}

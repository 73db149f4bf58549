import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

/** An optional date. */
export function DateField(props: {
  id: string;
  label: string;
  help?: string;
  /** `YYYY-MM-DD`, or empty. */
  value: string;
  error?: string;
  disabled?: boolean;
  onChange: (value: string) => void;
  trans: TranslationBundle;
  testId: string;
}): JSX.Element {
  const { id, help, value, trans } = props;
  // A half-typed date has no value, and the browser doesn't report it.
  const [half, setHalf] = React.useState(false);
  const error = half ? trans.__('Complete the date, or clear it.') : props.error;
  return (
    <div className={`wb-Field wb-DateField${error ? ' wb-mod-invalid' : ''}`}>
      <label className="wb-Field-label" htmlFor={id}>
        {props.label}
      </label>
      <input
        id={id}
        type="date"
        className="jp-mod-styled"
        value={value}
        disabled={props.disabled}
        aria-invalid={error !== undefined}
        aria-describedby={`${id}__error ${id}__help`}
        data-testid={props.testId}
        onChange={event => props.onChange(event.target.value)}
        onBlur={event => setHalf(event.target.validity.badInput)}
      />
      {error && (
        <div className="wb-Field-error" id={`${id}__error`} data-testid={`${props.testId}-error`}>
          {error}
        </div>
      )}
      {help && (
        <div className="wb-Field-help" id={`${id}__help`}>
          {help}
        </div>
      )}
    </div>
  );
}

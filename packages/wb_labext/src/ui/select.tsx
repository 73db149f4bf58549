import { caretDownEmptyIcon } from '@jupyterlab/ui-components';
import React from 'react';

/** A drop-down list in JupyterLab's style. */
export function Select<V extends string>(props: {
  value: V;
  options: readonly { value: V; label: string }[];
  onChange: (value: V) => void;
  /** The accessible name; for a visible label, refer to the `id` instead. */
  label?: string;
  id?: string;
  disabled?: boolean;
  testId?: string;
}): JSX.Element {
  return (
    <span className="wb-Select">
      <select
        id={props.id}
        className="jp-mod-styled"
        aria-label={props.label}
        disabled={props.disabled}
        value={props.value}
        data-testid={props.testId}
        onChange={event => props.onChange(event.target.value as V)}
      >
        {props.options.map(option => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <caretDownEmptyIcon.react tag="span" className="wb-Select-caret" />
    </span>
  );
}

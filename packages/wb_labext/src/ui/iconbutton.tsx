import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

/** A small button that is only an icon; its label is spoken, and shown as a tooltip. */
export function IconButton(props: {
  icon: LabIcon;
  label: string;
  /** Whether Tab reaches it: in a list, only in the row that has the focus. */
  focusable?: boolean;
  disabled?: boolean;
  testId?: string;
  onClick: () => void;
}): JSX.Element {
  const focusable = props.focusable ?? true;
  return (
    <button
      type="button"
      className="wb-IconButton"
      title={props.label}
      aria-label={props.label}
      tabIndex={focusable ? 0 : -1}
      disabled={props.disabled}
      data-testid={props.testId}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" />
    </button>
  );
}

/** A button of a toolbar with an icon and words. */
export function ToolButton(props: {
  icon: LabIcon;
  label: string;
  /** What the words leave out. */
  title?: string;
  disabled?: boolean;
  testId?: string;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="wb-ToolButton"
      title={props.title}
      disabled={props.disabled}
      data-testid={props.testId}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" />
      {props.label}
    </button>
  );
}

import type { LabIcon } from '@jupyterlab/ui-components';
import React from 'react';

/** A small icon-only button; its label is the accessible name and the tooltip. */
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

/** A toolbar button with an icon and text. */
export function ToolButton(props: {
  icon: LabIcon;
  label: string;
  /** The tooltip, for what the text leaves out. */
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

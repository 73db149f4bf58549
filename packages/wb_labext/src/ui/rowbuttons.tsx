import type { CommandRegistry } from '@lumino/commands';
import { LabIcon } from '@jupyterlab/ui-components';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';
import React from 'react';

import { IconButton } from './iconbutton';

/** A command in a row, and its button's label. */
export interface RowButton {
  command: string;
  label: string;
  testId: string;
}

/** The commands that the user may use on a row, as buttons with the commands' icons. */
export function RowButtons(props: {
  commands: CommandRegistry;
  args: ReadonlyPartialJSONObject;
  buttons: readonly RowButton[];
  /** Whether the row has the focus, so that Tab reaches its buttons. */
  active: boolean;
}): JSX.Element {
  const { commands, args, active } = props;
  return (
    <span className="wb-Row-buttons">
      {props.buttons
        .filter(({ command }) => commands.isVisible(command, args))
        .map(({ command, label, testId }) => (
          <IconButton
            key={command}
            icon={LabIcon.resolve({ icon: commands.icon(command, args) as LabIcon })}
            label={label}
            focusable={active}
            testId={testId}
            onClick={() => void commands.execute(command, args)}
          />
        ))}
    </span>
  );
}

/** The row of a connection: its status, its owner and what the user may do with it. */
import { Time } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { caretDownIcon, caretRightIcon, closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { ConnectionView } from '../api/types';
import { heldWords, ownerWords } from '../sharing/words';
import { IconButton } from '../ui/iconbutton';
import { RowButtons } from '../ui/rowbuttons';
import { Mark, Spinner } from '../ui/states';
import { CommandIDs } from './commandids';
import type { RowTest } from './model';
import type { RowProps } from './rowprops';
import { testSentence } from './testanswer';
import type { Row } from './tree';
import { credentialMark, needsCredentials } from './words';

/** A connection's row in words, for its accessible name. */
export function connectionSpoken(
  connection: ConnectionView,
  connectorTitle: string,
  trans: TranslationBundle
): string {
  const mark = credentialMark(connection.credential, connection.credentials, trans);
  return [
    connection.name,
    connectorTitle,
    heldWords(connection, trans),
    stateWords(connection, trans),
    mark?.short
  ]
    .filter(Boolean)
    .join(', ');
}

function stateWords(connection: ConnectionView, trans: TranslationBundle): string {
  const { status, message, checked_at } = connection.state;
  if (status === 'untested') {
    return trans.__('Not tested yet');
  }
  const when = checked_at ? ` (${Time.formatHuman(new Date(checked_at))})` : '';
  return status === 'ok'
    ? trans.__('Working') + when
    : `${trans.__('Failed')}${when}${message ? `: ${message}` : ''}`;
}

/** The caret of a row that can be expanded. */
export function Caret(props: { expanded: boolean | undefined }): JSX.Element {
  if (props.expanded === undefined) {
    return <span className="wb-Row-caret" />;
  }
  const Icon = props.expanded ? caretDownIcon : caretRightIcon;
  return <Icon.react tag="span" className="wb-Row-caret" />;
}

export function ConnectionRow(
  props: RowProps & { row: Extract<Row, { type: 'connection' }> }
): JSX.Element {
  const { row, active, test, model, commands, trans, connectorTitle } = props;
  const { connection } = row;
  const args = { connection: connection.id };
  const { owner, state, name } = connection;
  const words = stateWords(connection, trans);
  const second = `${connectorTitle} · ${ownerWords(owner, trans)}`;
  const held = heldWords(connection, trans);
  const buttons = [
    {
      command: CommandIDs.query,
      label: trans.__('Query %1 in notebook', name),
      testId: 'wb-query'
    },
    { command: CommandIDs.test, label: trans.__('Test %1', name), testId: 'wb-test' },
    {
      command: CommandIDs.signIn,
      label: trans.__('My credentials for %1…', name),
      testId: 'wb-credentials'
    },
    { command: CommandIDs.share, label: trans.__('Share %1…', name), testId: 'wb-share' },
    { command: CommandIDs.edit, label: trans.__('Edit %1…', name), testId: 'wb-edit' },
    { command: CommandIDs.delete, label: trans.__('Delete %1', name), testId: 'wb-delete' }
  ];
  return (
    <>
      <div className="wb-Row-line">
        <Caret expanded={row.expanded} />
        <span
          className={`wb-Dot wb-mod-${state.status}`}
          role="img"
          aria-label={words}
          title={words}
          data-testid="wb-connection-state"
          data-status={state.status}
        />
        <span className="wb-Row-label" title={connection.description || undefined}>
          {name}
        </span>
      </div>
      <div className="wb-Row-second wb-Row-owner" title={second}>
        {second}
        <RowButtons commands={commands} args={args} buttons={buttons} active={active} />
      </div>
      {held && (
        <div className="wb-Row-second" title={held} data-testid="wb-row-held">
          {held}
        </div>
      )}
      <CredentialLine {...props} connection={connection} />
      {test && (
        <RowAnswer test={test} onClose={() => model.dismissTest(connection.id)} trans={trans} />
      )}
    </>
  );
}

/** A warning about the credentials, with a button to enter personal ones. */
function CredentialLine(props: RowProps & { connection: ConnectionView }): JSX.Element | null {
  const { connection, active, commands, trans } = props;
  const mark = credentialMark(connection.credential, connection.credentials, trans);
  if (!mark) {
    return null;
  }
  return (
    <div
      className="wb-Row-second wb-Row-mark"
      title={mark.long}
      data-testid="wb-row-credential"
      data-status={connection.credential.status}
    >
      <Mark kind={mark.kind} />
      <span className="wb-Row-markText">{mark.short}</span>
      {needsCredentials(connection) && (
        <button
          type="button"
          className="wb-LinkButton"
          tabIndex={active ? 0 : -1}
          aria-label={trans.__('Enter credentials for %1', connection.name)}
          data-testid="wb-enter-credentials"
          onClick={() => void commands.execute(CommandIDs.signIn, { connection: connection.id })}
        >
          {trans.__('Enter credentials')}
        </button>
      )}
    </div>
  );
}

/** The result of a test, in the connection's row. */
function RowAnswer(props: {
  test: RowTest;
  onClose: () => void;
  trans: TranslationBundle;
}): JSX.Element {
  const { test, trans } = props;
  if (test.running) {
    return (
      <div className="wb-Row-answer" role="status" data-testid="wb-row-testing">
        <Spinner /> {trans.__('Testing…')}
      </div>
    );
  }
  return (
    <div
      className={`wb-Row-answer ${test.result.ok ? 'wb-mod-ok' : 'wb-mod-failed'}`}
      role="status"
      data-testid="wb-row-test"
      data-ok={test.result.ok}
    >
      <span className="wb-Row-answerText">
        {testSentence(test.result, trans)}
        <span className="wb-Row-time"> {test.at.toLocaleTimeString()}</span>
      </span>
      <IconButton icon={closeIcon} label={trans.__('Dismiss')} focusable onClick={props.onClose} />
    </div>
  );
}

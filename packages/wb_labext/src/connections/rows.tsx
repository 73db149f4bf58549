/** The tree: its rows, and moving through it by keyboard. */
import { Time } from '@jupyterlab/coreutils';
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import {
  caretDownIcon,
  caretRightIcon,
  closeIcon,
  deleteIcon,
  editIcon,
  fileIcon
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';

import type { ConnectionView, Owner } from '../api/types';
import { queryIcon, schemaIcon, tableIcon, testIcon, viewIcon } from '../ui/icons';
import { useModelState } from '../ui/signal';
import { Spinner } from '../ui/states';
import { CommandIDs } from './commands';
import { testSentence } from './form';
import type { ConnectionsModel, RowTest } from './model';
import type { Row, TreeNode } from './tree';

/** Rows that stand for something: the context menu opens on them. */
export const ROW_CLASS = 'wb-Row';

interface Tools {
  model: ConnectionsModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

export function Tree(props: Tools): JSX.Element {
  const { model, commands, trans } = props;
  const state = useModelState(model);
  const rows = model.rows;
  const ref = React.useRef<HTMLDivElement>(null);
  const hadFocus = React.useRef(false);
  const typed = React.useRef({ text: '', at: 0 });
  const index = Math.max(
    0,
    rows.findIndex(row => row.key === state.active)
  );
  const active = rows[index].key;

  // The selected row can go away under the focus (deleted, reloaded): the focus stays in the tree.
  React.useLayoutEffect(() => {
    if (hadFocus.current && !ref.current?.contains(document.activeElement)) {
      focusRow(ref.current, active);
    }
  }, [active, rows]);

  const go = (key: string): void => {
    model.select(key);
    focusRow(ref.current, key);
  };

  const onKeyDown = (event: React.KeyboardEvent): void => {
    const onRow = (event.target as HTMLElement).getAttribute('role') === 'treeitem';
    if (event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const row = rows[index];
    const move = (to: number): void => {
      const next = rows[Math.min(Math.max(to, 0), rows.length - 1)];
      go(next.key);
    };
    const open = 'expanded' in row ? row.expanded : undefined;
    switch (event.key) {
      case 'ArrowDown':
        move(index + 1);
        break;
      case 'ArrowUp':
        move(index - 1);
        break;
      case 'Home':
        move(0);
        break;
      case 'End':
        move(rows.length - 1);
        break;
      case 'ArrowRight':
        if (open === false) {
          model.expand(row.key);
        } else if (open && rows[index + 1]?.parent === row.key) {
          move(index + 1);
        }
        break;
      case 'ArrowLeft':
        if (open) {
          model.collapse(row.key);
        } else if (row.parent) {
          go(row.parent);
        }
        break;
      case 'Enter':
      case ' ':
        if (!onRow) {
          return; // a button in the row
        }
        press(row, model, ref.current);
        break;
      case 'F2':
        void commands.execute(CommandIDs.edit);
        break;
      case 'Delete':
        if (row.type !== 'connection') {
          return;
        }
        void commands.execute(CommandIDs.delete);
        break;
      default: {
        if (event.key.length !== 1 || !onRow) {
          return;
        }
        const now = Date.now();
        const last = typed.current;
        const text = (now - last.at < 700 ? last.text : '') + event.key.toLowerCase();
        typed.current = { text, at: now };
        const start = text.length > 1 ? index : index + 1;
        const found = [...rows.slice(start), ...rows.slice(0, start)].find(item =>
          labelOf(item).toLowerCase().startsWith(text)
        );
        if (found) {
          go(found.key);
        }
      }
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <div
      ref={ref}
      className="wb-Tree"
      role="tree"
      aria-label={trans.__('Connections')}
      data-testid="wb-connections-tree"
      onKeyDown={onKeyDown}
      onFocus={() => {
        hadFocus.current = true;
      }}
      onBlur={event => {
        // A row that is removed loses the focus to nothing.
        hadFocus.current =
          event.relatedTarget === null
            ? !event.target.isConnected
            : event.currentTarget.contains(event.relatedTarget);
      }}
    >
      {rows.map(row => (
        <RowView
          key={row.key}
          row={row}
          active={row.key === active}
          selected={row.key === state.active}
          test={row.type === 'connection' ? state.tests.get(row.connection.id) : undefined}
          connectorTitle={
            row.type === 'connection'
              ? (model.connector(row.connection.connector)?.title ?? row.connection.connector)
              : ''
          }
          model={model}
          commands={commands}
          trans={trans}
        />
      ))}
    </div>
  );
}

function focusRow(tree: HTMLElement | null, key: string): void {
  requestAnimationFrame(() => {
    const node = tree?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
    node?.focus();
    node?.scrollIntoView({ block: 'nearest' });
  });
}

function labelOf(row: Row): string {
  return row.type === 'connection' ? row.connection.name : 'node' in row ? row.node.label : '';
}

/** What a click, Enter or Space does with a row. */
function press(row: Row, model: ConnectionsModel, tree: HTMLElement | null): void {
  // The first two rows go away: the focus moves to what they stood for.
  const go = (key: string): void => {
    model.select(key);
    focusRow(tree, key);
  };
  if (row.type === 'failed' && row.parent) {
    go(row.parent);
    void model.load(row.parent);
  } else if (row.type === 'more' && row.parent) {
    const place = model.rows.findIndex(item => item.key === row.key);
    model.showMore(row.parent);
    go(model.rows[place].key);
  } else if ('expanded' in row && row.expanded !== undefined) {
    if (row.expanded) {
      model.collapse(row.key);
    } else {
      model.expand(row.key);
    }
  }
}

interface RowProps extends Tools {
  row: Row;
  active: boolean;
  selected: boolean;
  test: RowTest | undefined;
  connectorTitle: string;
}

/** Rows are made anew with each change; what they show seldom is new. */
function same(before: RowProps, after: RowProps): boolean {
  const a = before.row;
  const b = after.row;
  return (
    before.active === after.active &&
    before.selected === after.selected &&
    before.test === after.test &&
    before.connectorTitle === after.connectorTitle &&
    a.type === b.type &&
    a.key === b.key &&
    a.level === b.level &&
    ('expanded' in a ? a.expanded : 0) === ('expanded' in b ? b.expanded : 0) &&
    ('node' in a ? a.node : 0) === ('node' in b ? b.node : 0) &&
    ('connection' in a ? a.connection : 0) === ('connection' in b ? b.connection : 0) &&
    ('position' in a ? a.position : 0) === ('position' in b ? b.position : 0) &&
    ('size' in a ? a.size : 0) === ('size' in b ? b.size : 0) &&
    ('hidden' in a ? a.hidden : 0) === ('hidden' in b ? b.hidden : 0) &&
    ('message' in a ? a.message : 0) === ('message' in b ? b.message : 0)
  );
}

const RowView = React.memo(function RowView(props: RowProps): JSX.Element {
  const { row, active, selected, model, trans } = props;
  const real = row.type === 'connection' || 'node' in row;
  const classes = [
    'wb-TreeRow',
    real ? ROW_CLASS : '',
    `wb-mod-${row.type}`,
    selected ? 'wb-mod-selected' : ''
  ];
  return (
    <div
      role="treeitem"
      className={classes.filter(Boolean).join(' ')}
      style={{ '--wb-level': row.level - 1 } as React.CSSProperties}
      tabIndex={active ? 0 : -1}
      aria-level={row.level}
      aria-expanded={'expanded' in row ? row.expanded : undefined}
      aria-selected={selected}
      aria-setsize={'size' in row ? row.size : undefined}
      aria-posinset={'position' in row ? row.position : undefined}
      aria-label={spoken(props)}
      title={row.type === 'failed' ? row.message : undefined}
      data-key={row.key}
      data-testid={`wb-row-${row.type}`}
      data-name={labelOf(row) || undefined}
      onFocus={() => model.select(row.key)}
      onContextMenu={() => model.select(row.key)}
      onClick={event => {
        if (!(event.target as HTMLElement).closest('button, .wb-Row-answer')) {
          model.select(row.key);
          press(row, model, event.currentTarget.closest<HTMLElement>('[role="tree"]'));
        }
      }}
    >
      {row.type === 'connection' ? (
        <ConnectionRow {...props} row={row} />
      ) : 'node' in row ? (
        <NodeRow {...props} row={row} />
      ) : row.type === 'loading' ? (
        <span className="wb-Row-line">
          <Spinner /> <span className="wb-Row-muted">{trans.__('Loading…')}</span>
        </span>
      ) : row.type === 'none' ? (
        <span className="wb-Row-line wb-Row-muted">{trans.__('Nothing here')}</span>
      ) : row.type === 'failed' ? (
        <span className="wb-Row-line">
          <span className="wb-Row-failure">{row.message}</span>
          <span className="wb-Row-link">{trans.__('Retry')}</span>
        </span>
      ) : 'hidden' in row ? (
        <span className="wb-Row-line wb-Row-link">
          {trans.__('Show more (%1 hidden)', row.hidden)}
        </span>
      ) : null}
    </div>
  );
}, same);

/** A row's accessible name. */
function spoken(props: RowProps): string {
  const { row, trans, connectorTitle } = props;
  switch (row.type) {
    case 'connection':
      return [row.connection.name, connectorTitle, stateWords(row.connection, trans)].join(', ');
    case 'schema':
      return trans.__('Schema %1', row.node.label);
    case 'table':
      return `${row.node.label}, ${row.node.detail}`;
    case 'column':
      return `${row.node.label}, ${row.node.detail}`;
    case 'loading':
      return trans.__('Loading…');
    case 'none':
      return trans.__('Nothing here');
    case 'failed':
      return trans.__('%1 Press Enter to retry.', row.message);
    case 'more':
      return trans.__('Show more (%1 hidden)', row.hidden);
  }
}

function stateWords(connection: ConnectionView, trans: TranslationBundle): string {
  const { status, message, checked_at } = connection.state;
  if (status === 'untested') {
    return trans.__('Not tested yet');
  }
  const when = checked_at ? ` (${Time.formatHuman(new Date(checked_at))})` : '';
  return status === 'ok'
    ? trans.__('Works') + when
    : `${trans.__('Failed')}${when}${message ? `: ${message}` : ''}`;
}

function Caret(props: { expanded: boolean | undefined }): JSX.Element {
  if (props.expanded === undefined) {
    return <span className="wb-Row-caret" />;
  }
  const Icon = props.expanded ? caretDownIcon : caretRightIcon;
  return <Icon.react tag="span" className="wb-Row-caret" />;
}

/** Whose it is. A role owns what all who hold it, or a higher one, share: viewers are everyone. */
function ownerWords(owner: Owner, trans: TranslationBundle): string {
  if (owner.kind === 'user') {
    return owner.name;
  }
  return owner.name === 'viewer' ? trans.__('everyone') : trans.__('team %1', owner.name);
}

function ConnectionRow(
  props: RowProps & { row: Extract<Row, { type: 'connection' }> }
): JSX.Element {
  const { row, active, test, model, commands, trans, connectorTitle } = props;
  const { connection } = row;
  const args = { connection: connection.id };
  const { owner, state, name } = connection;
  const who = ownerWords(owner, trans);
  const words = stateWords(connection, trans);
  const button = (
    id: string,
    icon: LabIcon,
    label: string,
    action: string,
    testId: string
  ): JSX.Element | null =>
    model.may(connection, action) ? (
      <IconButton
        icon={icon}
        label={label}
        focusable={active}
        testId={testId}
        onClick={() => void commands.execute(id, args)}
      />
    ) : null;
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
        <span className="wb-Row-buttons">
          {button(
            CommandIDs.query,
            queryIcon,
            trans.__('Query %1 in notebook', name),
            'read',
            'wb-query'
          )}
          {button(CommandIDs.test, testIcon, trans.__('Test %1', name), 'test', 'wb-test')}
          {button(CommandIDs.edit, editIcon, trans.__('Edit %1', name), 'update', 'wb-edit')}
          {button(
            CommandIDs.delete,
            deleteIcon,
            trans.__('Delete %1', name),
            'delete',
            'wb-delete'
          )}
        </span>
      </div>
      <div className="wb-Row-second" title={`${connectorTitle} · ${who}`}>
        {connectorTitle} · {who}
      </div>
      {test && (
        <RowAnswer test={test} onClose={() => model.dismissTest(connection.id)} trans={trans} />
      )}
    </>
  );
}

/** The result of a test, in the row that it is about. */
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

function iconOf(node: TreeNode): LabIcon | null {
  switch (node.type) {
    case 'schema':
      return schemaIcon;
    case 'table':
      return node.detail === 'file'
        ? fileIcon
        : node.detail.includes('view')
          ? viewIcon
          : tableIcon;
    default:
      return null;
  }
}

function NodeRow(
  props: RowProps & { row: Extract<Row, { type: 'schema' | 'table' | 'column' }> }
): JSX.Element {
  const { row, active, model, commands, trans } = props;
  const { node } = row;
  const Icon = iconOf(node);
  const connection = model.connection(node.place.connection);
  const detail = node.type === 'table' ? '' : node.detail;
  const title = [node.label, node.type === 'schema' ? '' : node.detail, node.comment ?? '']
    .filter(Boolean)
    .join('\n');
  return (
    <div className="wb-Row-line" title={title}>
      <Caret expanded={row.expanded} />
      {Icon && <Icon.react tag="span" className="wb-Row-icon" />}
      <span className="wb-Row-label">{node.label}</span>
      {detail && <span className="wb-Row-detail">{detail}</span>}
      {node.type === 'table' && connection && model.may(connection, 'read') && (
        <span className="wb-Row-buttons">
          <IconButton
            icon={queryIcon}
            label={trans.__('Query %1 in notebook', node.label)}
            focusable={active}
            testId="wb-query"
            onClick={() => void commands.execute(CommandIDs.query, { ...node.place })}
          />
        </span>
      )}
    </div>
  );
}

function IconButton(props: {
  icon: LabIcon;
  label: string;
  focusable: boolean;
  testId?: string;
  onClick: () => void;
}): JSX.Element {
  return (
    <button
      type="button"
      className="wb-IconButton"
      title={props.label}
      aria-label={props.label}
      tabIndex={props.focusable ? 0 : -1}
      data-testid={props.testId}
      onClick={props.onClick}
    >
      <props.icon.react tag="span" />
    </button>
  );
}

/** The rows of the tree: their content, accessible names and actions. */
import type { LabIcon } from '@jupyterlab/ui-components';
import { fileIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { breakable } from '../ui/breakable';
import { schemaIcon, tableIcon, viewIcon } from '../ui/icons';
import { RowButtons } from '../ui/rowbuttons';
import { Spinner } from '../ui/states';
import { CommandIDs } from './commandids';
import { Caret, ConnectionRow, connectionSpoken } from './connectionrow';
import type { RowProps, Tools } from './rowprops';
import { ROW_CLASS } from './rowprops';
import { shortType } from './words';
import type { Row, TreeNode } from './tree';

export function focusRow(tree: HTMLElement | null, key: string): void {
  requestAnimationFrame(() => {
    const node = tree?.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
    node?.focus();
    node?.scrollIntoView({ block: 'nearest' });
  });
}

export function labelOf(row: Row): string {
  return row.type === 'connection' ? row.connection.name : 'node' in row ? row.node.label : '';
}

/** What a click, Enter or Space does with a row. */
export function press(row: Row, tools: Tools, tree: HTMLElement | null): void {
  const { model, commands } = tools;
  // The first two kinds of rows go away: the focus moves to what replaces them.
  const go = (key: string): void => {
    model.select(key);
    focusRow(tree, key);
  };
  if (row.type === 'failed' && row.parent) {
    go(row.parent);
    void model.loadChildren(row.parent);
  } else if (row.type === 'credentials') {
    void commands.execute(CommandIDs.signIn, { connection: row.connection.id });
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

/** Rows are recreated on every change, but rarely show anything new. */
function same(before: RowProps, after: RowProps): boolean {
  const rows = [before.row, after.row].map(row => row as unknown as Record<string, unknown>);
  const keys = new Set(rows.flatMap(row => Object.keys(row)));
  return (
    before.active === after.active &&
    before.selected === after.selected &&
    before.dropping === after.dropping &&
    before.test === after.test &&
    before.connectorTitle === after.connectorTitle &&
    [...keys].every(key => rows[0][key] === rows[1][key])
  );
}

export const RowView = React.memo(function RowView(props: RowProps): JSX.Element {
  const { row, active, selected, dropping, model, trans } = props;
  const real = row.type === 'connection' || 'node' in row;
  // Its name can be dragged into a cell or another editor.
  const named = 'node' in row ? row.node.place : null;
  const classes = [
    'wb-TreeRow',
    real ? ROW_CLASS : '',
    `wb-mod-${row.type}`,
    selected ? 'wb-mod-selected' : '',
    dropping ? 'wb-mod-dropping' : ''
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
      draggable={named !== null}
      onDragStart={event => {
        if (named) {
          event.dataTransfer.setData('text/plain', model.nameOf(named));
          event.dataTransfer.effectAllowed = 'copy';
        }
      }}
      onFocus={() => model.select(row.key)}
      onContextMenu={() => model.select(row.key)}
      onClick={event => {
        if (!(event.target as HTMLElement).closest('button, .wb-Row-answer')) {
          model.select(row.key);
          press(row, props, event.currentTarget.closest<HTMLElement>('[role="tree"]'));
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
        <span className="wb-Row-line wb-Row-muted">{trans.__('Empty')}</span>
      ) : row.type === 'failed' ? (
        <span className="wb-Row-line">
          <span className="wb-Row-failure">{row.message}</span>
          <span className="wb-Row-link">{trans.__('Retry')}</span>
        </span>
      ) : row.type === 'credentials' ? (
        <span className="wb-Row-line">
          <span className="wb-Row-muted">{trans.__('To browse:')}</span>
          <span className="wb-Row-link">{trans.__('Enter credentials')}</span>
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
      return connectionSpoken(row.connection, connectorTitle, trans);
    case 'credentials':
      return trans.__('Enter credentials for %1', row.connection.name);
    case 'schema':
      return trans.__('Schema %1', row.node.label);
    case 'table':
      return `${row.node.label}, ${row.node.detail}`;
    case 'column':
      return `${row.node.label}, ${row.node.detail}`;
    case 'loading':
      return trans.__('Loading…');
    case 'none':
      return trans.__('Empty');
    case 'failed':
      return trans.__('%1 Press Enter to retry.', row.message);
    case 'more':
      return trans.__('Show more (%1 hidden)', row.hidden);
  }
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
  const { row, active, commands, trans } = props;
  const { node } = row;
  const Icon = iconOf(node);
  const detail = node.type === 'table' ? '' : node.detail;
  const title = [node.label, node.type === 'schema' ? '' : node.detail, node.comment ?? '']
    .filter(Boolean)
    .join('\n');
  return (
    <div className="wb-Row-line" title={title}>
      <Caret expanded={row.expanded} />
      {Icon && <Icon.react tag="span" className="wb-Row-icon" />}
      <span className="wb-Row-label">{breakable(node.label)}</span>
      {detail && (
        <span className="wb-Row-detail">{node.type === 'column' ? shortType(detail) : detail}</span>
      )}
      {node.type === 'table' && (
        <RowButtons
          commands={commands}
          args={{ ...node.place }}
          buttons={[
            {
              command: CommandIDs.query,
              label: trans.__('Query %1 in notebook', node.label),
              testId: 'wb-query'
            }
          ]}
          active={active}
        />
      )}
    </div>
  );
}

/** The tree, and its keyboard navigation. */
import React from 'react';

import { useModelState } from '../ui/signal';
import { CommandIDs } from './commandids';
import { useFileDrop } from './filedrop';
import type { Tools } from './rowprops';
import { RowView, focusRow, labelOf, press } from './rowview';
import type { Row } from './tree';
import { connectionOf } from './tree';

export function Tree(props: Tools): JSX.Element {
  const { model, commands, trans } = props;
  const state = useModelState(model);
  const rows = model.rows;
  const ref = React.useRef<HTMLDivElement>(null);
  const over = useFileDrop(ref, {
    accepts: key => {
      const row = rows.find(item => item.key === key);
      const connection = row && isPlace(row) ? model.item(connectionOf(key)) : undefined;
      return connection !== undefined && model.mayLoad(connection);
    },
    dropped: (key, what) => {
      const row = rows.find(item => item.key === key);
      if (row && isPlace(row)) {
        model.drop(key, what);
      }
    }
  });
  const hadFocus = React.useRef(false);
  const typed = React.useRef({ text: '', at: 0 });
  const index = Math.max(
    0,
    rows.findIndex(row => row.key === state.active)
  );
  const active = rows[index].key;

  // If the focused row goes away (deleted, reloaded), the focus stays in the tree.
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
        press(row, props, ref.current);
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
        // When a focused row is removed, the focus goes nowhere.
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
          dropping={row.key === over}
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

/** Whether a row stands for a place, not for a message. */
function isPlace(row: Row): boolean {
  return row.type === 'connection' || 'node' in row;
}

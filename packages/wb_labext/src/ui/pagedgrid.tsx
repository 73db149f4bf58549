import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { moveByKey } from './rowkeys';
import { Spinner } from './states';

/** A column of a grid. */
export interface Column<Row> {
  title: string;
  /**
   * `number` is right-aligned; `wide` takes the remaining width, or a line of its own in a narrow grid;
   * a `moment` may wrap there.
   */
  kind?: 'number' | 'wide' | 'moment';
  cell: (row: Row) => React.ReactNode;
  /** The cell's full text. */
  tooltip?: (row: Row) => string;
  className?: string;
}

export interface PagedGridProps<Row> {
  /** The grid's noun in test ids. */
  name: string;
  label: string;
  columns: readonly Column<Row>[];
  rows: readonly Row[];
  keyOf: (row: Row) => string;
  /** Data attributes of a row, for tests: `state` becomes `data-state`. */
  dataOf: (row: Row) => Readonly<Record<string, string>>;
  selected: string | null;
  onSelect: (key: string) => void;
  /** What Enter and a double click do with a row. */
  onOpen?: (key: string) => void;
  /** Whether a page is being fetched. */
  busy: boolean;
  /** Fetches the next page; undefined if there is none. */
  more?: () => void;
  trans: TranslationBundle;
}

/** Selectable rows with keyboard navigation, loaded a page at a time. */
export function PagedGrid<Row>(props: PagedGridProps<Row>): JSX.Element {
  const { name, columns, rows, keyOf, dataOf, selected, onSelect, onOpen, busy, trans } = props;
  const active = rows.some(row => keyOf(row) === selected) ? selected : keyOf(rows[0]);
  return (
    <div className="wb-PagedGrid">
      <table
        className="wb-Table wb-Grid"
        role="grid"
        aria-label={props.label}
        aria-busy={busy}
        data-testid={`wb-${name}-list`}
        onKeyDown={event => {
          if (!moveByKey(event, 'tbody tr') && event.key === 'Enter' && active) {
            onOpen?.(active);
          }
        }}
      >
        <thead>
          <tr>
            {columns.map(({ title, kind }) => (
              <th key={title} scope="col" className={kind && `wb-mod-${kind}`}>
                {title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => {
            const key = keyOf(row);
            return (
              <GridRow
                key={key}
                row={row}
                rowKey={key}
                columns={columns}
                name={name}
                data={dataOf(row)}
                active={key === active}
                selected={key === selected}
                onSelect={onSelect}
                onOpen={onOpen}
              />
            );
          })}
        </tbody>
      </table>
      <div className="wb-PagedGrid-end" role="status">
        {busy && props.more ? (
          <>
            <Spinner /> {trans.__('Loading…')}
          </>
        ) : props.more ? (
          <button
            type="button"
            className="jp-mod-styled jp-mod-reject"
            onClick={props.more}
            data-testid={`wb-${name}-more`}
          >
            {trans.__('Show more')}
          </button>
        ) : (
          trans.__('End of list')
        )}
      </div>
    </div>
  );
}

interface GridRowProps<Row> extends Pick<
  PagedGridProps<Row>,
  'columns' | 'name' | 'onSelect' | 'onOpen'
> {
  row: Row;
  rowKey: string;
  data: Readonly<Record<string, string>>;
  active: boolean;
  selected: boolean;
}

function PlainGridRow<Row>(props: GridRowProps<Row>): JSX.Element {
  const { row, rowKey, name, data } = props;
  return (
    <tr
      className={props.selected ? 'wb-mod-selected' : undefined}
      tabIndex={props.active ? 0 : -1}
      aria-selected={props.selected}
      data-testid={`wb-${name}-row`}
      {...Object.fromEntries(Object.entries(data).map(([key, value]) => [`data-${key}`, value]))}
      onFocus={() => props.onSelect(rowKey)}
      onDoubleClick={() => props.onOpen?.(rowKey)}
    >
      {props.columns.map(({ title, kind, cell, tooltip, className }) => (
        <td
          key={title}
          className={`${kind ? `wb-mod-${kind}` : 'wb-mod-nowrap'} ${className ?? ''}`.trim()}
          title={tooltip?.(row) || undefined}
        >
          {cell(row)}
        </td>
      ))}
    </tr>
  );
}

/** A selection changes two rows of hundreds; the others aren't rendered again. */
const GridRow = React.memo(
  PlainGridRow,
  (before, after) =>
    before.row === after.row &&
    before.columns === after.columns &&
    before.active === after.active &&
    before.selected === after.selected
) as typeof PlainGridRow;

/** The columns of a file above its first rows: their names and types in the table. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { Select } from '../ui/select';
import { useModelState } from '../ui/signal';
import { ValueCell } from './valuerows';
import type { LoadColumn } from './loadcolumns';
import { TYPES, differences } from './loadcolumns';
import type { LoadModel } from './loadmodel';

interface Props {
  form: LoadModel;
  trans: TranslationBundle;
}

/** The DOM id of a column's name. */
export function columnId(place: number): string {
  return `wb-load-column-${place}`;
}

export function ColumnsGrid({ form, trans }: Props): JSX.Element {
  const { columns, firstRows: rows, preview, reading } = useModelState(form);
  const faded = reading || (preview?.code ?? null) !== null;
  return (
    <>
      <div className={`wb-Preview-rows wb-Load-grid${faded ? ' wb-mod-faded' : ''}`} tabIndex={0}>
        <table data-testid="wb-load-rows">
          <thead>
            <tr>
              {columns.map((column, place) => (
                <th key={column.source} scope="col" className={column.used ? '' : 'wb-mod-unused'}>
                  <ColumnHead form={form} trans={trans} column={column} place={place} />
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.map((row, number) => (
              <tr key={number}>
                {row.map((value, place) => (
                  <ValueCell
                    key={place}
                    value={value}
                    className={columns[place]?.used ? '' : 'wb-mod-unused'}
                  />
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div className="wb-Preview-note">
        {rows.length === 0
          ? trans.__('The file has no rows.')
          : trans._n('The first row.', 'The first %1 rows.', rows.length)}
      </div>
      <Differences form={form} trans={trans} />
    </>
  );
}

function ColumnHead(props: Props & { column: LoadColumn; place: number }): JSX.Element {
  const { form, trans, column, place } = props;
  const { target, errors, saving } = useModelState(form);
  const { source, used, name, type, found, as } = column;
  const error = errors[`columns.${place}`];
  const id = columnId(place);
  const off = saving || type === '';
  const own = target?.find(it => it.name === name)?.type;
  return (
    <div className={`wb-Load-column${error ? ' wb-mod-invalid' : ''}`}>
      <label className="wb-Load-source" title={source}>
        <input
          type="checkbox"
          checked={used}
          disabled={off}
          aria-label={trans.__('Load the column %1', source)}
          data-testid={`wb-load-use-${place}`}
          onChange={event => form.setColumn(place, { used: event.target.checked })}
        />
        <span>{source}</span>
      </label>
      {target === null ? (
        <input
          id={id}
          className="jp-mod-styled"
          type="text"
          maxLength={128}
          autoComplete="off"
          spellCheck={false}
          value={name}
          disabled={off || !used}
          aria-label={trans.__('Name of %1 in the table', source)}
          aria-invalid={error !== undefined}
          data-testid={`wb-load-name-${place}`}
          onChange={event => form.setColumn(place, { name: event.target.value })}
        />
      ) : (
        <Select
          id={id}
          label={trans.__('Column of the table for %1', source)}
          value={used ? name : ''}
          options={['', ...target.map(it => it.name)].map(it => ({
            value: it,
            label: it || trans.__('(left out)')
          }))}
          disabled={off}
          onChange={value => form.setColumn(place, { name: value, used: value !== '' })}
          testId={`wb-load-name-${place}`}
        />
      )}
      {form.isTyped && used && type !== '' ? (
        <Select
          label={trans.__('Type of %1', source)}
          value={as}
          options={[...new Set(['', as, ...TYPES])].map(it => ({
            value: it,
            label: it || (as === '' ? type : trans.__('%1 (found)', found))
          }))}
          disabled={off}
          onChange={value => form.setColumn(place, { as: value })}
          testId={`wb-load-type-${place}`}
        />
      ) : (
        <span className="wb-Preview-type">{type || trans.__('can’t be loaded')}</span>
      )}
      {own !== undefined && used && (
        <span className="wb-Preview-type" title={own}>
          {trans.__('into %1', own)}
        </span>
      )}
      {error && (
        <div className="wb-Field-error" data-testid={`wb-error-column-${place}`}>
          {error}
        </div>
      )}
    </div>
  );
}

/** What a load leaves out, on both sides. */
function Differences({ form, trans }: Props): JSX.Element | null {
  const { target, columns } = useModelState(form);
  if (target === null) {
    return null;
  }
  const { unfilled, leftOut } = differences(columns, target);
  const required = unfilled.filter(({ nullable }) => !nullable);
  const others = unfilled.filter(({ nullable }) => nullable);
  const lines = [
    leftOut.length > 0 && trans.__('Not loaded: %1.', leftOut.join(', ')),
    others.length > 0 &&
      trans.__(
        'Not in the file, so NULL or their default: %1.',
        others.map(({ name }) => name).join(', ')
      ),
    required.length > 0 &&
      trans.__(
        'Not in the file, and NOT NULL in the table, so they need a default: %1.',
        required.map(({ name }) => name).join(', ')
      )
  ].filter(Boolean);
  return (
    <div className="wb-Preview-note" role="status" data-testid="wb-load-differences">
      {lines.length === 0
        ? trans.__('The file has all columns of the table.')
        : lines.map(line => <div key={String(line)}>{line}</div>)}
    </div>
  );
}

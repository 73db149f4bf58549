import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { PreviewResult } from '../api/types';
import { Select } from '../ui/select';
import { useModelState } from '../ui/signal';
import { Spinner } from '../ui/states';
import type { DraftModel } from './draft';
import { ValueRows, columnClass } from './valuerows';

/** The first rows of a table with the form's settings, or what to set so that it can be read. */
export function PreviewPane(props: { draft: DraftModel; trans: TranslationBundle }): JSX.Element {
  const { draft, trans } = props;
  const { running, result, problem, stale } = useModelState(draft.preview);
  const show = (table: string | null): void => void draft.showPreview(table);
  const shown = result?.table ?? '';
  return (
    <section className="wb-Preview" aria-label={trans.__('Preview')} data-testid="wb-preview">
      <div className="wb-Preview-bar">
        <button
          type="button"
          className="jp-mod-styled jp-mod-reject"
          disabled={running}
          onClick={() => show(null)}
          data-testid="wb-preview-show"
        >
          {result === null ? trans.__('Show rows') : trans.__('Show again')}
        </button>
        {result !== null && result.tables.length > 0 && (
          <Select
            label={trans.__('Table')}
            value={shown}
            options={result.tables
              .filter(table => !table.comment)
              .map(({ name }) => ({ value: name, label: name }))}
            disabled={running}
            onChange={show}
            testId="wb-preview-table"
          />
        )}
        {running && <Spinner />}
        {stale && !running && (
          <span className="wb-Preview-note">{trans.__('The settings have changed since.')}</span>
        )}
      </div>
      <div aria-live="polite">
        {problem !== null && <Failure text={problem} />}
        {result !== null && <Answer result={result} faded={stale || running} trans={trans} />}
      </div>
    </section>
  );
}

function Failure(props: { text: string }): JSX.Element {
  return (
    <div className="wb-Banner wb-mod-failed" data-testid="wb-preview-problem">
      {props.text}
    </div>
  );
}

function Answer(props: {
  result: PreviewResult;
  faded: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { result, faded, trans } = props;
  if (result.code) {
    return <Failure text={result.message} />;
  }
  const { preview } = result;
  if (!preview) {
    return (
      <div className="wb-Preview-note" data-testid="wb-preview-empty">
        {trans.__(
          'There are no files here that are tables: %1.',
          '.csv, .tsv, .json, .parquet, .xlsx'
        )}
      </div>
    );
  }
  const cut = result.more_tables ?? 0;
  return (
    <>
      <div className={`wb-Preview-rows ${faded ? 'wb-mod-faded' : ''}`} tabIndex={0}>
        <table data-testid="wb-preview-rows">
          <thead>
            <tr>
              {preview.columns.map(({ name, type }) => (
                <th key={name} scope="col" className={columnClass(type)}>
                  {name}
                  <span className="wb-Preview-type">{type}</span>
                </th>
              ))}
            </tr>
          </thead>
          <ValueRows columns={preview.columns} rows={preview.rows} />
        </table>
      </div>
      <div className="wb-Preview-note">
        {preview.rows.length === 0
          ? trans.__('The table has no rows.')
          : trans._n('The first row.', 'The first %1 rows.', preview.rows.length)}
        {cut > 0 &&
          ` ${trans._n('%1 more table isn’t listed.', '%1 more tables aren’t listed.', cut)}`}
      </div>
    </>
  );
}

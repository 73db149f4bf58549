import type { TranslationBundle } from '@jupyterlab/translation';
import { fileIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { ConnectionView, UploadLoaded } from '../api/types';
import { SchemaForm, fieldId } from '../ui/form';
import { openForm } from '../ui/formdialog';
import { Busy, FormFrame, Question } from '../ui/formparts';
import { Select } from '../ui/select';
import { useModelState } from '../ui/signal';
import { Problem } from '../ui/states';
import { sizeOf } from './loadcolumns';
import { ColumnsGrid, columnId } from './loadgrid';
import type { LoadMode, LoadTo } from './loadmodel';
import { LoadModel } from './loadmodel';
import type { ConnectionsModel } from './model';
import type { LocalFile } from './uploadapi';

const TABLE_ID = 'wb-load-table';

interface Props {
  form: LoadModel;
  trans: TranslationBundle;
}

/**
 * Opens the dialog that loads a file into a table.
 *
 * @returns what was loaded; null if nothing was
 */
export async function openLoadDialog(
  model: ConnectionsModel,
  trans: TranslationBundle,
  connection: ConnectionView,
  to: LoadTo,
  file: LocalFile
): Promise<UploadLoaded | null> {
  const form = new LoadModel(model.api, model.uploads, file, to, trans);
  const schemas = model.connector(connection.connector)?.sql?.schemas ?? true;
  void form.start();
  await openForm({
    form,
    title: trans.__('Load “%1” into %2', file.name, connection.name),
    submitLabel: trans.__('Load'),
    render: discard => <LoadForm form={form} trans={trans} schemas={schemas} onDiscard={discard} />,
    idOf: path =>
      path === 'table'
        ? TABLE_ID
        : path.startsWith('columns.')
          ? columnId(Number(path.split('.')[1]))
          : fieldId(path),
    trans
  });
  form.dispose();
  return form.result;
}

function LoadForm(props: Props & { schemas: boolean; onDiscard: () => void }): JSX.Element {
  const { form, trans } = props;
  const { rows, stopping, asking, doomed, table } = useModelState(form);
  const busy = rows
    ? trans._n('Loading… %2 row', 'Loading… %2 rows', rows, rows.toLocaleString())
    : trans.__('Loading…');
  return (
    <FormFrame
      form={form}
      busy={stopping ? trans.__('Stopping…') : busy}
      onDiscard={props.onDiscard}
      answer={
        rows !== null && (
          <button
            type="button"
            className="jp-mod-styled jp-mod-reject wb-Load-stop"
            disabled={stopping}
            onClick={() => void form.stop()}
            data-testid="wb-load-stop"
          >
            {trans.__('Stop')}
          </button>
        )
      }
      question={
        asking === 'remove' && (
          <Question
            text={
              doomed === null
                ? trans.__('Replace all rows of “%1”?', table)
                : trans._n(
                    'Replace the %3 row of “%2”?',
                    'Replace the %3 rows of “%2”?',
                    doomed,
                    table,
                    doomed.toLocaleString()
                  )
            }
            keep={trans.__('Keep them')}
            keepRun={() => form.ask(null)}
            go={trans.__('Replace')}
            goRun={() => form.confirm()}
            testId="wb-load-replace"
          />
        )
      }
      trans={trans}
    >
      <FileLine {...props} />
      <Sheet {...props} />
      <Target {...props} />
      <Unreadable {...props} />
      <Reading {...props} />
      <Found {...props} />
    </FormFrame>
  );
}

/** The file's name and size, and how much of it was sent. */
function FileLine({ form, trans }: Props): JSX.Element {
  const { upload, failure } = useModelState(form);
  const { name, blob } = form.file;
  const sending = failure === null && (upload === null || upload.received < upload.size);
  return (
    <div className="wb-Load-file">
      <fileIcon.react tag="span" className="wb-Row-icon" />
      <span className="wb-Load-name">{name}</span>
      <span className="wb-Row-muted">{sizeOf(blob.size)}</span>
      {sending && (
        <>
          <progress
            max={blob.size}
            value={upload?.received ?? 0}
            aria-label={trans.__('Sent')}
            data-testid="wb-load-progress"
          />
          <span className="wb-Row-muted">{trans.__('Sending…')}</span>
        </>
      )}
      {failure !== null && (
        <Problem
          text={failure}
          retry={
            blob.size > 0
              ? { label: trans.__('Try again'), run: () => void form.sendFile() }
              : undefined
          }
          testId="wb-load-failure"
        />
      )}
    </div>
  );
}

/** Where the rows go. */
function Target({ form, trans, schemas }: Props & { schemas: boolean }): JSX.Element {
  const state = useModelState(form);
  const { mode, schema, table, errors, saving } = state;
  const error = errors.table;
  const names = (state.tables ?? []).filter(({ kind }) => kind === 'table').map(it => it.name);
  const modes: readonly { value: LoadMode; label: string }[] = [
    { value: 'create', label: trans.__('Create a table') },
    { value: 'append', label: trans.__('Append to a table') },
    { value: 'replace', label: trans.__('Replace the rows of a table') }
  ];
  return (
    <div className="wb-Load-target">
      <div className="wb-Field">
        <label className="wb-Field-label" htmlFor="wb-load-mode">
          {trans.__('Mode')}
        </label>
        <Select
          id="wb-load-mode"
          value={mode}
          options={modes}
          disabled={saving}
          onChange={value => form.setMode(value)}
          testId="wb-load-mode"
        />
      </div>
      {schemas && state.schemas.length > 0 && (
        <div className="wb-Field">
          <label className="wb-Field-label" htmlFor="wb-load-schema">
            {trans.__('Schema')}
          </label>
          <Select
            id="wb-load-schema"
            value={schema}
            options={[...new Set([schema, ...state.schemas])].map(it => ({ value: it, label: it }))}
            disabled={saving}
            onChange={value => form.setSchema(value)}
            testId="wb-load-schema"
          />
        </div>
      )}
      <div className={`wb-Field${error ? ' wb-mod-invalid' : ''}`}>
        <label className="wb-Field-label" htmlFor={TABLE_ID}>
          {trans.__('Table')}
        </label>
        {mode === 'create' ? (
          <input
            id={TABLE_ID}
            className="jp-mod-styled"
            type="text"
            maxLength={128}
            autoComplete="off"
            spellCheck={false}
            value={table}
            disabled={saving}
            aria-invalid={error !== undefined}
            aria-describedby={error ? `${TABLE_ID}__error` : undefined}
            data-testid={TABLE_ID}
            onChange={event => form.setTable(event.target.value)}
          />
        ) : (
          <Select
            id={TABLE_ID}
            value={table}
            options={[...new Set(['', table, ...names])].map(name => ({
              value: name,
              label: name || (state.tables === null ? trans.__('Loading…') : trans.__('Choose…'))
            }))}
            disabled={saving}
            onChange={value => form.setTable(value)}
            testId={TABLE_ID}
          />
        )}
        {error && (
          <div className="wb-Field-error" id={`${TABLE_ID}__error`} data-testid="wb-error-table">
            {error}
          </div>
        )}
      </div>
    </div>
  );
}

/** The sheet of a workbook that has several. */
function Sheet({ form, trans }: Props): JSX.Element | null {
  const { preview, saving } = useModelState(form);
  const sheets = preview?.sheets ?? [];
  if (sheets.length < 2) {
    return null;
  }
  return (
    <div className="wb-Field wb-Load-sheet">
      <label className="wb-Field-label" htmlFor="wb-load-sheet">
        {trans.__('Sheet')}
      </label>
      <Select
        id="wb-load-sheet"
        value={preview?.sheet ?? ''}
        options={sheets.map(name => ({ value: name, label: name }))}
        disabled={saving}
        onChange={sheet => form.setSheet(sheet)}
        testId="wb-load-sheet"
      />
    </div>
  );
}

/** How the file is read: the options of a files connection. */
function Reading({ form, trans }: Props): JSX.Element | null {
  const { options, errors, saving, preview } = useModelState(form);
  const [open, setOpen] = React.useState(false);
  const fields = form.optionsForm;
  const wrong = (preview?.code ?? null) !== null;
  if (fields === null) {
    return null;
  }
  const inside = Object.keys(fields.schema.properties ?? {}).some(name => name in errors);
  const shown = open || wrong || inside;
  return (
    <details className="wb-Form-collapsed" open={shown} data-testid="wb-load-options">
      <summary
        onClick={event => {
          event.preventDefault();
          setOpen(!shown);
        }}
      >
        {trans.__('How the file is read')}
      </summary>
      <div className="wb-Field-help">
        {trans.__('What is left empty is found out from the file.')}
      </div>
      <div className="wb-Load-options">
        <SchemaForm
          schema={fields.schema}
          uiSchema={fields.uiSchema}
          data={options}
          errors={errors}
          disabled={saving}
          onChange={data => form.setOptions(data)}
        />
      </div>
    </details>
  );
}

/** What to set so that the file can be read. */
function Unreadable({ form, trans }: Props): JSX.Element | null {
  const { preview } = useModelState(form);
  if (!preview?.code) {
    return null;
  }
  const encoding = preview.details?.encoding;
  return (
    <Problem
      text={preview.message ?? ''}
      retry={
        typeof encoding === 'string'
          ? {
              label: trans.__('Read it as %1', encoding),
              run: () => form.setOption('encoding', encoding)
            }
          : undefined
      }
      testId="wb-load-problem"
    />
  );
}

/** The columns and the first rows. */
function Found({ form, trans }: Props): JSX.Element | null {
  const { preview, columns, reading } = useModelState(form);
  // Columns stay when the file can't be read: the type of one of them may be the reason.
  if (preview === null || columns.length === 0) {
    return reading ? <Busy text={trans.__('Reading the file…')} /> : null;
  }
  return (
    <section className="wb-Preview" aria-label={trans.__('Columns')} data-testid="wb-load-found">
      {reading && <Busy text={trans.__('Reading the file…')} />}
      <ColumnsGrid form={form} trans={trans} />
    </section>
  );
}

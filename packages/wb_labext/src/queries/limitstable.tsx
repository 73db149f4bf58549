import type { TranslationBundle } from '@jupyterlab/translation';
import { addIcon, deleteIcon, editIcon, userIcon, usersIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { LimitKind, LimitList, LimitView, LimitWork } from '../api/types';
import { Combobox } from '../ui/combobox';
import { IconButton } from '../ui/iconbutton';
import { connectionsIcon } from '../ui/icons';
import { Lookup } from '../ui/lookup';
import { Select } from '../ui/select';
import { useModelState } from '../ui/signal';
import { Mark } from '../ui/states';
import { offerUndo } from '../ui/undo';
import type { Subject } from './limitdraft';
import { LimitDraft } from './limitdraft';
import type { QueriesModel } from './model';
import type { Field } from './words';
import { FIELDS, fieldWords, subjectWords, unitWords, valueWords, WORKS, workWords } from './words';

export interface LimitsProps {
  model: QueriesModel;
  trans: TranslationBundle;
  fail: (error: unknown) => void;
  limits: LimitList;
}

/** All limits, which administrators can edit in place. */
export function LimitsTable(props: LimitsProps): JSX.Element {
  const { model, trans, limits, fail } = props;
  // The row being edited: `new`, or the key of an existing one.
  const [open, setOpen] = React.useState<string | null>(null);
  const close = (): void => setOpen(null);

  const remove = async (row: LimitView): Promise<void> => {
    try {
      await model.removeLimits(row);
    } catch (error) {
      fail(error);
      return;
    }
    const name = subjectWords(row, trans);
    offerUndo({
      trans,
      message: trans.__('The limits of “%1” were removed.', name),
      caption: trans.__('Restore the limits'),
      undo: () => model.setLimits(requestOf(row)),
      done: trans.__('The limits of “%1” were restored.', name),
      failed: error => model.message(error)
    });
  };

  return (
    <section className="wb-Queries-section" aria-label={trans.__('Limits')}>
      <header className="wb-Queries-head">
        <h2>{trans.__('Limits')}</h2>
        <span>
          {trans.__(
            'An empty limit is inherited: from the user’s groups, then everyone, then the service’s settings. Runs of pipelines have rows of their own.'
          )}
        </span>
        <span className="wb-Filters-space" />
        {model.mayChangeLimits && (
          <IconButton
            icon={addIcon}
            label={trans.__('Add limits')}
            testId="wb-limits-add"
            onClick={() => setOpen('new')}
          />
        )}
      </header>
      <table className="wb-Table wb-Limits" data-testid="wb-limits-list">
        <thead>
          <tr>
            <th scope="col">{trans.__('Applies to')}</th>
            <th scope="col">{trans.__('For')}</th>
            {FIELDS.map(field => (
              <th key={field} scope="col" className="wb-mod-number">
                {fieldWords(field, trans)}
              </th>
            ))}
            <th scope="col" aria-label={trans.__('Change')} />
          </tr>
        </thead>
        <tbody>
          {WORKS.map(work => (
            <tr key={work} data-testid="wb-limits-settings" data-work={work}>
              <td title={trans.__('Apply where no other limit is set')}>
                {trans.__('Service settings')}
              </td>
              <td>{workWords(work, trans)}</td>
              {FIELDS.map(field => (
                <td key={field} className="wb-mod-number">
                  {valueWords(
                    field,
                    (work === 'runs' ? limits.run_settings : limits.settings)[field],
                    trans
                  )}
                </td>
              ))}
              <td />
            </tr>
          ))}
          {limits.items.map(row =>
            open === keyOf(row) ? (
              <Editor key={keyOf(row)} {...props} row={row} onClose={close} />
            ) : (
              <tr
                key={keyOf(row)}
                data-testid="wb-limits-row"
                data-name={row.name ?? row.subject}
                data-work={row.work}
              >
                <td
                  title={trans.__('Set by %1 on %2', row.updated_by, row.updated_at.slice(0, 10))}
                >
                  {subjectWords(row, trans)}
                </td>
                <td>{workWords(row.work, trans)}</td>
                {FIELDS.map(field => (
                  <td key={field} className="wb-mod-number">
                    {valueWords(field, row[field], trans)}
                  </td>
                ))}
                <td className="wb-mod-nowrap">
                  {model.mayChangeLimits && (
                    <>
                      <IconButton
                        icon={editIcon}
                        label={trans.__('Change the limits of %1', subjectWords(row, trans))}
                        testId="wb-limits-edit"
                        onClick={() => setOpen(keyOf(row))}
                      />
                      <IconButton
                        icon={deleteIcon}
                        label={trans.__('Remove the limits of %1', subjectWords(row, trans))}
                        testId="wb-limits-remove"
                        onClick={() => void remove(row)}
                      />
                    </>
                  )}
                </td>
              </tr>
            )
          )}
          {open === 'new' && <Editor {...props} row={null} onClose={close} />}
        </tbody>
      </table>
    </section>
  );
}

function Editor(props: LimitsProps & { row: LimitView | null; onClose: () => void }): JSX.Element {
  const { model, trans, row, onClose } = props;
  const [draft] = React.useState(() => new LimitDraft(model, row, trans));
  const { typed, saving, work } = useModelState(draft);
  const { sentence } = draft;

  const save = async (): Promise<void> => {
    if (await draft.submit()) {
      onClose();
    }
  };

  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === 'Enter' && event.target instanceof HTMLInputElement) {
      event.preventDefault();
      void save();
    } else if (event.key === 'Escape') {
      event.preventDefault();
      onClose();
    }
  };

  return (
    <>
      <tr className="wb-Limits-editor" onKeyDown={onKeyDown} data-testid="wb-limits-editor">
        <td className={row ? undefined : 'wb-Limits-whose'}>
          {row ? subjectWords(row, trans) : <SubjectChoice {...props} draft={draft} />}
        </td>
        <td>
          {row ? (
            workWords(row.work, trans)
          ) : (
            <Select<LimitWork>
              value={work}
              label={trans.__('For')}
              options={WORKS.map(value => ({ value, label: workWords(value, trans) }))}
              onChange={next => draft.setWork(next)}
              testId="wb-limits-work"
            />
          )}
        </td>
        {FIELDS.map((field, index) => (
          <td key={field}>
            <NumberField
              field={field}
              value={typed[field]}
              autoFocus={row !== null && index === 0}
              trans={trans}
              onChange={text => draft.type(field, text)}
            />
          </td>
        ))}
        <td />
      </tr>
      <tr className="wb-Limits-buttons" onKeyDown={onKeyDown}>
        <td colSpan={FIELDS.length + 3}>
          <div>
            <span className="wb-Limits-problem" role="alert" data-testid="wb-limits-problem">
              {sentence && <Mark kind="error" />} {sentence}
            </span>
            <button type="button" className="jp-mod-styled jp-mod-reject" onClick={onClose}>
              {trans.__('Cancel')}
            </button>
            <button
              type="button"
              className="jp-mod-styled jp-mod-accept"
              disabled={saving}
              onClick={() => void save()}
              data-testid="wb-limits-save"
            >
              {trans.__('Save')}
            </button>
          </div>
        </td>
      </tr>
    </>
  );
}

function NumberField(props: {
  field: Field;
  value: string;
  autoFocus: boolean;
  trans: TranslationBundle;
  onChange: (text: string) => void;
}): JSX.Element {
  const { field, trans } = props;
  const unit = unitWords(field, trans);
  return (
    <span className="wb-Limits-number">
      <input
        className="jp-mod-styled"
        type="text"
        inputMode="decimal"
        autoComplete="off"
        autoFocus={props.autoFocus}
        aria-label={unit ? `${fieldWords(field, trans)}, ${unit}` : fieldWords(field, trans)}
        placeholder="–"
        value={props.value}
        onChange={event => props.onChange(event.target.value)}
        data-testid={`wb-limits-${field}`}
      />
      {unit}
    </span>
  );
}

function SubjectChoice(props: LimitsProps & { draft: LimitDraft }): JSX.Element {
  const { model, trans, draft } = props;
  const { kind, subject } = useModelState(draft);
  const lookup = React.useMemo(
    () =>
      new Lookup<Subject>(
        text => find(model, kind, text),
        error => model.message(error)
      ),
    [model, kind]
  );
  React.useEffect(() => () => lookup.dispose(), [lookup]);
  const icons = { user: userIcon, group: usersIcon, connection: connectionsIcon };
  return (
    <span className="wb-Limits-subject">
      <Select
        value={kind}
        label={trans.__('Kind')}
        options={[
          { value: 'user', label: trans.__('User') },
          { value: 'group', label: trans.__('Group') },
          { value: 'connection', label: trans.__('Connection') },
          { value: 'everyone', label: trans.__('Everyone') }
        ]}
        onChange={next => draft.setKind(next)}
        testId="wb-limits-kind"
      />
      {kind !== 'everyone' &&
        (subject ? (
          <button
            type="button"
            className="wb-LinkButton"
            title={trans.__('Choose another one')}
            onClick={() => draft.setSubject(null)}
          >
            {subject.label}
          </button>
        ) : (
          <Combobox
            lookup={lookup}
            id="wb-limits-subject"
            label={trans.__('Applies to')}
            placeholder={trans.__('Name')}
            keyOf={item => item.subject}
            nameOf={item => item.label}
            detailOf={() => ''}
            iconOf={() => icons[kind]}
            onChoose={next => draft.setSubject(next)}
            autoFocus
            trans={trans}
            testId="wb-limits-subject"
          />
        ))}
    </span>
  );
}

async function find(
  model: QueriesModel,
  kind: LimitKind,
  text: string
): Promise<{ items: Subject[]; more: boolean }> {
  if (kind === 'connection') {
    const words = text.trim().toLowerCase();
    const items = (await model.api.connections())
      .filter(connection => connection.name.includes(words))
      .map(connection => ({ kind, subject: connection.id, label: connection.name }));
    return { items: items.slice(0, 20), more: items.length > 20 };
  }
  const found = await model.api.people(text);
  const items = found.items
    .filter(person => person.kind === kind)
    .map(person => ({ kind, subject: person.name, label: person.name }));
  return { items, more: found.more };
}

function keyOf(row: LimitView): string {
  return `${row.work}/${row.kind}/${row.subject}`;
}

function requestOf(row: LimitView): Parameters<QueriesModel['setLimits']>[0] {
  const { work, kind, subject, concurrent, rows, bytes, seconds, temp_bytes } = row;
  return { work, kind, subject, concurrent, rows, bytes, seconds, temp_bytes };
}

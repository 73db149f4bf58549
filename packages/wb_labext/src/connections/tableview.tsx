import { Clipboard } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon, refreshIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { Fetched } from '../ui/fetched';
import { IconButton } from '../ui/iconbutton';
import { tableIcon } from '../ui/icons';
import { notify } from '../ui/notify';
import { useModelState } from '../ui/signal';
import { Notice } from '../ui/states';
import { ViewWidget } from '../ui/viewwidget';
import type { TableModel } from './tablemodel';
import { ValueRows, columnClass } from './valuerows';

interface Props {
  model: TableModel;
  trans: TranslationBundle;
}

/** A view of a table in the main area. */
export function tableWidget(props: Props): ViewWidget<TableModel> {
  return new ViewWidget({
    model: props.model,
    className: 'wb-TableView',
    icon: tableIcon,
    label: () => props.model.place.table,
    render: () => <TableView {...props} />
  });
}

function TableView(props: Props): JSX.Element {
  const { model, trans } = props;
  const { tab, count } = useModelState(model);
  const tabs = [
    { id: 'rows', label: trans.__('First rows') },
    { id: 'definition', label: trans.__('Keys and definition') }
  ] as const;
  return (
    <>
      <header className="wb-TableView-head">
        <h2 title={model.title}>{model.title}</h2>
        <div role="tablist" aria-label={trans.__('Table')} className="wb-TableView-tabs">
          {tabs.map(({ id, label }) => (
            <button
              key={id}
              type="button"
              role="tab"
              aria-selected={id === tab}
              className={id === tab ? 'wb-mod-selected' : ''}
              data-testid={`wb-table-tab-${id}`}
              onClick={() => model.show(id)}
            >
              {label}
            </button>
          ))}
        </div>
        <span role="status" data-testid="wb-table-count">
          {count === null ? (
            <button type="button" className="wb-LinkButton" onClick={() => void model.count()}>
              {trans.__('Count rows')}
            </button>
          ) : (
            trans._n('%2 row', '%2 rows', count, count.toLocaleString())
          )}
        </span>
        <IconButton
          icon={refreshIcon}
          label={trans.__('Refresh')}
          onClick={() => void model.refresh()}
        />
      </header>
      <Fetched
        model={model}
        name="table"
        loading={trans.__('Loading…')}
        failed={trans.__('Could not read the table')}
        trans={trans}
      >
        <div className="wb-TableView-body" tabIndex={0}>
          {tab === 'rows' ? <Rows {...props} /> : <Definition {...props} />}
        </div>
      </Fetched>
    </>
  );
}

function Rows(props: Props): JSX.Element | null {
  const { model, trans } = props;
  const { rows: found } = useModelState(model);
  if (!found) {
    return null;
  }
  return (
    <>
      <table className="wb-Table wb-TableView-rows" data-testid="wb-table-rows">
        <thead>
          <tr>
            {found.columns.map(({ name, type }, place) => (
              <th key={place} scope="col" className={columnClass(type)} title={type}>
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <ValueRows columns={found.columns} rows={found.rows} />
      </table>
      <p className="wb-TableView-note">
        {found.rows.length === 0
          ? trans.__('The table has no rows.')
          : found.more
            ? trans.__('The first %1 rows. Query the table to see more.', found.rows.length)
            : trans._n('All %1 row.', 'All %1 rows.', found.rows.length)}
      </p>
    </>
  );
}

function Definition(props: Props): JSX.Element | null {
  const { model, trans } = props;
  const { definition } = useModelState(model);
  if (!definition) {
    return null;
  }
  const { keys, ddl } = definition;
  if (!ddl) {
    return (
      <Notice kind="empty" text={trans.__('A view has no keys, and its text is not shown.')} />
    );
  }
  return (
    <>
      <h3>{trans.__('Keys, constraints and indexes')}</h3>
      {keys.length === 0 ? (
        <p className="wb-TableView-note">{trans.__('The source knows none.')}</p>
      ) : (
        <table className="wb-Table" data-testid="wb-table-keys">
          <tbody>
            {keys.map(({ name, definition: text }) => (
              <tr key={`${name} ${text}`}>
                <td>{name}</td>
                <td className="wb-mod-wide">
                  <code>{text}</code>
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <h3>
        {trans.__('Definition')}{' '}
        <IconButton
          icon={copyIcon}
          label={trans.__('Copy definition')}
          onClick={() => {
            Clipboard.copyToSystem(ddl);
            notify(trans, 'info', trans.__('Definition copied.'), { autoClose: 2_000 });
          }}
        />
      </h3>
      <pre className="wb-TableView-ddl" data-testid="wb-table-ddl">
        {ddl}
      </pre>
    </>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import { closeIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { OwnLimits as OwnLimitsView, RunningQuery } from '../api/types';
import { durationWords } from '../ui/durations';
import { Fetched } from '../ui/fetched';
import { IconButton } from '../ui/iconbutton';
import { queriesIcon } from '../ui/icons';
import { useModelState } from '../ui/signal';
import { sizeWords } from '../ui/sizes';
import { Spinner } from '../ui/states';
import { ViewWidget } from '../ui/viewwidget';
import { LimitsTable } from './limitstable';
import type { QueriesModel, QueriesState } from './model';
import { FIELDS, fieldWords, sourceWords, valueWords } from './words';

export interface QueriesProps {
  model: QueriesModel;
  trans: TranslationBundle;
  /** Shows an error. */
  fail: (error: unknown) => void;
  /** Shows the run of a pipeline. */
  openRun: (run: string) => void;
}

/** The view in the main area; the item in the status bar uses its model, too. */
export function queriesWidget(props: QueriesProps): ViewWidget<QueriesModel> {
  const { model, trans } = props;
  const label = trans.__('Running Queries');
  return new ViewWidget({
    model,
    className: 'wb-Queries',
    icon: queriesIcon,
    label: () => label,
    render: () => <QueriesView {...props} />,
    keepModel: true
  });
}

/** What is running now, the user's own limits, and everyone's for administrators. */
function QueriesView(props: QueriesProps): JSX.Element {
  const { model, trans } = props;
  const { limits } = useModelState(model);
  return (
    <div className="wb-Queries-scroll">
      <Fetched
        model={model}
        name="queries"
        loading={trans.__('Loading queries…')}
        failed={trans.__('Could not load queries')}
        trans={trans}
      >
        <Running {...props} />
        <OwnLimits {...props} />
        {limits && <LimitsTable {...props} limits={limits} />}
      </Fetched>
    </div>
  );
}

function Running(props: QueriesProps): JSX.Element {
  const { model, trans } = props;
  const state = useModelState(model);
  return (
    <section className="wb-Queries-section" aria-label={trans.__('Running queries')}>
      <header className="wb-Queries-head">
        <h2>{trans.__('Running queries')}</h2>
        {state.own && <span data-testid="wb-queries-count">{countWords(state, trans)}</span>}
        <span className="wb-Filters-space" />
        {model.maySeeAll && (
          <label className="wb-Filters-check">
            <input
              type="checkbox"
              className="jp-mod-styled"
              checked={state.everyones}
              onChange={event => model.showEveryones(event.target.checked)}
              data-testid="wb-queries-all"
            />
            {trans.__('All users')}
          </label>
        )}
      </header>
      {state.running.length === 0 ? (
        <p className="wb-Queries-none" data-testid="wb-queries-none">
          {trans.__('No queries are running.')}
        </p>
      ) : (
        <table className="wb-Table" data-testid="wb-queries-list">
          <thead>
            <tr>
              {state.everyones && <th scope="col">{trans.__('User')}</th>}
              <th scope="col">{trans.__('Connection')}</th>
              <th scope="col">{trans.__('State')}</th>
              <th scope="col" className="wb-mod-number">
                {trans.__('Elapsed')}
              </th>
              <th scope="col" className="wb-mod-number">
                {trans.__('Rows')}
              </th>
              <th scope="col" className="wb-mod-number">
                {trans.__('Size')}
              </th>
              <th scope="col" className="wb-mod-wide">
                {trans.__('Statement')}
              </th>
              <th scope="col" aria-label={trans.__('Stop')} />
            </tr>
          </thead>
          <tbody>
            {state.running.map(query => (
              <Line
                key={query.id}
                query={query}
                who={state.everyones}
                stopping={state.stopping.has(query.id)}
                {...props}
              />
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}

/** How many queries are running, and the limit: the user's, or everyone's if those are shown. */
function countWords(state: QueriesState, trans: TranslationBundle): string {
  const all = state.everyones ? state.limits : null;
  const running = all?.running ?? state.own?.running ?? 0;
  const most = all?.total ?? state.own?.concurrent.value ?? 0;
  const waiting = all?.waiting ?? state.own?.waiting ?? 0;
  return [
    trans.__('%1 of %2 running', running, most),
    waiting > 0 ? trans.__('%1 waiting', waiting) : '',
    all ? trans.__('across all users') : ''
  ]
    .filter(Boolean)
    .join(' · ');
}

function Line(
  props: QueriesProps & { query: RunningQuery; who: boolean; stopping: boolean }
): JSX.Element {
  const { query, model, trans, fail } = props;
  const run = query.run_id;
  const age = Date.now() - new Date(query.since).getTime();
  return (
    <tr data-testid="wb-queries-row" data-state={query.state}>
      {props.who && <td className="wb-mod-nowrap">{query.actor}</td>}
      <td className="wb-mod-nowrap">{query.connection || trans.__('connection test')}</td>
      <td className="wb-mod-nowrap">
        {query.state === 'waiting' ? trans.__('waiting') : trans.__('running')}
        {run !== null && (
          <>
            {' '}
            <button
              className="wb-LinkButton"
              data-testid="wb-queries-run"
              title={trans.__('Show the pipeline run')}
              onClick={() => props.openRun(run)}
            >
              {trans.__('in a pipeline')}
            </button>
          </>
        )}
      </td>
      <td className="wb-mod-number">{durationWords(Math.max(0, age), trans)}</td>
      <td className="wb-mod-number">{query.rows.toLocaleString()}</td>
      <td className="wb-mod-number">{query.bytes > 0 ? sizeWords(query.bytes) : ''}</td>
      <td className="wb-mod-wide" title={query.statement}>
        <code>{query.statement.replace(/\s+/g, ' ').trim()}</code>
      </td>
      <td>
        {props.stopping ? (
          <span role="status">
            <Spinner /> {trans.__('Stopping…')}
          </span>
        ) : (
          <IconButton
            icon={closeIcon}
            label={trans.__('Stop this query')}
            testId="wb-queries-stop"
            onClick={() => void model.cancel(query.id).catch(fail)}
          />
        )}
      </td>
    </tr>
  );
}

function OwnLimits(props: QueriesProps): JSX.Element | null {
  const { model, trans } = props;
  const { own } = useModelState(model);
  if (!own) {
    return null;
  }
  return (
    <section className="wb-Queries-section" aria-label={trans.__('My limits')}>
      <header className="wb-Queries-head">
        <h2>{trans.__('My limits')}</h2>
      </header>
      <dl className="wb-Queries-own" data-testid="wb-queries-own">
        <InForce limits={own} trans={trans} />
        {own.connections.map(connection => (
          <div key={`${connection.work}/${connection.connection_id}`} className="wb-Queries-limit">
            <dt>
              {connection.work === 'runs'
                ? trans.__('Connection %1, in pipeline runs', connection.connection)
                : trans.__('Connection %1', connection.connection)}
            </dt>
            <dd>
              {FIELDS.filter(field => connection[field] !== null)
                .map(
                  field =>
                    `${fieldWords(field, trans)}: ${valueWords(field, connection[field], trans)}`
                )
                .join(' · ')}
            </dd>
          </div>
        ))}
      </dl>
      <h3>{trans.__('In pipeline runs')}</h3>
      <dl className="wb-Queries-own" data-testid="wb-queries-own-runs">
        <InForce limits={own.runs} trans={trans} />
      </dl>
      <p className="wb-Queries-none">
        {trans.__(
          'A query over the limit waits up to %1 seconds. An administrator can change limits.',
          own.queue_wait
        )}
      </p>
    </section>
  );
}

/** The limits that a user has, with their sources. */
function InForce(props: { limits: OwnLimitsView['runs']; trans: TranslationBundle }): JSX.Element {
  const { limits, trans } = props;
  return (
    <>
      {FIELDS.map(field => (
        <div key={field} className="wb-Queries-limit">
          <dt>{fieldWords(field, trans)}</dt>
          <dd>
            {valueWords(field, limits[field].value, trans)}{' '}
            <span className="wb-Queries-source">{sourceWords(limits[field], trans)}</span>
          </dd>
        </div>
      ))}
    </>
  );
}

import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RunState, RunSummary } from '../api/types';
import { moveByKey } from '../ui/rowkeys';
import { Select } from '../ui/select';
import { useModelState } from '../ui/signal';
import { Notice, Spinner } from '../ui/states';
import type { RunListModel } from './listmodel';
import { StateIcon } from './stateicon';
import { RUN_STATES, elapsedWords, exactWords, stateWords, triggerWords } from './words';

export interface RunListProps {
  model: RunListModel;
  openRun: (id: string) => void;
  trans: TranslationBundle;
}

/** The runs of a pipeline, the newest first. */
export function RunListView(props: RunListProps): JSX.Element {
  const { model, trans } = props;
  const state = useModelState(model);
  const retry = { label: trans.__('Retry'), run: () => void model.refresh() };
  if (state.phase === 'loading') {
    return <Notice kind="loading" text={trans.__('Loading the runs…')} />;
  }
  if (state.phase === 'failed') {
    return (
      <Notice
        kind="failed"
        title={trans.__("The runs can't be shown")}
        text={state.error ?? ''}
        action={retry}
        testId="wb-runs-failed"
      />
    );
  }
  return (
    <>
      <div className="wb-Filters" role="search">
        <label className="wb-Filters-check" htmlFor="wb-runs-state">
          {trans.__('State')}
        </label>
        <Select<RunState | ''>
          id="wb-runs-state"
          value={state.filter ?? ''}
          options={[
            { value: '', label: trans.__('all') },
            ...RUN_STATES.map(value => ({ value, label: stateWords(value, trans) }))
          ]}
          onChange={value => model.setFilter(value || null)}
          testId="wb-runs-filter"
        />
      </div>
      {state.error && (
        <div className="wb-Banner wb-mod-failed" role="alert">
          <span className="wb-Banner-text">{state.error}</span>
          <button type="button" className="wb-LinkButton" onClick={retry.run}>
            {retry.label}
          </button>
        </div>
      )}
      {state.runs.length > 0 ? (
        <List {...props} />
      ) : state.busy ? (
        <Notice kind="loading" text={trans.__('Loading the runs…')} />
      ) : state.filter ? (
        <Notice
          kind="empty"
          text={trans.__('No run is in this state.')}
          action={{ label: trans.__('Show all'), run: () => model.setFilter(null) }}
          testId="wb-runs-nomatch"
        />
      ) : (
        <Notice
          kind="empty"
          title={trans.__('No runs yet')}
          text={trans.__(
            'Runs show up here by themselves: those by hand and those by the schedule.'
          )}
          testId="wb-runs-empty"
        />
      )}
    </>
  );
}

function List(props: RunListProps): JSX.Element {
  const { model, openRun, trans } = props;
  const state = useModelState(model);
  const active = state.runs.some(run => run.id === state.selected)
    ? state.selected
    : state.runs[0].id;
  return (
    <div className="wb-Activity-list">
      <table
        className="wb-Table wb-Grid"
        role="grid"
        aria-label={trans.__('Runs, newest first')}
        aria-busy={state.busy}
        data-testid="wb-runs-list"
        onKeyDown={event => {
          if (!moveByKey(event, 'tbody tr') && event.key === 'Enter' && active) {
            openRun(active);
          }
        }}
      >
        <thead>
          <tr>
            <th scope="col">{trans.__('Run')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col">{trans.__('Started')}</th>
            <th scope="col" className="wb-mod-number">
              {trans.__('Time')}
            </th>
            <th scope="col">{trans.__('Trigger')}</th>
            <th scope="col">{trans.__('For')}</th>
            <th scope="col" className="wb-mod-number">
              {trans.__('Version')}
            </th>
            <th scope="col" className="wb-mod-wide">
              {trans.__('Message')}
            </th>
          </tr>
        </thead>
        <tbody>
          {state.runs.map(run => (
            <Line
              key={run.id}
              run={run}
              active={run.id === active}
              selected={run.id === state.selected}
              {...props}
            />
          ))}
        </tbody>
      </table>
      <div className="wb-Activity-end" role="status">
        {state.busy && state.cursor ? (
          <>
            <Spinner /> {trans.__('Loading…')}
          </>
        ) : state.cursor ? (
          <button
            type="button"
            className="jp-mod-styled jp-mod-reject"
            onClick={() => void model.more()}
            data-testid="wb-runs-more"
          >
            {trans.__('Show more')}
          </button>
        ) : (
          trans.__('That is all.')
        )}
      </div>
    </div>
  );
}

function Line(
  props: RunListProps & { run: RunSummary; active: boolean; selected: boolean }
): JSX.Element {
  const { run, model, openRun, trans } = props;
  const began = run.started_at ?? run.created_at;
  const short = (moment: string): string =>
    new Date(moment).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' });
  return (
    <tr
      className={props.selected ? 'wb-mod-selected' : undefined}
      tabIndex={props.active ? 0 : -1}
      aria-selected={props.selected}
      data-testid="wb-runs-row"
      data-state={run.state}
      onFocus={() => model.select(run.id)}
      onDoubleClick={() => openRun(run.id)}
    >
      <td className="wb-mod-nowrap">
        <button
          type="button"
          className="wb-LinkButton"
          tabIndex={-1}
          onClick={() => openRun(run.id)}
        >
          {run.number}
        </button>
      </td>
      <td className="wb-mod-nowrap">
        <StateIcon state={run.state} /> {stateWords(run.state, trans)}
      </td>
      <td className="wb-mod-nowrap" title={exactWords(began)}>
        {short(began)}
      </td>
      <td className="wb-mod-number">{elapsedWords(run, Date.now(), trans)}</td>
      <td className="wb-mod-nowrap">{triggerWords(run, trans)}</td>
      <td className="wb-mod-nowrap" title={exactWords(run.logical_at)}>
        {run.trigger === 'schedule' ? short(run.logical_at) : ''}
      </td>
      <td className="wb-mod-number">{run.version}</td>
      <td className="wb-mod-wide" title={run.message}>
        {run.message}
      </td>
    </tr>
  );
}

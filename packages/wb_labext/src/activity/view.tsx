import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import { durationWords } from '../ui/durations';
import { moveByKey } from '../ui/rowkeys';
import { useModelState } from '../ui/signal';
import { Notice, Spinner } from '../ui/states';
import { Detail } from './detail';
import { FilterBar } from './filters';
import type { ActivityModel } from './model';
import type { ActivityRecord } from './records';
import { actionWords, outcomeWords, shownOf } from './records';

export interface ActivityProps {
  model: ActivityModel;
  trans: TranslationBundle;
  /** Puts a query into a notebook. */
  openQuery: (connection: string, statement: string) => void;
  copy: (text: string) => void;
}

/** The list of what one did, with its filters, and the selected line in full. */
export function ActivityView(props: ActivityProps): JSX.Element {
  const { model, trans } = props;
  const state = useModelState(model);
  const retry = { label: trans.__('Retry'), run: () => void model.refresh() };
  if (state.phase === 'loading') {
    return <Notice kind="loading" text={trans.__('Loading activity…')} />;
  }
  if (state.phase === 'failed') {
    return (
      <Notice
        kind="failed"
        title={trans.__("The activity can't be shown")}
        text={state.error ?? ''}
        action={retry}
        testId="wb-activity-failed"
      />
    );
  }
  return (
    <>
      <FilterBar model={model} trans={trans} />
      {state.error && (
        <div className="wb-Banner wb-mod-failed" role="alert">
          <span className="wb-Banner-text">{state.error}</span>
          <button type="button" className="wb-LinkButton" onClick={retry.run}>
            {retry.label}
          </button>
        </div>
      )}
      {state.records.length > 0 ? (
        <div className="wb-Activity-split">
          <List {...props} />
          <Detail {...props} />
        </div>
      ) : model.isFiltered ? (
        <Notice
          kind="empty"
          text={trans.__('Nothing matches these filters.')}
          action={{ label: trans.__('Clear filters'), run: () => model.clear() }}
          testId="wb-activity-nomatch"
        />
      ) : (
        <Notice
          kind="empty"
          title={trans.__('Nothing yet')}
          text={trans.__('What you query, test, change and share is listed here.')}
          testId="wb-activity-empty"
        />
      )}
    </>
  );
}

function List(props: ActivityProps): JSX.Element {
  const { model, trans } = props;
  const state = useModelState(model);
  const { everybodys } = state.filters;
  const active = state.selected ?? state.records[0]?.id;
  return (
    <div className="wb-Activity-list">
      <table
        className="wb-Table wb-Grid"
        role="grid"
        aria-label={trans.__('Activity, newest first')}
        aria-busy={state.busy}
        data-testid="wb-activity-list"
        onKeyDown={event => {
          moveByKey(event, 'tbody tr');
        }}
      >
        <thead>
          <tr>
            <th scope="col">{trans.__('When')}</th>
            {everybodys && <th scope="col">{trans.__('Who')}</th>}
            <th scope="col">{trans.__('What')}</th>
            <th scope="col">{trans.__('On')}</th>
            <th scope="col">{trans.__('Outcome')}</th>
            <th scope="col" className="wb-mod-wide">
              {trans.__('Statement')}
            </th>
            <th scope="col" className="wb-mod-number">
              {trans.__('Rows')}
            </th>
            <th scope="col" className="wb-mod-number">
              {trans.__('Time')}
            </th>
          </tr>
        </thead>
        <tbody>
          {state.records.map(record => (
            <Line
              key={record.id}
              record={record}
              whole={model.isWhole}
              names={state.names}
              who={everybodys}
              active={record.id === active}
              selected={record.id === state.selected}
              model={model}
              trans={trans}
            />
          ))}
        </tbody>
      </table>
      <div className="wb-Activity-end" role="status">
        {state.busy ? (
          <>
            <Spinner /> {trans.__('Loading…')}
          </>
        ) : state.cursor ? (
          <button
            type="button"
            className="jp-mod-styled jp-mod-reject"
            onClick={() => void model.more()}
            data-testid="wb-activity-more"
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

interface LineProps {
  record: ActivityRecord;
  whole: boolean;
  names: ReadonlyMap<string, string>;
  who: boolean;
  active: boolean;
  selected: boolean;
  model: ActivityModel;
  trans: TranslationBundle;
}

const Line = React.memo(function Line(props: LineProps): JSX.Element {
  const { record, model, trans } = props;
  const shown = shownOf(record, props.whole, props.names);
  const { ended } = record;
  return (
    <tr
      className={props.selected ? 'wb-mod-selected' : undefined}
      tabIndex={props.active ? 0 : -1}
      aria-selected={props.selected}
      data-testid="wb-activity-row"
      data-action={shown.action}
      data-outcome={shown.outcome ?? ''}
      onFocus={() => model.select(record.id)}
    >
      <td className="wb-mod-nowrap" title={shown.at.toLocaleString()}>
        {shown.at.toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'medium' })}
      </td>
      {props.who && <td className="wb-mod-nowrap">{shown.actor || trans.__('nobody')}</td>}
      <td className="wb-mod-nowrap">{actionWords(shown.action, trans)}</td>
      <td className="wb-mod-nowrap wb-mod-target" title={shown.target}>
        {shown.target}
      </td>
      <td className="wb-mod-nowrap">
        {shown.outcome && (
          <span className={`wb-Outcome wb-mod-${shown.outcome}`}>
            {outcomeWords(shown.outcome, trans)}
          </span>
        )}
      </td>
      <td className="wb-mod-wide">
        <code>{shown.statement?.replace(/\s+/g, ' ').trim() ?? ''}</code>
      </td>
      <td className="wb-mod-number">{ended?.rows?.toLocaleString() ?? ''}</td>
      <td className="wb-mod-number">{durationWords(ended?.duration_ms ?? null, trans)}</td>
    </tr>
  );
});

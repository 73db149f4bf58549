import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RunState, RunSummary } from '../api/types';
import { breakable } from '../ui/breakable';
import { momentWords } from '../ui/dates';
import { Fetched } from '../ui/fetched';
import { pipelinesIcon } from '../ui/icons';
import type { Column } from '../ui/pagedgrid';
import { PagedGrid } from '../ui/pagedgrid';
import { Select } from '../ui/select';
import { useModelState } from '../ui/signal';
import { Notice } from '../ui/states';
import { ViewWidget } from '../ui/viewwidget';
import type { RunListModel } from './listmodel';
import { StateIcon } from './stateicon';
import { RUN_STATES, elapsedWords, exactWords, stateWords, triggerWords } from './words';

export interface RunListProps {
  model: RunListModel;
  openRun: (id: string) => void;
  trans: TranslationBundle;
}

/** The view in the main area. */
export function runListWidget(props: RunListProps, name: string): ViewWidget<RunListModel> {
  const { model, trans } = props;
  return new ViewWidget({
    model,
    className: 'wb-RunList',
    icon: pipelinesIcon,
    label: () => {
      if (model.pipeline === null) {
        return trans.__('All Runs');
      }
      const known = model.state.pipeline?.name ?? name;
      return known ? trans.__('Runs of %1', known) : trans.__('Runs');
    },
    render: () => <RunListView {...props} />
  });
}

/** The runs of a pipeline or of all pipelines, the newest first. */
function RunListView(props: RunListProps): JSX.Element {
  const { model, trans } = props;
  const { filter } = useModelState(model);
  return (
    <Fetched
      model={model}
      name="runs"
      loading={trans.__('Loading runs…')}
      failed={trans.__('Could not load the runs')}
      trans={trans}
    >
      <div className="wb-Filters" role="search">
        <label className="wb-Filters-check" htmlFor="wb-runs-state">
          {trans.__('State')}
        </label>
        <Select<RunState | ''>
          id="wb-runs-state"
          value={filter ?? ''}
          options={[
            { value: '', label: trans.__('Any state') },
            ...RUN_STATES.map(value => ({ value, label: stateWords(value, trans) }))
          ]}
          onChange={value => model.setFilter(value || null)}
          testId="wb-runs-filter"
        />
      </div>
      <Runs {...props} />
    </Fetched>
  );
}

function Runs(props: RunListProps): JSX.Element {
  const { model, openRun, trans } = props;
  const { runs, filter, busy, selected, cursor } = useModelState(model);
  const all = model.pipeline === null;
  const columns = React.useMemo(() => columnsOf(openRun, all, trans), [openRun, all, trans]);
  if (runs.length > 0) {
    return (
      <PagedGrid
        name="runs"
        label={trans.__('Runs, newest first')}
        columns={columns}
        rows={runs}
        keyOf={run => run.id}
        dataOf={({ state }) => ({ state })}
        selected={selected}
        onSelect={id => model.select(id)}
        onOpen={openRun}
        busy={busy}
        more={cursor ? () => void model.more() : undefined}
        trans={trans}
      />
    );
  }
  if (busy) {
    return <Notice kind="loading" text={trans.__('Loading runs…')} />;
  }
  return filter ? (
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
      text={trans.__('Manual and scheduled runs appear here.')}
      testId="wb-runs-empty"
    />
  );
}

/** Whether a run is for another time than that of its start. */
function isForAnotherTime(run: RunSummary): boolean {
  const apart = new Date(run.created_at).getTime() - new Date(run.logical_at).getTime();
  return run.trigger === 'schedule' || Math.abs(apart) > 60_000;
}

function columnsOf(
  openRun: (id: string) => void,
  all: boolean,
  trans: TranslationBundle
): Column<RunSummary>[] {
  const short = (moment: string): string => momentWords(new Date(moment));
  const began = (run: RunSummary): string => run.started_at ?? run.created_at;
  const pipeline: Column<RunSummary> = {
    title: trans.__('Pipeline'),
    cell: run => breakable(run.pipeline),
    tooltip: run => run.pipeline,
    className: 'wb-mod-target'
  };
  return [
    ...(all ? [pipeline] : []),
    {
      title: trans.__('Run'),
      cell: ({ id, number }) => (
        <button type="button" className="wb-LinkButton" tabIndex={-1} onClick={() => openRun(id)}>
          {number}
        </button>
      )
    },
    {
      title: trans.__('State'),
      cell: ({ state }) => (
        <>
          <StateIcon state={state} /> {stateWords(state, trans)}
        </>
      )
    },
    {
      title: trans.__('Started'),
      kind: 'moment',
      cell: run => short(began(run)),
      tooltip: run => exactWords(began(run))
    },
    {
      title: trans.__('Duration'),
      kind: 'number',
      cell: run => elapsedWords(run, Date.now(), trans)
    },
    { title: trans.__('Trigger'), cell: run => triggerWords(run, trans) },
    {
      title: trans.__('Run for'),
      kind: 'moment',
      cell: run => (isForAnotherTime(run) ? short(run.logical_at) : ''),
      tooltip: run => exactWords(run.logical_at)
    },
    { title: trans.__('Version'), kind: 'number', cell: run => run.version },
    {
      title: trans.__('Message'),
      kind: 'wide',
      cell: run => run.message,
      tooltip: run => run.message
    }
  ];
}

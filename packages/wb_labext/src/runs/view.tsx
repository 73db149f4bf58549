import type { TranslationBundle } from '@jupyterlab/translation';
import { listIcon, refreshIcon, stopIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { RunDetail } from '../api/types';
import { Fetched } from '../ui/fetched';
import { ToolButton } from '../ui/iconbutton';
import { pipelinesIcon } from '../ui/icons';
import { useModelState } from '../ui/signal';
import { Mark } from '../ui/states';
import { ViewWidget } from '../ui/viewwidget';
import { GraphView } from './graphview';
import type { RunModel } from './model';
import { StateIcon } from './stateicon';
import type { RunTools } from './taskdetail';
import { TaskDetail } from './taskdetail';
import { TimelineView } from './timelineview';
import { elapsedWords, exactWords, hasEnded, stateWords, triggerWords, valueText } from './words';

export interface RunActions extends RunTools {
  /** Asks for confirmation, then cancels the run. */
  cancel: () => void;
  /** Asks for confirmation if needed, then reruns all of it, or what failed. */
  rerun: (what: 'all' | 'failed') => void;
  /** Shows the runs of the pipeline. */
  openList: () => void;
  openRun: (id: string) => void;
}

export interface RunProps {
  model: RunModel;
  actions: RunActions;
  trans: TranslationBundle;
}

/** The view in the main area. */
export function runWidget(props: RunProps, label: string): ViewWidget<RunModel> {
  const { model, trans } = props;
  return new ViewWidget({
    model,
    className: 'wb-RunWidget',
    icon: pipelinesIcon,
    label: () => {
      const { run } = model.state;
      return run ? trans.__('%1, run %2', run.pipeline, run.number) : label;
    },
    render: () => <RunView {...props} />
  });
}

/** One run: its state, its tasks as a graph and a timeline, and the selected task. */
function RunView(props: RunProps): JSX.Element {
  const { model, actions, trans } = props;
  const { run } = useModelState(model);
  return (
    <Fetched
      model={model}
      name="run"
      loading={trans.__('Loading run…')}
      failed={trans.__('Could not load the run')}
      trans={trans}
    >
      {run && (
        <div className="wb-Run" data-testid="wb-run" data-state={run.state} data-run={run.id}>
          <Head {...props} run={run} />
          <div className="wb-Run-split">
            <div className="wb-Run-tasks">
              {run.tasks.length > 1 && <GraphView model={model} tasks={run.tasks} trans={trans} />}
              <TimelineView model={model} run={run} trans={trans} />
            </div>
            <TaskDetail model={model} run={run} tools={actions} trans={trans} />
          </div>
        </div>
      )}
    </Fetched>
  );
}

function Head(props: RunProps & { run: RunDetail }): JSX.Element {
  const { run, model, actions, trans } = props;
  const { now, busy } = useModelState(model);
  const parameters = Object.entries(run.parameters);
  const failed = run.tasks.some(task => ['failed', 'cancelled', 'skipped'].includes(task.state));
  return (
    <header className="wb-Run-head">
      <div className="wb-Run-title">
        <StateIcon state={run.state} />
        <h2>{trans.__('%1, run %2', run.pipeline, run.number)}</h2>
        <span className="wb-Run-state" role="status" data-testid="wb-run-state">
          {stateWords(run.state, trans)}
        </span>
        <span className="wb-Run-buttons">
          {run.actions.includes('cancel') && !hasEnded(run.state) && (
            <ToolButton
              icon={stopIcon}
              label={trans.__('Cancel')}
              disabled={busy}
              testId="wb-run-cancel"
              onClick={actions.cancel}
            />
          )}
          {run.actions.includes('rerun') && failed && (
            <ToolButton
              icon={refreshIcon}
              label={trans.__('Rerun failed')}
              title={trans.__('Run the tasks that did not succeed; keep the results of the others')}
              disabled={busy}
              testId="wb-run-fromfailed"
              onClick={() => actions.rerun('failed')}
            />
          )}
          {run.actions.includes('rerun') && (
            <ToolButton
              icon={refreshIcon}
              label={trans.__('Rerun all')}
              disabled={busy}
              testId="wb-run-again"
              onClick={() => actions.rerun('all')}
            />
          )}
          <ToolButton
            icon={listIcon}
            label={trans.__('All runs')}
            testId="wb-run-list"
            onClick={actions.openList}
          />
        </span>
      </div>
      <dl className="wb-Run-facts">
        <Fact name={run.started_at ? trans.__('Started') : trans.__('Requested')}>
          {exactWords(run.started_at ?? run.created_at)} {triggerWords(run, trans)}
        </Fact>
        {run.started_at && (
          <Fact name={trans.__('Duration')}>
            {elapsedWords(run, now, trans)}
            {run.finished_at ? '' : ` ${trans.__('so far')}`}
          </Fact>
        )}
        {run.trigger === 'schedule' && (
          <Fact name={trans.__('Scheduled for')}>{exactWords(run.logical_at)}</Fact>
        )}
        {run.run_date && <Fact name={trans.__('Run date')}>{run.run_date}</Fact>}
        <Fact name={trans.__('Version')}>{run.version}</Fact>
        <Fact name={trans.__('Runs as')}>{run.run_as.replace(/^\w+:/, '')}</Fact>
        {run.rerun_of && (
          <Fact name={trans.__('Rerun of')}>
            <button
              type="button"
              className="wb-LinkButton"
              onClick={() => actions.openRun(run.rerun_of ?? '')}
            >
              {trans.__('an earlier run')}
            </button>
          </Fact>
        )}
        {parameters.map(([name, value]) => (
          <Fact key={name} name={name} parameter>
            <code>{valueText(value)}</code>
          </Fact>
        ))}
      </dl>
      <Reasons run={run} model={model} trans={trans} />
      {run.state === 'queued' && (
        <div className="wb-Banner" data-testid="wb-run-queued">
          {trans.__('It starts when the earlier run of this pipeline has ended.')}
        </div>
      )}
      {run.cancelled_by && (
        <div className="wb-Banner">{trans.__('Cancelled by %1.', run.cancelled_by)}</div>
      )}
    </header>
  );
}

/** Why a run failed or was skipped: each failed task with its message, or the run's own message. */
function Reasons(props: {
  run: RunDetail;
  model: RunModel;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { run, model, trans } = props;
  const failed = run.tasks.filter(task => task.state === 'failed');
  if (!run.message && failed.length === 0) {
    return null;
  }
  return (
    <div
      className={`wb-Banner${run.state === 'failed' ? ' wb-mod-failed' : ''}`}
      data-testid="wb-run-message"
    >
      {run.state === 'failed' && <Mark kind="error" />}
      {failed.length === 0 ? (
        <span className="wb-Banner-text">{run.message}</span>
      ) : (
        <ul className="wb-Banner-text wb-Run-failed">
          {failed.map(({ task, message }) => (
            <li key={task} title={message}>
              <button
                type="button"
                className="wb-LinkButton"
                title={trans.__('Show this task')}
                data-testid="wb-run-failed"
                onClick={() => model.select(task)}
              >
                {task}
              </button>
              {message && `: ${message}`}
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

function Fact(props: {
  name: string;
  parameter?: boolean;
  children: React.ReactNode;
}): JSX.Element {
  return (
    <div
      className={props.parameter ? 'wb-mod-parameter' : undefined}
      data-testid={props.parameter ? 'wb-run-parameter' : undefined}
      data-name={props.parameter ? props.name : undefined}
    >
      <dt>{props.name}</dt>
      <dd>{props.children}</dd>
    </div>
  );
}

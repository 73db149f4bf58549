/** The selected task: its attempts, its log and its results. */
import type { TranslationBundle } from '@jupyterlab/translation';
import { downloadIcon, notebookIcon, refreshIcon } from '@jupyterlab/ui-components';
import React from 'react';

import type { Attempt, RunDetail, TableUse, TaskRun } from '../api/types';
import { ToolButton } from '../ui/iconbutton';
import { Select } from '../ui/select';
import { useModelState } from '../ui/signal';
import { sizeWords } from '../ui/sizes';
import { Mark } from '../ui/states';
import { LogView } from './logview';
import type { RunModel } from './model';
import { StateIcon } from './stateicon';
import { elapsedWords, exactWords, hasEnded, stateWords, taskWords, valueText } from './words';

export interface RunTools {
  /** Shows the executed notebook of an attempt. */
  openNotebook: (task: TaskRun, attempt: Attempt) => void;
  /** Asks for confirmation, then reruns one task. */
  rerunTask: (task: TaskRun) => void;
}

interface DetailProps {
  model: RunModel;
  run: RunDetail;
  tools: RunTools;
  trans: TranslationBundle;
}

export function TaskDetail(props: DetailProps): JSX.Element {
  const { model, run, tools, trans } = props;
  const { now, busy } = useModelState(model);
  const { task, attempt } = model;
  if (!task) {
    return (
      <section className="wb-Run-detail" aria-label={trans.__('Task')}>
        <p className="wb-Run-none">{trans.__('Select a task to see its details.')}</p>
      </section>
    );
  }
  const failure = task.waiting ?? (attempt?.message || task.message);
  const bad = !task.waiting && ['failed', 'lost'].includes(attempt?.state ?? task.state);
  return (
    <section
      className="wb-Run-detail"
      aria-label={trans.__('Task %1', task.task)}
      data-testid="wb-task-detail"
      onPointerDown={() => model.keep()}
      onKeyDown={() => model.keep()}
      data-task={task.task}
      data-state={task.state}
    >
      <header className="wb-Run-detailHead">
        <h3>
          <StateIcon state={task.state} />
          <span className="wb-Run-taskName">{task.task}</span>
        </h3>
        <span className="wb-Run-muted">
          {[
            task.type,
            taskWords(task, now, trans),
            attempt ? elapsedWords(attempt, now, trans) : ''
          ]
            .filter(Boolean)
            .join(' · ')}
        </span>
        <Progress task={task} />
      </header>
      {failure && (
        <div
          className={`wb-Banner${bad ? ' wb-mod-failed' : ''}`}
          role={bad ? 'alert' : undefined}
          data-testid="wb-task-message"
        >
          {bad && <Mark kind="error" />}
          <span className="wb-Banner-text">
            {task.waiting
              ? trans.__('%1 The task waits, and goes on by itself.', task.waiting)
              : failure}
          </span>
        </div>
      )}
      <div className="wb-Run-tools">
        {task.attempts.length > 1 && attempt && (
          <Select
            value={attempt.id}
            label={trans.__('Attempt')}
            options={task.attempts.map(item => ({
              value: item.id,
              label: trans.__('Attempt %1: %2', item.number, stateWords(item.state, trans))
            }))}
            onChange={id => model.selectAttempt(id)}
            testId="wb-task-attempts"
          />
        )}
        {attempt?.has_notebook && (
          <ToolButton
            icon={notebookIcon}
            label={trans.__('Executed notebook')}
            testId="wb-task-notebook"
            onClick={() => tools.openNotebook(task, attempt)}
          />
        )}
        {run.actions.includes('rerun') && hasEnded(task.state) && (
          <ToolButton
            icon={refreshIcon}
            label={trans.__('Rerun this task')}
            disabled={busy}
            testId="wb-task-rerun"
            onClick={() => tools.rerunTask(task)}
          />
        )}
      </div>
      <Made {...props} task={task} />
      <h4 className="wb-Section-title">
        {attempt
          ? trans.__(
              'Log of attempt %1, started %2',
              attempt.number,
              exactWords(attempt.started_at)
            )
          : trans.__('Log')}
      </h4>
      <LogView
        log={model.log}
        taken={task.state === 'succeeded' && task.attempts.length === 0}
        trans={trans}
      />
    </section>
  );
}

/** A task's progress, if it reports any. */
function Progress(props: { task: TaskRun }): JSX.Element | null {
  const progress = props.task.attempts.at(-1)?.progress;
  const [done, total] = [Number(progress?.done), Number(progress?.total)];
  return props.task.state === 'running' && total > 0 ? (
    <progress className="wb-Progress" value={done} max={total} data-testid="wb-task-progress" />
  ) : null;
}

/** Outputs, artifacts and tables. */
function Made(props: DetailProps & { task: TaskRun }): JSX.Element {
  const { task, run, model, trans } = props;
  const outputs = Object.entries(task.outputs);
  const read = task.tables.filter(table => table.direction === 'read');
  const written = task.tables.filter(table => table.direction === 'written');
  return (
    <>
      {outputs.length > 0 && (
        <section aria-label={trans.__('Outputs')}>
          <h4 className="wb-Section-title">{trans.__('Outputs')}</h4>
          <dl className="wb-Facts" data-testid="wb-task-outputs">
            {outputs.map(([name, value]) => (
              <div key={name}>
                <dt>{name}</dt>
                <dd>
                  <code>{valueText(value)}</code>
                </dd>
              </div>
            ))}
          </dl>
        </section>
      )}
      {task.artifacts.length > 0 && (
        <section aria-label={trans.__('Artifacts')}>
          <h4 className="wb-Section-title">{trans.__('Artifacts')}</h4>
          <ul className="wb-People" data-testid="wb-task-artifacts">
            {task.artifacts.map(artifact => (
              <li key={artifact.name} className="wb-Person">
                <downloadIcon.react tag="span" className="wb-Person-icon" />
                <a
                  href={model.api.artifactUrl(run.id, task.task, artifact.name)}
                  download={artifact.name}
                  title={trans.__('Download %1', artifact.name)}
                >
                  {artifact.name}
                </a>
                <span className="wb-Person-detail">
                  {artifact.media_type} · {sizeWords(artifact.size)}
                </span>
              </li>
            ))}
          </ul>
        </section>
      )}
      <Tables {...props} title={trans.__('Tables read')} tables={read} />
      <Tables {...props} title={trans.__('Tables written')} tables={written} />
    </>
  );
}

function Tables(
  props: DetailProps & { title: string; tables: readonly TableUse[] }
): JSX.Element | null {
  const { title, tables, model, trans } = props;
  const { connections } = useModelState(model);
  return tables.length > 0 ? (
    <section aria-label={title}>
      <h4 className="wb-Section-title">{title}</h4>
      <ul className="wb-Run-tables">
        {tables.map(table => {
          const name = [table.schema, table.table].filter(Boolean).join('.');
          const connection =
            connections.get(table.connection_id) ?? trans.__('an unknown connection');
          return (
            <li key={`${table.connection_id} ${name}`} data-testid="wb-task-table">
              <code>{name}</code>{' '}
              <span className="wb-Run-muted">
                {trans.__('in %1', connection)}
                {table.columns.length > 0 && `: ${table.columns.join(', ')}`}
              </span>
            </li>
          );
        })}
      </ul>
    </section>
  ) : null;
}

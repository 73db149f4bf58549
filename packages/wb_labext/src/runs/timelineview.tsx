import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { RunDetail, TaskRun } from '../api/types';
import { breakable } from '../ui/breakable';
import { durationWords } from '../ui/durations';
import { moveByKey } from '../ui/rowkeys';
import { useModelState } from '../ui/signal';
import type { RunModel } from './model';
import { StateIcon } from './stateicon';
import type { Span } from './timeline';
import { barsOf, spanOf, ticksOf } from './timeline';
import { elapsedWords, stateWords, taskWords } from './words';

/** When each task ran, with a bar for each attempt. */
export function TimelineView(props: {
  model: RunModel;
  run: RunDetail;
  trans: TranslationBundle;
}): JSX.Element {
  const { model, run, trans } = props;
  const { task: shown, now } = useModelState(model);
  const span = spanOf(run, now);
  const whole = span.end - span.start;
  return (
    <div className="wb-Timeline">
      <table
        className="wb-Table wb-Grid"
        role="grid"
        aria-label={trans.__('Timeline of the tasks')}
        data-testid="wb-run-tasks"
        onKeyDown={event => {
          moveByKey(event, 'tbody tr');
        }}
      >
        <thead>
          <tr>
            <th scope="col">{trans.__('Task')}</th>
            <th scope="col">{trans.__('State')}</th>
            <th scope="col" className="wb-mod-number">
              {trans.__('Duration')}
            </th>
            <th scope="col" className="wb-Timeline-axis" aria-label={trans.__('Timeline')}>
              <div className="wb-Timeline-track">
                {ticksOf(span).map(at => (
                  <span
                    key={at}
                    className="wb-Timeline-tick"
                    style={{ left: `${((at * 1000) / whole) * 100}%` }}
                  >
                    {at === 0 ? '0' : durationWords(at * 1000, trans).replace(/\.0| 0 s/, '')}
                  </span>
                ))}
              </div>
            </th>
          </tr>
        </thead>
        <tbody>
          {run.tasks.map(task => (
            <tr
              key={task.task}
              className={task.task === shown ? 'wb-mod-selected' : undefined}
              tabIndex={task.task === shown ? 0 : -1}
              aria-selected={task.task === shown}
              data-testid="wb-run-task"
              data-task={task.task}
              data-state={task.state}
              onFocus={() => {
                if (task.task !== shown) {
                  model.select(task.task);
                }
              }}
            >
              <td className="wb-Timeline-name" title={task.task}>
                <div>
                  <StateIcon state={task.state} />
                  <span>{breakable(task.task)}</span>
                </div>
              </td>
              <td className="wb-Timeline-state" title={task.message || undefined}>
                {taskWords(task, now, trans)}
              </td>
              <td className="wb-mod-number">{elapsedWords(task, now, trans)}</td>
              <td className="wb-Timeline-cell">
                <Bars task={task} span={span} now={now} trans={trans} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Bars(props: {
  task: TaskRun;
  span: Span;
  now: number;
  trans: TranslationBundle;
}): JSX.Element {
  const { task, span, now, trans } = props;
  return (
    <div className="wb-Timeline-track">
      {barsOf(task, span, now).map(bar => (
        <span
          key={bar.attempt}
          className={`wb-Timeline-bar wb-mod-${bar.state}`}
          style={{ left: `${bar.left}%`, width: `${bar.width}%` }}
          title={trans.__('Attempt %1: %2', bar.number, stateWords(bar.state, trans))}
        />
      ))}
    </div>
  );
}

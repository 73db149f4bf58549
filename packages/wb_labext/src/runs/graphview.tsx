import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { TaskRun } from '../api/types';
import { useModelState } from '../ui/signal';
import { NODE, layout } from './layout';
import type { RunModel } from './model';
import { StateIcon } from './stateicon';
import { elapsedWords, taskWords } from './words';

/** The tasks and what each needs, in the states that they are in now. */
export function GraphView(props: {
  model: RunModel;
  tasks: readonly TaskRun[];
  trans: TranslationBundle;
}): JSX.Element {
  const { model, tasks, trans } = props;
  const { task: shown, now } = useModelState(model);
  // A run's tasks are the same from its start to its end; only their states change.
  const shape = JSON.stringify(tasks.map(({ task, needs }) => ({ task, needs })));
  const graph = React.useMemo(
    () => layout(JSON.parse(shape) as { task: string; needs: string[] }[]),
    [shape]
  );
  const byName = new Map(tasks.map(task => [task.task, task]));
  return (
    <div
      className="wb-Graph"
      role="group"
      aria-label={trans.__('Graph of the tasks')}
      data-testid="wb-run-graph"
    >
      <div className="wb-Graph-inner" style={{ width: graph.width, height: graph.height }}>
        <svg width={graph.width} height={graph.height} aria-hidden="true">
          <defs>
            <marker
              id="wb-arrow"
              viewBox="0 0 8 8"
              refX="8"
              refY="4"
              markerUnits="userSpaceOnUse"
              markerWidth="8"
              markerHeight="8"
              orient="auto"
            >
              <path className="wb-Graph-arrow" d="M0 0 8 4 0 8z" />
            </marker>
          </defs>
          {graph.edges.map(edge => (
            <path
              key={`${edge.from} ${edge.to}`}
              className={`wb-Graph-edge${
                shown === edge.from || shown === edge.to ? ' wb-mod-near' : ''
              }`}
              d={edge.path}
              markerEnd="url(#wb-arrow)"
            />
          ))}
        </svg>
        {graph.nodes.map(node => {
          const task = byName.get(node.task);
          return (
            task && (
              <button
                key={node.task}
                type="button"
                className={`wb-Graph-node wb-mod-${task.state}${
                  shown === node.task ? ' wb-mod-selected' : ''
                }`}
                style={{ left: node.x, top: node.y, width: NODE.width, height: NODE.height }}
                aria-pressed={shown === node.task}
                aria-label={`${node.task}, ${taskWords(task, now, trans)}`}
                title={`${node.task}\n${taskWords(task, now, trans)}`}
                data-testid="wb-graph-node"
                data-task={node.task}
                data-state={task.state}
                onClick={() => model.select(node.task)}
              >
                <StateIcon state={task.state} />
                <span className="wb-Graph-words">
                  <span className="wb-Graph-name">{node.task}</span>
                  <span className="wb-Graph-detail">
                    {[task.type, elapsedWords(task, now, trans)].filter(Boolean).join(' · ')}
                  </span>
                </span>
              </button>
            )
          );
        })}
      </div>
    </div>
  );
}

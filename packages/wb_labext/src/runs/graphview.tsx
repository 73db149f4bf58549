import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { TaskRun } from '../api/types';
import { useModelState } from '../ui/signal';
import { NODE, SMALLEST, layout, scaleToFit } from './layout';
import type { RunModel } from './model';
import { StateIcon } from './stateicon';
import { elapsedWords, taskWords } from './words';

/** Down to this scale the names of tasks are legible, so the whole graph is shown by default. */
const LEGIBLE = 0.7;

/** The tasks and their dependencies, in their current states. */
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
  // Two runs may be open, and an arrow defined in a hidden one isn't drawn.
  const arrow = React.useId();
  const frame = React.useRef<HTMLDivElement>(null);
  const box = useSize(frame);
  const [chosen, choose] = React.useState<'whole' | 'actual'>();
  const fit = box ? scaleToFit(graph, box) : 1;
  const whole = fit < 1 && (chosen ? chosen === 'whole' : fit >= LEGIBLE);
  const scale = whole ? fit : 1;
  const top = whole && box ? Math.max(0, (box.height - graph.height * scale) / 2) : 0;
  React.useEffect(() => {
    frame.current
      ?.querySelector('[aria-pressed="true"]')
      ?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [shown, whole]);
  return (
    <div
      className="wb-Graph"
      role="group"
      aria-label={trans.__('Task graph')}
      data-testid="wb-run-graph"
      data-scale={scale}
    >
      {fit < 1 && (
        <button
          type="button"
          className="wb-ToolButton wb-Graph-fit"
          data-testid="wb-graph-fit"
          onClick={() => choose(whole ? 'actual' : 'whole')}
        >
          {whole ? trans.__('Actual size') : trans.__('Fit to view')}
        </button>
      )}
      <div
        className={`wb-Graph-scroll${whole && fit > SMALLEST ? ' wb-mod-whole' : ''}`}
        ref={frame}
      >
        <div
          className="wb-Graph-inner"
          style={{
            width: graph.width,
            height: graph.height,
            transform: whole ? `translateY(${top}px) scale(${scale})` : undefined
          }}
        >
          <svg width={graph.width} height={graph.height} aria-hidden="true">
            <defs>
              <marker
                id={arrow}
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
                markerEnd={`url(#${arrow})`}
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
    </div>
  );
}

/** The current size of an element; undefined until it is mounted. */
function useSize(
  element: React.RefObject<HTMLElement>
): { width: number; height: number } | undefined {
  const [size, setSize] = React.useState<{ width: number; height: number }>();
  React.useLayoutEffect(() => {
    const node = element.current;
    if (!node) {
      return;
    }
    // Without its scroll bars: they come and go with the scale that this determines.
    const note = (): void => setSize({ width: node.offsetWidth, height: node.offsetHeight });
    const observer = new ResizeObserver(note);
    observer.observe(node);
    note();
    return () => observer.disconnect();
  }, [element]);
  return size;
}

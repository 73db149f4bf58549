/** The rows of the panel, and their keyboard navigation. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';

import type { PipelineView } from '../api/types';
import { StateIcon } from '../runs/stateicon';
import { stateWords } from '../runs/words';
import { heldWords, ownerWords } from '../sharing/words';
import { breakable } from '../ui/breakable';
import { RowButtons } from '../ui/rowbuttons';
import { moveByKey } from '../ui/rowkeys';
import { useModelState } from '../ui/signal';
import { Mark } from '../ui/states';
import { CommandIDs } from './commandids';
import type { PipelinesModel } from './model';
import {
  approvalWords,
  lastRunWords,
  nextFireWords,
  refusalWords,
  timesWords,
  waitsForApproval
} from './words';

export interface ListProps {
  model: PipelinesModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

/** The class of rows that the context menu opens on. */
export const ROW_CLASS = 'wb-PipelineRow';

const AGES_AGAIN = 30_000;

export function PipelineList(props: ListProps): JSX.Element {
  const { model, commands, trans } = props;
  const state = useModelState(model);
  const rows = model.found;
  const active = rows.some(row => row.id === state.active) ? state.active : rows[0].id;
  const [, setTurn] = React.useState(0);
  // “5 minutes ago” goes out of date.
  React.useEffect(() => {
    const timer = setInterval(() => setTurn(turn => turn + 1), AGES_AGAIN);
    return () => clearInterval(timer);
  }, []);

  const onKeyDown = (event: React.KeyboardEvent<HTMLElement>): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || moveByKey(event, '[role="treeitem"]')) {
      return;
    }
    const onRow = (event.target as HTMLElement).getAttribute('role') === 'treeitem';
    const command = {
      Enter: CommandIDs.lastRun,
      ' ': CommandIDs.lastRun,
      F2: CommandIDs.edit,
      Delete: CommandIDs.delete
    }[event.key];
    if (command && onRow) {
      event.preventDefault();
      event.stopPropagation();
      if (commands.isEnabled(command)) {
        void commands.execute(command);
      }
    }
  };

  return (
    <div
      className="wb-Tree"
      role="tree"
      aria-label={trans.__('Pipelines')}
      data-testid="wb-pipelines-list"
      onKeyDown={onKeyDown}
    >
      {rows.map(pipeline => (
        <Row
          key={pipeline.id}
          {...props}
          pipeline={pipeline}
          active={pipeline.id === active}
          selected={pipeline.id === state.active}
        />
      ))}
    </div>
  );
}

interface RowProps extends ListProps {
  pipeline: PipelineView;
  active: boolean;
  selected: boolean;
}

function Row(props: RowProps): JSX.Element {
  const { pipeline, active, model, commands, trans } = props;
  const { name, last_run: run } = pipeline;
  const args = { pipeline: pipeline.id };
  const waits = waitsForApproval(pipeline);
  const refusal = refusalWords(pipeline, trans);
  const second = lastRunWords(pipeline, trans);
  const held = heldWords(pipeline, trans);
  const third = [nextFireWords(pipeline, trans), ownerWords(pipeline.owner, trans), held]
    .filter(Boolean)
    .join(' · ');
  const buttons = [
    { command: CommandIDs.run, label: trans.__('Run %1…', name), testId: 'wb-pipeline-run' },
    { command: CommandIDs.runs, label: trans.__('Runs of %1', name), testId: 'wb-pipeline-runs' },
    { command: CommandIDs.edit, label: trans.__('Edit %1', name), testId: 'wb-pipeline-edit' },
    {
      command: CommandIDs.versions,
      label: trans.__('Versions of %1…', name),
      testId: 'wb-pipeline-versions'
    }
  ];
  return (
    <div
      role="treeitem"
      className={`wb-TreeRow wb-mod-two ${ROW_CLASS}${props.selected ? ' wb-mod-selected' : ''}`}
      style={{ '--wb-level': 0 } as React.CSSProperties}
      tabIndex={active ? 0 : -1}
      aria-level={1}
      aria-selected={props.selected}
      aria-label={[
        name,
        second,
        third,
        waits ? approvalWords(pipeline, trans) : '',
        refusal,
        ...pipeline.labels
      ]
        .filter(Boolean)
        .join(', ')}
      data-testid="wb-pipeline-row"
      data-name={name}
      data-state={run?.state ?? 'none'}
      onFocus={() => model.select(pipeline.id)}
      onContextMenu={() => model.select(pipeline.id)}
      onDoubleClick={event => {
        if (!(event.target as HTMLElement).closest('button')) {
          void commands.execute(CommandIDs.lastRun, args);
        }
      }}
    >
      <div className="wb-Row-line">
        <StateIcon
          state={run?.state ?? 'waiting'}
          label={run ? stateWords(run.state, trans) : trans.__('Not run yet')}
        />
        <span className="wb-Row-label" title={pipeline.description || undefined}>
          {breakable(name)}
        </span>
      </div>
      <div className="wb-Row-second" title={timesWords(pipeline, trans)}>
        {run ? (
          <button
            type="button"
            className="wb-LinkButton wb-mod-quiet"
            tabIndex={active ? 0 : -1}
            data-testid="wb-pipeline-last"
            onClick={() => void commands.execute(CommandIDs.lastRun, args)}
          >
            {second}
          </button>
        ) : (
          second
        )}
      </div>
      <div
        className="wb-Row-second wb-Row-owner"
        title={`${third}\n${timesWords(pipeline, trans)}`}
      >
        {third}
        <RowButtons commands={commands} args={args} buttons={buttons} active={active} />
      </div>
      {pipeline.labels.length > 0 && (
        <div className="wb-Row-second wb-Labels">
          {pipeline.labels.map(label => (
            <button
              key={label}
              type="button"
              className="wb-Label"
              tabIndex={-1}
              title={trans.__('Show pipelines labeled “%1”', label)}
              onClick={() => model.setSearch(label)}
            >
              {label}
            </button>
          ))}
        </div>
      )}
      {refusal && (
        <div className="wb-Row-second wb-Row-mark" title={run?.message}>
          <Mark kind="warning" />
          <span className="wb-Row-markText" data-testid="wb-pipeline-refused">
            {refusal}
          </span>
        </div>
      )}
      {waits && (
        <div className="wb-Row-second wb-Row-mark" title={approvalWords(pipeline, trans)}>
          <Mark kind="warning" />
          <span className="wb-Row-markText" data-testid="wb-pipeline-waits">
            {pipeline.approved === null
              ? model.may(pipeline, 'approve')
                ? trans.__('Awaiting your approval')
                : trans.__('Awaiting approval by %1', pipeline.owner.name)
              : trans.__('Version %1 is awaiting approval', pipeline.head)}
          </span>
          <button
            type="button"
            className="wb-LinkButton"
            tabIndex={active ? 0 : -1}
            onClick={() => void commands.execute(CommandIDs.versions, args)}
          >
            {model.may(pipeline, 'approve') ? trans.__('Review') : trans.__('Versions')}
          </button>
        </div>
      )}
    </div>
  );
}

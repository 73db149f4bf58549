import type { TranslationBundle } from '@jupyterlab/translation';
import { copyIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { durationWords } from '../ui/durations';
import { IconButton } from '../ui/iconbutton';
import { queryIcon } from '../ui/icons';
import { useModelState } from '../ui/signal';
import type { ActivityModel } from './model';
import { actionWords, isQuery, outcomeWords, shownOf } from './records';

export interface DetailProps {
  model: ActivityModel;
  trans: TranslationBundle;
  /** Puts a query into a notebook. */
  openQuery: (connection: string, statement: string) => void;
  copy: (text: string) => void;
}

/** The selected record in full: its statement, and everything that the log has on it. */
export function Detail(props: DetailProps): JSX.Element {
  const { model, trans } = props;
  const { names, actions } = useModelState(model);
  const record = model.selected;
  if (!record) {
    return (
      <div className="wb-Activity-detail wb-mod-empty">
        {trans.__('Select a row to see its details.')}
      </div>
    );
  }
  const shown = shownOf(record, model.isWhole, names);
  const { last, ended } = record;
  const facts: [string, string][] = [
    [trans.__('User'), shown.actor || trans.__('unknown')],
    [trans.__('From'), [last.address, last.via].filter(Boolean).join(' · ')],
    [trans.__('Outcome'), shown.outcome ? outcomeWords(shown.outcome, trans) : ''],
    [trans.__('Error code'), ended?.code ?? ''],
    [trans.__('Rows'), ended?.rows?.toLocaleString() ?? ''],
    [trans.__('Bytes'), ended?.bytes?.toLocaleString() ?? ''],
    [trans.__('Duration'), durationWords(ended?.duration_ms ?? null, trans)],
    [trans.__('Record ID'), record.id]
  ];
  const { statement } = shown;
  return (
    <section
      className="wb-Activity-detail"
      aria-label={trans.__('Details')}
      data-testid="wb-activity-detail"
    >
      <header className="wb-Activity-head">
        <h3>
          {actionWords(shown.action, actions)}
          {shown.target && <span className="wb-Activity-target"> {shown.target}</span>}
        </h3>
        <time dateTime={shown.at.toISOString()}>{shown.at.toLocaleString()}</time>
      </header>
      {statement !== null && (
        <div className="wb-Statement">
          <div className="wb-Statement-buttons">
            <IconButton
              icon={copyIcon}
              label={trans.__('Copy statement')}
              onClick={() => props.copy(statement)}
              testId="wb-activity-copy"
            />
            {isQuery(shown) && (
              <IconButton
                icon={queryIcon}
                label={trans.__('Open in notebook')}
                onClick={() => props.openQuery(shown.target, statement)}
                testId="wb-activity-query"
              />
            )}
          </div>
          <pre tabIndex={0} aria-label={trans.__('Statement')} data-testid="wb-activity-statement">
            {statement}
          </pre>
        </div>
      )}
      <dl className="wb-Facts">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
      </dl>
    </section>
  );
}

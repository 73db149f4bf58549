import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { AuditAction } from '../api/types';
import { breakable } from '../ui/breakable';
import { momentWords } from '../ui/dates';
import { durationWords } from '../ui/durations';
import { Fetched } from '../ui/fetched';
import { activityIcon } from '../ui/icons';
import type { Column } from '../ui/pagedgrid';
import { PagedGrid } from '../ui/pagedgrid';
import { useModelState } from '../ui/signal';
import { Notice } from '../ui/states';
import { ViewWidget } from '../ui/viewwidget';
import type { DetailProps } from './detail';
import { Detail } from './detail';
import { FilterBar } from './filters';
import type { ActivityModel } from './model';
import type { ActivityRecord } from './records';
import { actionWords, outcomeWords, shownOf } from './records';

/** The view in the main area. */
export function activityWidget(props: DetailProps): ViewWidget<ActivityModel> {
  const { model, trans } = props;
  const label = trans.__('My Activity');
  return new ViewWidget({
    model,
    className: 'wb-Activity',
    icon: activityIcon,
    label: () => label,
    render: () => <ActivityView {...props} />
  });
}

/** The user's activity: the list with its filters, and the selected record in full. */
function ActivityView(props: DetailProps): JSX.Element {
  const { model, trans } = props;
  return (
    <Fetched
      model={model}
      name="activity"
      loading={trans.__('Loading activity…')}
      failed={trans.__('Could not load activity')}
      trans={trans}
    >
      <FilterBar model={model} trans={trans} />
      <Records {...props} />
    </Fetched>
  );
}

function Records(props: DetailProps): JSX.Element {
  const { model, trans } = props;
  const { records, selected, busy, cursor, filters, names, actions } = useModelState(model);
  const { everyones } = filters;
  const whole = model.isWhole;
  const columns = React.useMemo(
    () => columnsOf(whole, everyones, names, actions, trans),
    [whole, everyones, names, actions, trans]
  );
  if (records.length > 0) {
    return (
      <div className="wb-Activity-split">
        <PagedGrid
          name="activity"
          label={trans.__('Activity, newest first')}
          columns={columns}
          rows={records}
          keyOf={record => record.id}
          dataOf={record => {
            const { action, outcome } = shownOf(record, whole, names);
            return { action, outcome: outcome ?? '' };
          }}
          selected={selected}
          onSelect={id => model.select(id)}
          busy={busy}
          more={cursor ? () => void model.more() : undefined}
          trans={trans}
        />
        <Detail {...props} />
      </div>
    );
  }
  return model.isFiltered ? (
    <Notice
      kind="empty"
      text={trans.__('Nothing matches these filters.')}
      action={{ label: trans.__('Clear filters'), run: () => model.clear() }}
      testId="wb-activity-nomatch"
    />
  ) : (
    <Notice
      kind="empty"
      title={trans.__('No activity yet')}
      text={trans.__('Your queries, tests, changes and shares appear here.')}
      testId="wb-activity-empty"
    />
  );
}

function columnsOf(
  whole: boolean,
  everyones: boolean,
  names: ReadonlyMap<string, string>,
  actions: readonly AuditAction[],
  trans: TranslationBundle
): Column<ActivityRecord>[] {
  const shown = (record: ActivityRecord): ReturnType<typeof shownOf> =>
    shownOf(record, whole, names);
  const who: Column<ActivityRecord> = {
    title: trans.__('User'),
    cell: record => shown(record).actor || trans.__('unknown')
  };
  return [
    {
      title: trans.__('Time'),
      kind: 'moment',
      cell: record => momentWords(shown(record).at),
      tooltip: record => shown(record).at.toLocaleString()
    },
    ...(everyones ? [who] : []),
    { title: trans.__('Action'), cell: record => actionWords(shown(record).action, actions) },
    {
      title: trans.__('Target'),
      cell: record => breakable(shown(record).target),
      tooltip: record => shown(record).target,
      className: 'wb-mod-target'
    },
    {
      title: trans.__('Outcome'),
      cell: record => {
        const { outcome } = shown(record);
        return (
          outcome && (
            <span className={`wb-Outcome wb-mod-${outcome}`}>{outcomeWords(outcome, trans)}</span>
          )
        );
      }
    },
    {
      title: trans.__('Rows'),
      kind: 'number',
      cell: ({ ended }) => ended?.rows?.toLocaleString() ?? ''
    },
    {
      title: trans.__('Duration'),
      kind: 'number',
      cell: ({ ended }) => durationWords(ended?.duration_ms ?? null, trans)
    },
    {
      title: trans.__('Statement'),
      kind: 'wide',
      cell: record => {
        const { statement } = shown(record);
        return statement && <code>{statement.replace(/\s+/g, ' ').trim()}</code>;
      }
    }
  ];
}

import type { TranslationBundle } from '@jupyterlab/translation';
import { InputGroup, refreshIcon } from '@jupyterlab/ui-components';
import React from 'react';

import { IconButton } from '../ui/iconbutton';
import { Select } from '../ui/select';
import { useModelState } from '../ui/signal';
import type { ActivityModel, Filters } from './model';
import { OUTCOMES, outcomeWords } from './records';

/** The filter bar above the list. */
export function FilterBar(props: { model: ActivityModel; trans: TranslationBundle }): JSX.Element {
  const { model, trans } = props;
  const { filters, actions } = useModelState(model);
  return (
    <div className="wb-Filters" role="search" aria-label={trans.__('Filters')}>
      <div className="wb-Filters-search">
        <InputGroup
          type="search"
          rightIcon="ui-components:search"
          placeholder={trans.__('Search statements, names and actions')}
          aria-label={trans.__('Search statements, names and actions')}
          data-testid="wb-activity-search"
          value={filters.search}
          onChange={event => model.filter({ search: event.currentTarget.value })}
        />
      </div>
      <Day model={model} name="since" label={trans.__('From')} />
      <Day model={model} name="until" label={trans.__('To')} />
      <Select
        label={trans.__('Outcome')}
        value={filters.outcome}
        options={[
          { value: '', label: trans.__('Any outcome') },
          ...OUTCOMES.map(outcome => ({ value: outcome, label: outcomeWords(outcome, trans) }))
        ]}
        onChange={outcome => model.filter({ outcome })}
        testId="wb-activity-outcome"
      />
      <Select
        label={trans.__('Action')}
        value={filters.action}
        options={[
          { value: '', label: trans.__('Any action') },
          ...actions
            .filter(action => action.recorded)
            .map(({ name, title }) => ({ value: name, label: title }))
            .sort((a, b) => a.label.localeCompare(b.label))
        ]}
        onChange={action => model.filter({ action })}
        testId="wb-activity-action"
      />
      {model.maySeeAll && (
        <>
          <label className="wb-Filters-check">
            <input
              type="checkbox"
              className="jp-mod-styled"
              checked={filters.everyones}
              onChange={event => model.filter({ everyones: event.target.checked })}
              data-testid="wb-activity-all"
            />
            {trans.__('All users')}
          </label>
          {filters.everyones && (
            <input
              type="text"
              className="jp-mod-styled wb-Filters-user"
              placeholder={trans.__('User')}
              aria-label={trans.__('User name (exact)')}
              autoComplete="off"
              spellCheck={false}
              value={filters.user}
              onChange={event => model.filter({ user: event.target.value })}
              data-testid="wb-activity-user"
            />
          )}
        </>
      )}
      {model.isFiltered && (
        <button
          type="button"
          className="wb-LinkButton"
          onClick={() => model.clear()}
          data-testid="wb-activity-clear"
        >
          {trans.__('Clear filters')}
        </button>
      )}
      <span className="wb-Filters-space" />
      <IconButton
        icon={refreshIcon}
        label={trans.__('Refresh')}
        onClick={() => void model.refresh()}
        testId="wb-activity-refresh"
      />
    </div>
  );
}

function Day(props: {
  model: ActivityModel;
  name: keyof Pick<Filters, 'since' | 'until'>;
  label: string;
}): JSX.Element {
  const { model, name, label } = props;
  return (
    <label className="wb-Filters-day">
      {label}
      <input
        type="date"
        className="jp-mod-styled"
        value={model.state.filters[name]}
        onChange={event => model.filter({ [name]: event.target.value })}
        data-testid={`wb-activity-${name}`}
      />
    </label>
  );
}

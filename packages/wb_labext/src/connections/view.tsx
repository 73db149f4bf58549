import type { TranslationBundle } from '@jupyterlab/translation';
import { InputGroup } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';

import { useModelState } from '../ui/signal';
import { Notice } from '../ui/states';
import { CommandIDs } from './commands';
import type { ConnectionsModel } from './model';
import { Tree } from './rows';

export interface ViewProps {
  model: ConnectionsModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

/** The list with its search box, or what is to say instead. */
export function ConnectionsView(props: ViewProps): JSX.Element {
  const { model, commands, trans } = props;
  const state = useModelState(model);
  const retry = { label: trans.__('Retry'), run: () => void model.refresh(), testId: 'wb-retry' };

  if (state.phase === 'loading') {
    return <Notice kind="loading" text={trans.__('Loading connections…')} />;
  }
  if (state.phase === 'failed') {
    return (
      <Notice
        kind="failed"
        title={trans.__("The connections can't be shown")}
        text={state.error ?? ''}
        action={retry}
        testId="wb-connections-failed"
      />
    );
  }
  if (state.me && state.me.roles.length === 0) {
    return (
      <Notice
        kind="empty"
        title={trans.__('You have no role yet')}
        text={trans.__(
          'An administrator must give “%1” a role (viewer, analyst or engineer) before you can use connections. This page then changes by itself.',
          state.me.name
        )}
        testId="wb-connections-norole"
      />
    );
  }
  if (state.connections.length === 0) {
    return (
      <>
        <RefreshError model={model} trans={trans} />
        <Notice
          kind="empty"
          title={trans.__('No connections yet')}
          text={
            model.mayCreate
              ? trans.__('A connection lets notebooks query a database or files by a name.')
              : trans.__('Ask an engineer to add a connection. It then shows up here by itself.')
          }
          action={
            model.mayCreate
              ? {
                  label: trans.__('Add connection'),
                  run: () => void commands.execute(CommandIDs.add),
                  testId: 'wb-add-first'
                }
              : undefined
          }
          testId="wb-connections-empty"
        />
      </>
    );
  }
  const found = model.rows.length > 0;
  return (
    <>
      <RefreshError model={model} trans={trans} />
      <div className="wb-Search">
        <InputGroup
          type="search"
          rightIcon="ui-components:search"
          placeholder={trans.__('Search')}
          aria-label={trans.__('Search connections and open tables')}
          data-testid="wb-connections-search"
          value={state.search}
          onChange={event => model.setSearch(event.currentTarget.value)}
          onKeyDown={event => {
            if (event.key === 'Escape' && state.search) {
              event.preventDefault();
              model.setSearch('');
            }
          }}
        />
      </div>
      {found ? (
        <Tree model={model} commands={commands} trans={trans} />
      ) : (
        <Notice
          kind="empty"
          text={trans.__('Nothing matches “%1”.', state.search)}
          action={{ label: trans.__('Clear search'), run: () => model.setSearch('') }}
          testId="wb-connections-nomatch"
        />
      )}
    </>
  );
}

/** A refresh failed, and the list is the one from before. */
function RefreshError(props: {
  model: ConnectionsModel;
  trans: TranslationBundle;
}): JSX.Element | null {
  const { model, trans } = props;
  return model.state.error ? (
    <div className="wb-Banner wb-mod-failed" role="alert" data-testid="wb-refresh-failed">
      <span className="wb-Banner-text">{model.state.error}</span>
      <button type="button" className="wb-LinkButton" onClick={() => void model.refresh()}>
        {trans.__('Retry')}
      </button>
    </div>
  ) : null;
}

import type { TranslationBundle } from '@jupyterlab/translation';
import { InputGroup } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import React from 'react';

import { useModelState } from '../ui/signal';
import { Notice } from '../ui/states';
import { CommandIDs } from './commandids';
import { PipelineList } from './list';
import type { PipelinesModel } from './model';

export interface ViewProps {
  model: PipelinesModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

/** The list with its search box, or what is to say instead. */
export function PipelinesView(props: ViewProps): JSX.Element {
  const { model, commands, trans } = props;
  const state = useModelState(model);
  const retry = { label: trans.__('Retry'), run: () => void model.refresh(), testId: 'wb-retry' };

  if (state.phase === 'loading') {
    return <Notice kind="loading" text={trans.__('Loading pipelines…')} />;
  }
  if (state.phase === 'failed') {
    return (
      <Notice
        kind="failed"
        title={trans.__("The pipelines can't be shown")}
        text={state.error ?? ''}
        action={retry}
        testId="wb-pipelines-failed"
      />
    );
  }
  if (state.me && state.me.roles.length === 0) {
    return (
      <Notice
        kind="empty"
        title={trans.__('You have no role yet')}
        text={trans.__(
          'An administrator must give “%1” a role (viewer, analyst or engineer) before you can use pipelines. This page then changes by itself.',
          state.me.name
        )}
        testId="wb-pipelines-norole"
      />
    );
  }
  const banner = state.error && (
    <div className="wb-Banner wb-mod-failed" role="alert" data-testid="wb-refresh-failed">
      <span className="wb-Banner-text">{state.error}</span>
      <button type="button" className="wb-LinkButton" onClick={retry.run}>
        {retry.label}
      </button>
    </div>
  );
  if (state.pipelines.length === 0) {
    return (
      <>
        {banner}
        <Notice
          kind="empty"
          title={trans.__('No pipelines yet')}
          text={
            model.mayCreate
              ? trans.__(
                  'A pipeline runs notebooks and queries, by hand or by a schedule. To make one of a notebook, open its context menu in the file browser and choose “Run as Pipeline”.'
                )
              : trans.__('Pipelines that are shared with you show up here by themselves.')
          }
          action={
            model.mayCreate
              ? {
                  label: trans.__('New pipeline file'),
                  run: () => void commands.execute(CommandIDs.create),
                  testId: 'wb-pipelines-first'
                }
              : undefined
          }
          testId="wb-pipelines-empty"
        />
      </>
    );
  }
  return (
    <>
      {banner}
      <div className="wb-Search">
        <InputGroup
          type="search"
          rightIcon="ui-components:search"
          placeholder={trans.__('Search')}
          aria-label={trans.__('Search pipelines by name, description, owner and label')}
          data-testid="wb-pipelines-search"
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
      {model.found.length > 0 ? (
        <PipelineList {...props} />
      ) : (
        <Notice
          kind="empty"
          text={trans.__('Nothing matches “%1”.', state.search)}
          action={{ label: trans.__('Clear search'), run: () => model.setSearch('') }}
          testId="wb-pipelines-nomatch"
        />
      )}
    </>
  );
}

import { TextItem } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { useModelState } from '../ui/signal';
import type { QueriesModel } from './model';

export interface StatusItemProps {
  model: QueriesModel;
  trans: TranslationBundle;
  onClick: () => void;
}

export function statusItem(props: StatusItemProps): ReactWidget {
  return ReactWidget.create(<StatusItem {...props} />);
}

/** How many of the user's queries are running, if any. */
function StatusItem(props: StatusItemProps): JSX.Element | null {
  const { trans } = props;
  const { own } = useModelState(props.model);
  if (!own) {
    return null;
  }
  const text = trans.__('Queries: %1 of %2 running', own.running, own.concurrent.value);
  const waiting = own.waiting > 0 ? ` · ${trans.__('%1 waiting', own.waiting)}` : '';
  return (
    <TextItem
      source={text + waiting}
      title={trans.__('Show the running queries')}
      role="button"
      tabIndex={0}
      onClick={props.onClick}
      onKeyDown={event => {
        if (event.key === 'Enter' || event.key === ' ') {
          props.onClick();
        }
      }}
      data-testid="wb-queries-status"
    />
  );
}

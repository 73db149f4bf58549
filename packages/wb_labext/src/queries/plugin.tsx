import type { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ILabShell, ILayoutRestorer } from '@jupyterlab/application';
import { ICommandPalette, Notification } from '@jupyterlab/apputils';
import { ILauncher } from '@jupyterlab/launcher';
import { IStatusBar, TextItem } from '@jupyterlab/statusbar';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { RunCommandIDs } from '../runs/plugin';
import { IWorkbench } from '../tokens';
import { queriesIcon } from '../ui/icons';
import { addMainView } from '../ui/mainview';
import { useModelState } from '../ui/signal';
import { QueriesApi } from './api';
import { QueriesModel } from './model';
import { QueriesView } from './view';

/** The view: it asks for the lists only while it is shown. */
class QueriesWidget extends ReactWidget {
  constructor(
    private readonly model: QueriesModel,
    private readonly trans: TranslationBundle,
    private readonly openRun: (run: string) => void
  ) {
    super();
    this.addClass('wb-Queries');
  }

  protected render(): JSX.Element {
    const { model, trans } = this;
    const fail = (error: unknown): void => {
      Notification.error(model.message(error), { autoClose: 8_000 });
    };
    return <QueriesView model={model} trans={trans} fail={fail} openRun={this.openRun} />;
  }

  protected override onAfterShow(): void {
    this.model.watch(true);
  }

  protected override onAfterHide(): void {
    this.model.watch(false);
  }

  override dispose(): void {
    this.model.watch(false);
    super.dispose();
  }
}

/** What runs now, and what may. */
export const queriesPlugin: JupyterFrontEndPlugin<void> = {
  id: '@workbench/labext:queries',
  description: 'A view of running queries and of limits, and their count in the status bar.',
  autoStart: true,
  requires: [IWorkbench],
  optional: [ILabShell, ITranslator, ICommandPalette, ILauncher, ILayoutRestorer, IStatusBar],
  activate: (
    app: JupyterFrontEnd,
    workbench: IWorkbench,
    shell: ILabShell | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null,
    launcher: ILauncher | null,
    restorer: ILayoutRestorer | null,
    statusBar: IStatusBar | null
  ): void => {
    // Voila loads every lab extension and has no main area.
    if (!shell) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('wb_labext');
    const model = new QueriesModel(new QueriesApi(workbench.api), workbench.events, trans);
    const openRun = (run: string): void => {
      void app.commands.execute(RunCommandIDs.open, { run });
    };
    const open = addMainView({
      app,
      trans,
      name: 'queries',
      label: trans.__('Running Queries'),
      caption: trans.__('What runs now, and how much may'),
      icon: queriesIcon,
      rank: 2,
      make: () => new QueriesWidget(model, trans, openRun),
      palette,
      launcher,
      restorer
    });
    if (statusBar) {
      const item = ReactWidget.create(
        <StatusItem model={model} trans={trans} onClick={() => void app.commands.execute(open)} />
      );
      statusBar.registerStatusItem('@workbench/labext:queries', {
        item,
        align: 'right',
        rank: 900,
        isActive: () => (model.state.own?.running ?? 0) + (model.state.own?.waiting ?? 0) > 0,
        activeStateChanged: model.changed
      });
      void app.restored.then(() => model.start());
    }
  }
};

/** How many of one's queries run, while any does. */
function StatusItem(props: {
  model: QueriesModel;
  trans: TranslationBundle;
  onClick: () => void;
}): JSX.Element | null {
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

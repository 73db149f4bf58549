import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import React from 'react';

import type { RunListModel } from './listmodel';
import { RunListView } from './listview';
import type { RunModel } from './model';
import type { RunActions } from './view';
import { RunView } from './view';

/** A run in the main area; it asks the server only while it is shown. */
export class RunWidget extends ReactWidget {
  constructor(
    readonly model: RunModel,
    private readonly actions: RunActions,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('wb-RunWidget');
  }

  dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <RunView model={this.model} actions={this.actions} trans={this.trans} />;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.model.watch(true);
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.model.watch(false);
  }
}

/** The runs of a pipeline in the main area. */
export class RunListWidget extends ReactWidget {
  constructor(
    readonly model: RunListModel,
    private readonly openRun: (id: string) => void,
    private readonly trans: TranslationBundle
  ) {
    super();
    this.addClass('wb-RunList');
  }

  dispose(): void {
    this.model.dispose();
    super.dispose();
  }

  protected render(): JSX.Element {
    return <RunListView model={this.model} openRun={this.openRun} trans={this.trans} />;
  }

  protected override onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.model.watch(true);
  }

  protected override onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.model.watch(false);
  }
}

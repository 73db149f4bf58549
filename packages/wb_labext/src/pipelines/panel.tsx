import type { TranslationBundle } from '@jupyterlab/translation';
import { CommandToolbarButton, ReactWidget, SidePanel, Toolbar } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';
import React from 'react';

import { pipelinesIcon } from '../ui/icons';
import { CommandIDs } from './commandids';
import type { PipelinesModel } from './model';
import { PipelinesView } from './view';

export interface PanelOptions {
  model: PipelinesModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

/** The side panel: a toolbar, and the list. Asks the server for nothing before it is first shown. */
export class PipelinesPanel extends SidePanel {
  constructor(options: PanelOptions) {
    super({ content: new Panel() });
    const { model, commands, trans } = options;
    this.model = model;
    this.addClass('wb-ListPanel');
    this.title.icon = pipelinesIcon;
    this.title.caption = trans.__('Pipelines');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Pipelines'));
    this.node.dataset.testid = 'wb-pipelines';
    this.content.node.setAttribute('aria-label', trans.__('List of pipelines'));

    const title = ReactWidget.create(<h2 className="wb-Panel-title">{trans.__('Pipelines')}</h2>);
    this.toolbar.addItem('title', title);
    this.toolbar.addItem('spacer', Toolbar.createSpacerItem());
    for (const id of [CommandIDs.create, CommandIDs.refresh]) {
      const button = new CommandToolbarButton({ commands, id, label: '' });
      button.node.dataset.testid = id.replace('workbench:', 'wb-');
      this.toolbar.addItem(id, button);
    }
    this.toolbar.node.setAttribute('aria-label', trans.__('Pipelines toolbar'));

    const view = ReactWidget.create(
      <PipelinesView model={model} commands={commands} trans={trans} />
    );
    view.addClass('wb-ListPanel-body');
    this.addWidget(view);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    this.model.watch(true);
  }

  protected onAfterHide(message: Message): void {
    super.onAfterHide(message);
    this.model.watch(false);
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      this.model.watch(true);
    }
  }

  protected onActivateRequest(message: Message): void {
    super.onActivateRequest(message);
    // React renders a selection that was just made a moment later.
    requestAnimationFrame(() => {
      // A dialog that was opened in the same go keeps the focus.
      if (document.activeElement?.closest('.jp-Dialog')) {
        return;
      }
      const row = this.node.querySelector<HTMLElement>('[role="treeitem"][tabindex="0"]');
      (row ?? this.node.querySelector<HTMLElement>('button'))?.focus();
    });
  }

  private readonly model: PipelinesModel;
}

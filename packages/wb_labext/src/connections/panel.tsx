import type { TranslationBundle } from '@jupyterlab/translation';
import { CommandToolbarButton, ReactWidget, SidePanel, Toolbar } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';
import React from 'react';

import { connectionsIcon } from '../ui/icons';
import { CommandIDs } from './commands';
import type { ConnectionsModel } from './model';
import { ConnectionsView } from './view';

export { ROW_CLASS } from './rowview';

export interface PanelOptions {
  model: ConnectionsModel;
  commands: CommandRegistry;
  trans: TranslationBundle;
}

/** The side panel: a toolbar, and the list. Asks the server for nothing before it is first shown. */
export class ConnectionsPanel extends SidePanel {
  constructor(options: PanelOptions) {
    super({ content: new Panel() });
    const { model, commands, trans } = options;
    this.model = model;
    this.addClass('wb-Connections-panel');
    this.title.icon = connectionsIcon;
    this.title.caption = trans.__('Connections');
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', trans.__('Connections'));
    this.node.dataset.testid = 'wb-connections';
    this.content.node.setAttribute('aria-label', trans.__('List of connections'));

    const title = ReactWidget.create(<h2 className="wb-Panel-title">{trans.__('Connections')}</h2>);
    this.toolbar.addItem('title', title);
    this.toolbar.addItem('spacer', Toolbar.createSpacerItem());
    for (const id of [CommandIDs.add, CommandIDs.refresh]) {
      const button = new CommandToolbarButton({ commands, id, label: '' });
      button.node.dataset.testid = id.replace('workbench:', 'wb-');
      this.toolbar.addItem(id, button);
    }
    this.toolbar.node.setAttribute('aria-label', trans.__('Connections toolbar'));

    const view = ReactWidget.create(
      <ConnectionsView model={model} commands={commands} trans={trans} />
    );
    view.addClass('wb-Connections');
    this.addWidget(view);
  }

  protected onAfterShow(message: Message): void {
    super.onAfterShow(message);
    void this.model.start();
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    if (this.isVisible) {
      void this.model.start();
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

  private readonly model: ConnectionsModel;
}

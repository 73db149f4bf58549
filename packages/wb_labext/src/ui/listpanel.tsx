import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import {
  CommandToolbarButton,
  InputGroup,
  ReactWidget,
  SidePanel,
  Toolbar
} from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ISignal } from '@lumino/signaling';
import type { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';
import React from 'react';

import type { Me } from '../api/types';
import { Fetched } from './fetched';
import { useModelState } from './signal';
import { Notice } from './states';
import type { ViewState } from './viewmodel';

export interface ListPanelOptions {
  /** The list's noun in ids, such as `connections`. */
  name: string;
  icon: LabIcon;
  texts: { title: string; list: string; toolbar: string };
  commands: CommandRegistry;
  /** The ids of the commands in the toolbar. */
  toolbar: readonly string[];
  model: { watch(shown: boolean): void };
  view: JSX.Element;
}

/** A side panel: a toolbar and a list. Makes no requests before it is first shown. */
export class ListPanel extends SidePanel {
  constructor(options: ListPanelOptions) {
    super({ content: new Panel() });
    const { name, icon, texts, commands } = options;
    this.model = options.model;
    this.id = `workbench-${name}`;
    this.addClass('wb-ListPanel');
    this.title.icon = icon;
    this.title.caption = texts.title;
    this.node.setAttribute('role', 'region');
    this.node.setAttribute('aria-label', texts.title);
    this.node.dataset.testid = `wb-${name}`;
    this.content.node.setAttribute('aria-label', texts.list);

    const title = ReactWidget.create(<h2 className="wb-Panel-title">{texts.title}</h2>);
    this.toolbar.addItem('title', title);
    this.toolbar.addItem('spacer', Toolbar.createSpacerItem());
    for (const id of options.toolbar) {
      const button = new CommandToolbarButton({ commands, id, label: '' });
      button.node.dataset.testid = id.replace('workbench:', 'wb-');
      this.toolbar.addItem(id, button);
    }
    this.toolbar.node.setAttribute('aria-label', texts.toolbar);

    const view = ReactWidget.create(options.view);
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
    // React renders the new selection a moment later.
    requestAnimationFrame(() => {
      // A dialog opened at the same time keeps the focus.
      if (document.activeElement?.closest('.jp-Dialog')) {
        return;
      }
      const row = this.node.querySelector<HTMLElement>('[role="treeitem"][tabindex="0"]');
      (row ?? this.node.querySelector<HTMLElement>('button'))?.focus();
    });
  }

  private readonly model: ListPanelOptions['model'];
}

/** The parts of a list's model that `ListView` uses. */
export interface ListModel {
  readonly state: ViewState & { me: Me | null; items: readonly unknown[]; search: string };
  readonly changed: ISignal<unknown, void>;
  /** The keys of the rows that match the search. */
  readonly keys: readonly string[];
  readonly mayCreate: boolean;
  /** What is still searched, or could not be; empty if there is nothing to say. */
  readonly searchNote?: string;
  setSearch(search: string): void;
  refresh(): Promise<void>;
}

export interface ListViewProps {
  model: ListModel;
  name: string;
  texts: {
    loading: string;
    failed: string;
    search: string;
    emptyTitle: string;
    empty: () => string;
  };
  /** The action offered in an empty list, to those who may do it. */
  first: { label: string; run: () => void; testId: string };
  trans: TranslationBundle;
  /** The rows. */
  children: React.ReactNode;
}

/** The list of a panel with its search box, or a notice instead. */
export function ListView(props: ListViewProps): JSX.Element {
  const { model, name, texts, trans } = props;
  return (
    <Fetched model={model} name={name} loading={texts.loading} failed={texts.failed} trans={trans}>
      <FetchedList {...props} />
    </Fetched>
  );
}

function FetchedList(props: ListViewProps): JSX.Element {
  const { model, name, texts, trans } = props;
  const { me, items, search } = useModelState(model);
  if (me?.roles.length === 0) {
    return (
      <Notice
        kind="empty"
        title={trans.__('You have no role yet')}
        text={trans.__(
          'Ask an administrator to give “%1” a role: viewer, analyst or engineer. This panel then updates automatically.',
          me.name
        )}
        testId={`wb-${name}-norole`}
      />
    );
  }
  if (items.length === 0) {
    return (
      <Notice
        kind="empty"
        title={texts.emptyTitle}
        text={texts.empty()}
        action={model.mayCreate ? props.first : undefined}
        testId={`wb-${name}-empty`}
      />
    );
  }
  return (
    <>
      <div className="wb-Search">
        <InputGroup
          type="search"
          rightIcon="ui-components:search"
          placeholder={trans.__('Search')}
          aria-label={texts.search}
          data-testid={`wb-${name}-search`}
          value={search}
          onChange={event => model.setSearch(event.currentTarget.value)}
          onKeyDown={event => {
            if (event.key === 'Escape' && search) {
              event.preventDefault();
              model.setSearch('');
            }
          }}
        />
      </div>
      {model.searchNote && (
        <div className="wb-Search-note" role="status" data-testid={`wb-${name}-searchnote`}>
          {model.searchNote}
        </div>
      )}
      {model.keys.length > 0 ? (
        props.children
      ) : model.searchNote ? null : (
        <Notice
          kind="empty"
          text={trans.__('Nothing matches “%1”.', search)}
          action={{ label: trans.__('Clear search'), run: () => model.setSearch('') }}
          testId={`wb-${name}-nomatch`}
        />
      )}
    </>
  );
}

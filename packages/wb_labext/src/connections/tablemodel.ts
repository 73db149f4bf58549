import type { TranslationBundle } from '@jupyterlab/translation';

import type { TableDefinition, TableRows } from '../api/types';
import type { ViewState } from '../ui/viewmodel';
import { ViewModel } from '../ui/viewmodel';
import type { ConnectionsApi, TablePlace } from './api';

export type TableTab = 'rows' | 'definition';

export interface TableState extends ViewState {
  tab: TableTab;
  rows: TableRows | null;
  definition: TableDefinition | null;
  /** The number of rows, once it was counted. */
  count: number | null;
}

/** The state of a view of a table: its first rows, its keys and its definition. */
export class TableModel extends ViewModel<TableState> {
  constructor(
    private readonly api: ConnectionsApi,
    readonly place: TablePlace,
    /** The connection's name and the table's, for the view's title. */
    readonly title: string,
    tab: TableTab,
    trans: TranslationBundle
  ) {
    super(trans, { phase: 'loading', error: null, tab, rows: null, definition: null, count: null });
  }

  show(tab: TableTab): void {
    if (tab !== this.state.tab) {
      const known = this.state[tab] !== null;
      this.dropFetch();
      this.set({ tab, phase: known ? 'ready' : 'loading', error: null });
      if (!known) {
        void this.load();
      }
    }
  }

  async count(): Promise<void> {
    try {
      this.set({ count: (await this.api.count(this.place)).rows });
    } catch (error) {
      this.set({ error: this.message(error) });
    }
  }

  protected async load(): Promise<void> {
    if (this.state.tab === 'rows') {
      await this.fetch(
        () => this.api.rows(this.place),
        rows => ({ rows, count: null })
      );
    } else {
      await this.fetch(
        () => this.api.definition(this.place),
        definition => ({ definition })
      );
    }
  }
}

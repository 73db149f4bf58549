import type { TranslationBundle } from '@jupyterlab/translation';

import type { AuditAction, AuditRow, Me, Outcome } from '../api/types';
import { afterDay, isoWithZone, startOfDay } from '../ui/dates';
import type { ViewState } from '../ui/viewmodel';
import { ViewModel } from '../ui/viewmodel';
import type { ActivityApi, AuditFilters } from './api';
import type { ActivityRecord } from './records';
import { recordsOf } from './records';

/** Rows per page: about half as many records. */
const PAGE = 100;

/** How long a pause in typing must be before the list is fetched, in milliseconds. */
export const PAUSE = 300;

/** The tolerance, in milliseconds, between the clocks that date an access's rows and measure its duration. */
const SLACK = 2_000;

/** How far from an access's start its end is searched: for every record, and for the selected one. */
const NEAR = 10_000;
const FAR = 24 * 60 * 60 * 1000;

export interface Filters {
  search: string;
  /** Days, or empty. */
  since: string;
  until: string;
  outcome: Outcome | '';
  action: string;
  /** All users' activity instead of the user's own; optionally of one user. */
  everyones: boolean;
  user: string;
}

export const NO_FILTERS: Filters = {
  search: '',
  since: '',
  until: '',
  outcome: '',
  action: '',
  everyones: false,
  user: ''
};

export interface ActivityState extends ViewState {
  /** Another fetch is in progress: of the next page, or with other filters. */
  busy: boolean;
  filters: Filters;
  records: readonly ActivityRecord[];
  /** The cursor of the next page. */
  cursor: string | null;
  /** The id of the selected record. */
  selected: string | null;
  me: Me | null;
  /** The actions of the log, in words. */
  actions: readonly AuditAction[];
  /** Names by ids: the log's targets are as the requests named them. */
  names: ReadonlyMap<string, string>;
}

/** The state of the view: what a user did, from the audit log. */
export class ActivityModel extends ViewModel<ActivityState> {
  constructor(
    private readonly api: ActivityApi,
    trans: TranslationBundle
  ) {
    super(trans, {
      phase: 'loading',
      error: null,
      busy: false,
      filters: NO_FILTERS,
      records: [],
      cursor: null,
      selected: null,
      me: null,
      actions: [],
      names: new Map()
    });
  }

  /** Whether the user may see everyone's log. */
  get maySeeAll(): boolean {
    return this.state.me?.actions.includes('audit.all') ?? false;
  }

  /** Whether every access in the list has both of its rows, if both were written. */
  get isWhole(): boolean {
    const { search, outcome, until } = this.state.filters;
    return search.trim() === '' && outcome === '' && until === '';
  }

  get isFiltered(): boolean {
    const { everyones: _, ...filters } = this.state.filters;
    return Object.values(filters).some(value => value !== '');
  }

  get selected(): ActivityRecord | null {
    return this.state.records.find(record => record.id === this.state.selected) ?? null;
  }

  /** Fetches the first page with the current filters. */
  protected async load(): Promise<void> {
    this.cancelTimer();
    this.set({ busy: true });
    const shown = await this.fetch(
      () =>
        Promise.all([
          this.api.me(),
          this.state.actions.length > 0 ? this.state.actions : this.api.actions(),
          this.api.names(),
          this.api.search(this.state.filters.everyones, this.query())
        ]),
      ([me, actions, names, page]) => {
        this.rows = page.items;
        this.asked.clear();
        const records = recordsOf(this.rows);
        const kept = records.some(record => record.id === this.state.selected);
        return {
          busy: false,
          me,
          actions,
          names,
          records,
          cursor: page.next_cursor,
          selected: kept ? this.state.selected : null
        };
      },
      { busy: false }
    );
    if (shown) {
      void this.fill();
    }
  }

  /** Fetches the next page. */
  async more(): Promise<void> {
    const { cursor, busy, filters } = this.state;
    if (!cursor || busy) {
      return;
    }
    this.set({ busy: true });
    const shown = await this.fetch(
      () => this.api.search(filters.everyones, { ...this.query(), cursor }),
      page => ({ busy: false, cursor: page.next_cursor, records: this.add(page.items) }),
      { busy: false }
    );
    if (shown) {
      void this.fill();
    }
  }

  /** Changes filters; typed text is sent after a pause. */
  filter(change: Partial<Filters>): void {
    const filters = { ...this.state.filters, ...change };
    if (!filters.everyones) {
      filters.user = '';
    }
    this.set({ filters });
    this.cancelTimer();
    if ('search' in change || 'user' in change) {
      this.later(PAUSE, () => void this.load());
    } else {
      void this.load();
    }
  }

  /** Clears all filters. */
  clear(): void {
    this.filter({ ...NO_FILTERS, everyones: this.state.filters.everyones });
  }

  /** Shows a record; fetches its row that a filter left out. */
  select(id: string | null): void {
    this.set({ selected: id });
    const record = this.selected;
    if (record && !this.isWhole) {
      void this.complete(record, FAR);
    }
  }

  /**
   * Fetches, row by row, what a filter left out of the user's own queries: the statement or the outcome.
   * In everyone's log only the selected record is completed, because each search there is logged too.
   */
  private async fill(): Promise<void> {
    const turn = this.turn;
    if (this.isWhole || this.state.filters.everyones) {
      return;
    }
    for (const record of this.state.records) {
      if (record.last.action.startsWith('query.')) {
        await this.complete(record, NEAR);
      }
      if (!this.isTurn(turn)) {
        return;
      }
    }
  }

  /** Fetches the missing row of a record. */
  private async complete(record: ActivityRecord, far: number): Promise<void> {
    const { last, started, ended } = record;
    const key = `${record.id} ${far}`;
    if ((started && ended) || last.event === 'refused' || this.asked.has(key)) {
      return;
    }
    this.asked.add(key);
    const at = new Date(last.at).getTime();
    const began = at - (last.duration_ms ?? 0);
    const span = started ? [at - SLACK, at + far] : [began - SLACK, began + SLACK];
    const { everyones } = this.state.filters;
    try {
      const page = await this.api.search(everyones, {
        event: started ? 'finished' : 'started',
        action: last.action,
        since: isoWithZone(new Date(span[0])),
        until: isoWithZone(new Date(span[1])),
        ...(everyones && last.actor ? { user: last.actor } : {}),
        limit: 1000
      });
      const row = page.items.find(item => item.record === record.id);
      if (row && this.state.records.some(item => item.id === record.id)) {
        this.set({ records: this.add([row]) });
      }
    } catch {
      // It stays missing: the next selection tries again.
      this.asked.delete(key);
    }
  }

  private add(rows: readonly AuditRow[]): readonly ActivityRecord[] {
    const known = new Set(this.rows.map(row => row.id));
    this.rows = [...this.rows, ...rows.filter(row => !known.has(row.id))];
    return recordsOf(this.rows);
  }

  private query(): AuditFilters {
    const { search, since, until, outcome, action, everyones, user } = this.state.filters;
    return {
      ...(search.trim() ? { search: search.trim() } : {}),
      since: startOfDay(since),
      until: afterDay(until),
      ...(outcome ? { outcome } : {}),
      ...(action ? { action } : {}),
      ...(everyones && user.trim() ? { user: user.trim() } : {}),
      limit: PAGE
    };
  }

  private rows: readonly AuditRow[] = [];
  /** The records whose missing row was already requested. */
  private readonly asked = new Set<string>();
}

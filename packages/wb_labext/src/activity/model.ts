import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import { ApiError } from '../api/request';
import type { AuditRow, Me, Outcome } from '../api/types';
import { afterDay, isoWithZone, startOfDay } from '../ui/dates';
import type { ActivityApi, AuditFilters } from './api';
import type { ActivityRecord } from './records';
import { recordsOf } from './records';

/** So many rows at a time: about half as many lines. */
const PAGE = 100;

/** How long a person may pause between two letters before the list is fetched. */
export const PAUSE = 300;

/** The two rows of an access are written by one clock, and timed by another. */
const SLACK = 2_000;

/** How far from its start an access's end is looked for: of every line, and of the selected one. */
const NEAR = 10_000;
const FAR = 24 * 60 * 60 * 1000;

export interface Filters {
  search: string;
  /** Days, or empty. */
  since: string;
  until: string;
  outcome: Outcome | '';
  action: string;
  /** Everybody's log instead of one's own, and whose of them. */
  everybodys: boolean;
  user: string;
}

export const NO_FILTERS: Filters = {
  search: '',
  since: '',
  until: '',
  outcome: '',
  action: '',
  everybodys: false,
  user: ''
};

export interface ActivityState {
  phase: 'loading' | 'ready' | 'failed';
  /** Why the last fetch failed; with phase `ready` the list is the one from before. */
  error: string | null;
  /** Another fetch is under way: of a page more, or by other filters. */
  busy: boolean;
  filters: Filters;
  records: readonly ActivityRecord[];
  /** Where the next page begins. */
  cursor: string | null;
  /** The id of the selected record. */
  selected: string | null;
  me: Me | null;
  /** Names of connections by their ids: the log names what was acted on as the request did. */
  names: ReadonlyMap<string, string>;
}

/** What a person did, as the audit log has it: the state of the view. */
export class ActivityModel implements IDisposable {
  constructor(
    private readonly api: ActivityApi,
    private readonly trans: TranslationBundle
  ) {}

  get state(): ActivityState {
    return this.current;
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    this.cancelTimer();
    Signal.clearData(this);
  }

  /** Whether the one who looks may see everybody's log. */
  get maySeeAll(): boolean {
    return this.current.me?.actions.includes('audit.all') ?? false;
  }

  /** Whether every access in the list has both of its rows, if both were written. */
  get isWhole(): boolean {
    const { search, outcome, until } = this.current.filters;
    return search.trim() === '' && outcome === '' && until === '';
  }

  get isFiltered(): boolean {
    const { everybodys: _, ...filters } = this.current.filters;
    return Object.values(filters).some(value => value !== '');
  }

  get selected(): ActivityRecord | null {
    return this.current.records.find(record => record.id === this.current.selected) ?? null;
  }

  /** Fetches the first page by the filters of now. */
  async refresh(): Promise<void> {
    this.cancelTimer();
    const turn = ++this.turn;
    this.set({ busy: true, ...(this.current.phase === 'failed' ? { phase: 'loading' } : {}) });
    try {
      const [me, names, page] = await Promise.all([
        this.api.me(),
        // Who has no role may not list connections: then ids stay ids.
        this.api.names().catch(() => new Map<string, string>()),
        this.api.search(this.current.filters.everybodys, this.query())
      ]);
      if (turn === this.turn) {
        this.rows = page.items;
        this.asked.clear();
        const records = recordsOf(this.rows);
        const kept = records.some(record => record.id === this.current.selected);
        this.set({
          phase: 'ready',
          error: null,
          busy: false,
          me,
          names,
          records,
          cursor: page.next_cursor,
          selected: kept ? this.current.selected : null
        });
        void this.fill();
      }
    } catch (error) {
      this.fail(turn, error);
    }
  }

  /** Fetches the next page. */
  async more(): Promise<void> {
    const { cursor, busy } = this.current;
    if (!cursor || busy) {
      return;
    }
    const turn = ++this.turn;
    this.set({ busy: true });
    try {
      const page = await this.api.search(this.current.filters.everybodys, {
        ...this.query(),
        cursor
      });
      if (turn === this.turn) {
        this.add(page.items);
        this.set({ busy: false, error: null, cursor: page.next_cursor });
        void this.fill();
      }
    } catch (error) {
      this.fail(turn, error);
    }
  }

  /** Changes filters; what is typed is sent after a pause. */
  filter(change: Partial<Filters>): void {
    const filters = { ...this.current.filters, ...change };
    if (!filters.everybodys) {
      filters.user = '';
    }
    this.set({ filters });
    this.cancelTimer();
    if ('search' in change || 'user' in change) {
      this.timer = setTimeout(() => void this.refresh(), PAUSE);
    } else {
      void this.refresh();
    }
  }

  /** Takes all filters away. */
  clear(): void {
    this.filter({ ...NO_FILTERS, everybodys: this.current.filters.everybodys });
  }

  /** Shows a record; the row that a filter left out is fetched. */
  select(id: string | null): void {
    this.set({ selected: id });
    const record = this.selected;
    if (record && !this.isWhole) {
      void this.complete(record, FAR);
    }
  }

  /**
   * Fetches, line by line, what a filter left out of one's own queries: the statement or the outcome.
   * Of everybody's log only the selected line is, as each look into that one is logged itself.
   */
  private async fill(): Promise<void> {
    const turn = this.turn;
    if (this.isWhole || this.current.filters.everybodys) {
      return;
    }
    for (const record of this.current.records) {
      if (record.last.action.startsWith('query.')) {
        await this.complete(record, NEAR);
      }
      if (turn !== this.turn || this.disposed) {
        return;
      }
    }
  }

  /** Fetches the row of a record that is not there. */
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
    const { everybodys } = this.current.filters;
    try {
      const page = await this.api.search(everybodys, {
        event: started ? 'finished' : 'started',
        action: last.action,
        since: isoWithZone(new Date(span[0])),
        until: isoWithZone(new Date(span[1])),
        ...(everybodys && last.actor ? { user: last.actor } : {}),
        limit: 1000
      });
      const row = page.items.find(item => item.record === record.id);
      if (row && this.current.records.some(item => item.id === record.id)) {
        this.add([row]);
      }
    } catch {
      // It stays left out: the next selection asks again.
      this.asked.delete(key);
    }
  }

  private add(rows: readonly AuditRow[]): void {
    const known = new Set(this.rows.map(row => row.id));
    this.rows = [...this.rows, ...rows.filter(row => !known.has(row.id))];
    this.set({ records: recordsOf(this.rows) });
  }

  private query(): AuditFilters {
    const { search, since, until, outcome, action, everybodys, user } = this.current.filters;
    return {
      ...(search.trim() ? { search: search.trim() } : {}),
      since: startOfDay(since),
      until: afterDay(until),
      ...(outcome ? { outcome } : {}),
      ...(action ? { action } : {}),
      ...(everybodys && user.trim() ? { user: user.trim() } : {}),
      limit: PAGE
    };
  }

  private fail(turn: number, error: unknown): void {
    if (turn === this.turn) {
      this.set({
        busy: false,
        phase: this.current.phase === 'ready' ? 'ready' : 'failed',
        error:
          error instanceof ApiError
            ? error.message
            : this.trans.__('Something went wrong in this page. Reload it, then try again.')
      });
    }
  }

  private cancelTimer(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
  }

  private set(change: Partial<ActivityState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...change };
      this.changedSignal.emit();
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private current: ActivityState = {
    phase: 'loading',
    error: null,
    busy: false,
    filters: NO_FILTERS,
    records: [],
    cursor: null,
    selected: null,
    me: null,
    names: new Map()
  };
  private rows: readonly AuditRow[] = [];
  /** What was asked for already, of the rows that a filter left out. */
  private readonly asked = new Set<string>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private turn = 0;
  private disposed = false;
}

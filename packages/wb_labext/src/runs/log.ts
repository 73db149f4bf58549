import type { LogPage } from '../api/types';
import { StateModel } from '../ui/statemodel';

/** The beginning of a longer log is left out: browsers are slow with more text than this. */
export const MOST = 2_000_000;

export interface LogState {
  /** The attempt whose log it is. */
  attempt: string | null;
  text: string;
  /** Whether the beginning was left out. */
  cut: boolean;
  ended: boolean;
  /** Whether the first piece has arrived. */
  ready: boolean;
  error: string | null;
}

const EMPTY = { text: '', cut: false, ended: false, ready: false, error: null };

/** The log of an attempt, as written so far: each `follow` fetches what is new. */
export class LogTail extends StateModel<LogState> {
  constructor(
    private readonly api: { log(attempt: string, start: number): Promise<LogPage> },
    private readonly message: (error: unknown) => string
  ) {
    super({ ...EMPTY, attempt: null });
  }

  /** Shows this attempt's log from the beginning, or fetches what is new if it is already shown. */
  follow(attempt: string | null): void {
    if (attempt !== this.state.attempt) {
      this.next = 0;
      this.set({ ...EMPTY, attempt });
    }
    if (attempt !== null && !this.state.ended && this.fetching !== attempt) {
      void this.fetch(attempt);
    }
  }

  private async fetch(attempt: string): Promise<void> {
    this.fetching = attempt;
    try {
      for (;;) {
        const page = await this.api.log(attempt, this.next);
        if (attempt !== this.state.attempt || this.isDisposed) {
          return;
        }
        this.next = page.next;
        this.append(page);
        if (page.ended || page.text === '') {
          return;
        }
      }
    } catch (error) {
      if (attempt === this.state.attempt) {
        this.set({ error: this.message(error) });
      }
    } finally {
      if (this.fetching === attempt) {
        this.fetching = null;
      }
    }
  }

  private append(page: LogPage): void {
    let text = this.state.text + page.text;
    let { cut } = this.state;
    if (text.length > MOST) {
      // Cut at the start of a line.
      const from = text.length - MOST;
      text = text.slice(text.indexOf('\n', from) + 1 || from);
      cut = true;
    }
    this.set({ text, cut, ended: page.ended, ready: true, error: null });
  }

  private next = 0;
  private fetching: string | null = null;
}

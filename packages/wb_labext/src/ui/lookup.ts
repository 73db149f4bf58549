import { StateModel } from './statemodel';

/** How long a pause in typing must be before the server is asked, in milliseconds. */
export const PAUSE = 200;

export interface Found<T> {
  items: readonly T[];
  /** Whether more items match. */
  more: boolean;
}

export interface LookupState<T> extends Found<T> {
  text: string;
  /** Whether the list is shown. */
  open: boolean;
  phase: 'idle' | 'loading' | 'ready' | 'failed';
  error: string;
  /** The index of the option that Enter chooses; -1 for none. */
  active: number;
}

/**
 * The state of a search box: searches after a short pause in typing, and drops answers that arrive after
 * the text has changed.
 */
export class Lookup<T> extends StateModel<LookupState<T>> {
  /**
   * @param search - fetches what matches; throws what `message` turns into a sentence
   */
  constructor(
    private readonly search: (text: string) => Promise<Found<T>>,
    private readonly message: (error: unknown) => string
  ) {
    super({ ...EMPTY, items: [] });
  }

  dispose(): void {
    this.cancel();
    super.dispose();
  }

  /** Shows the list for the current text. */
  open(): void {
    if (!this.state.open) {
      this.set({ open: true });
      void this.ask(this.state.text);
    }
  }

  close(): void {
    this.cancel();
    this.set({ open: false, active: -1 });
  }

  clear(): void {
    this.cancel();
    this.set({ ...EMPTY, items: [] });
  }

  setText(text: string): void {
    this.cancel();
    this.set({ text, open: true, phase: 'loading', active: -1 });
    this.timer = setTimeout(() => void this.ask(text), PAUSE);
  }

  /** Moves the active option by a step, wrapping around at the ends. */
  move(step: 1 | -1): void {
    const { items, active } = this.state;
    if (items.length > 0) {
      const from = active < 0 && step < 0 ? 0 : active;
      this.set({ active: (from + step + items.length) % items.length });
    }
  }

  point(active: number): void {
    this.set({ active });
  }

  /** What Enter chooses: the active option, or the only one. */
  get choice(): T | undefined {
    const { items, active, phase, open } = this.state;
    if (!open || phase !== 'ready') {
      return undefined;
    }
    return active >= 0 ? items[active] : items.length === 1 ? items[0] : undefined;
  }

  private async ask(text: string): Promise<void> {
    const turn = ++this.turn;
    this.set({ phase: 'loading' });
    let change: Partial<LookupState<T>>;
    try {
      const { items, more } = await this.search(text);
      change = { phase: 'ready', items, more, active: -1, error: '' };
    } catch (error) {
      change = { phase: 'failed', items: [], more: false, error: this.message(error) };
    }
    if (turn === this.turn) {
      this.set(change);
    }
  }

  private cancel(): void {
    this.turn++;
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
  }

  private timer: ReturnType<typeof setTimeout> | null = null;
  private turn = 0;
}

const EMPTY = {
  text: '',
  open: false,
  phase: 'idle',
  more: false,
  error: '',
  active: -1
} as const;

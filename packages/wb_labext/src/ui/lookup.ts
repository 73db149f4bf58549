import { StateModel } from './statemodel';

/** How long a person may pause between two letters before the server is asked. */
export const PAUSE = 200;

export interface Found<T> {
  items: readonly T[];
  /** Whether there are more that match. */
  more: boolean;
}

export interface LookupState<T> extends Found<T> {
  text: string;
  /** The list is shown. */
  open: boolean;
  phase: 'idle' | 'loading' | 'ready' | 'failed';
  error: string;
  /** The place of the option that Enter takes; -1 is none. */
  active: number;
}

/**
 * What a search box does while the user types: asks after a short pause, and drops an answer that
 * comes after the text has changed.
 */
export class Lookup<T> extends StateModel<LookupState<T>> {
  /**
   * @param search - asks for what matches; throws what `message` makes a sentence of
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

  /** Moves the mark: a step, from either end round to the other. */
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

  /** What Enter takes: the marked option, or the only one. */
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

import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import { ApiError } from '../api/request';

/** What the state of every view has. */
export interface ViewState {
  phase: 'loading' | 'ready' | 'failed';
  /** Why the last fetch failed; with phase `ready` what is shown is from before. */
  error: string | null;
}

/**
 * A view's state, and what it asks of the server. The state is replaced, never changed in place, so
 * that `useModelState` sees each change.
 */
export abstract class ViewModel<S extends ViewState> implements IDisposable {
  constructor(
    protected readonly trans: TranslationBundle,
    private current: S
  ) {}

  get state(): S {
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

  /** An error as a sentence for a person. */
  message(error: unknown): string {
    return error instanceof ApiError
      ? error.message
      : this.trans.__('Something went wrong in this page. Reload it, then try again.');
  }

  protected set(change: Partial<S>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...change };
      this.changedSignal.emit();
    }
  }

  /**
   * Fetches: of several fetches the one that was begun last counts, and the others are dropped.
   *
   * A failure leaves what is shown as it was; only a view that never had anything fails as a whole.
   *
   * @param ask - gets what is to be shown
   * @param accept - makes the state of it
   * @param failed - what a failure changes besides
   */
  protected async fetch<T>(
    ask: () => Promise<T>,
    accept: (answer: T) => void,
    failed: Partial<S> = {}
  ): Promise<void> {
    const turn = ++this.turns;
    try {
      const answer = await ask();
      if (this.isTurn(turn)) {
        accept(answer);
      }
    } catch (error) {
      if (this.isTurn(turn)) {
        const phase = this.current.phase === 'ready' ? 'ready' : 'failed';
        this.set({ ...failed, phase, error: this.message(error) } as Partial<S>);
      }
    }
  }

  /** The number of the last fetch, for what goes on behind it. */
  protected get turn(): number {
    return this.turns;
  }

  protected isTurn(turn: number): boolean {
    return turn === this.turns && !this.disposed;
  }

  /** Calls once after a while, instead of what was to be called before. */
  protected later(milliseconds: number, call: () => void): void {
    this.cancelTimer();
    if (!this.disposed) {
      this.timer = setTimeout(call, milliseconds);
    }
  }

  protected cancelTimer(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private timer: ReturnType<typeof setTimeout> | null = null;
  private turns = 0;
  private disposed = false;
}

import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream, Topic } from '../api/events';
import { isAway } from '../api/request';
import { errorMessage, fetchMessage } from './errors';
import { StateModel } from './statemodel';

/** How long a view waits before it asks again, if the Workbench doesn't answer, in milliseconds. */
export const RETRY = 3_000;
const LONGEST_RETRY = 15_000;

/** The state that every view has. */
export interface ViewState {
  phase: 'loading' | 'ready' | 'failed';
  /** Why the last fetch failed; in phase `ready`, the content is from an earlier one. */
  error: string | null;
}

/** A view's state, and its requests to the server. */
export abstract class ViewModel<S extends ViewState> extends StateModel<S> {
  constructor(
    protected readonly trans: TranslationBundle,
    state: S
  ) {
    super(state);
  }

  dispose(): void {
    this.cancelTimer();
    this.cancelRetry();
    super.dispose();
  }

  message(error: unknown): string {
    return errorMessage(error, this.trans);
  }

  /** Fetches again. Calls during a fetch cause one more fetch afterwards. */
  refresh(): Promise<void> {
    if (this.fetching) {
      this.next ??= this.fetching.then(() => {
        this.next = null;
        return this.isDisposed ? undefined : this.refresh();
      });
      return this.next;
    }
    // A view that asks again by itself keeps saying why it has to.
    if (this.state.phase === 'failed' && this.delay === RETRY) {
      this.set({ phase: 'loading', error: null } as Partial<S>);
    }
    this.cancelRetry();
    this.fetching = this.load().finally(() => {
      this.fetching = null;
    });
    return this.fetching;
  }

  /** Fetches on the first call. */
  start(): Promise<void> {
    this.started ??= this.begin();
    return this.started;
  }

  /** Called when the view is shown or hidden. */
  watch(shown: boolean): void {
    this.shown = shown;
    if (shown) {
      void this.start();
    }
  }

  protected begin(): Promise<void> {
    return this.refresh();
  }

  /** Fetches the content, using `fetch`. */
  protected abstract load(): Promise<void>;

  /**
   * Fetches. Of several fetches, the one started last counts; the others are dropped.
   *
   * A failure leaves the content unchanged; only a view without any content fails as a whole.
   *
   * @param ask - fetches the content
   * @param accept - turns it into state
   * @param failed - further state to set on failure
   * @returns whether its result is shown
   */
  protected async fetch<T>(
    ask: () => Promise<T>,
    accept: (answer: T) => Partial<S>,
    failed: Partial<S> = {}
  ): Promise<boolean> {
    const turn = ++this.turns;
    try {
      const answer = await ask();
      if (this.isTurn(turn)) {
        this.delay = RETRY;
        this.set({ ...accept(answer), phase: 'ready', error: null });
        return true;
      }
    } catch (error) {
      if (this.isTurn(turn)) {
        const phase = this.state.phase === 'ready' ? 'ready' : 'failed';
        this.set({ ...failed, phase, error: fetchMessage(error, this.trans) } as Partial<S>);
        this.retryIfAway(error);
      }
    }
    return false;
  }

  /** The number of the last fetch, for what continues after it. */
  protected get turn(): number {
    return this.turns;
  }

  protected isTurn(turn: number): boolean {
    return turn === this.turns && !this.isDisposed;
  }

  /** Drops the answer of the fetch in progress, which is out of date. */
  protected dropFetch(): void {
    this.turns++;
  }

  /** Calls `call` once after a delay, replacing any call that is still pending. */
  protected later(milliseconds: number, call: () => void): void {
    this.cancelTimer();
    if (!this.isDisposed) {
      this.timer = setTimeout(call, milliseconds);
    }
  }

  protected cancelTimer(): void {
    if (this.timer !== null) {
      clearTimeout(this.timer);
      this.timer = null;
    }
  }

  /** Asks again after a pause, which grows, until the Workbench answers. */
  private retryIfAway(error: unknown): void {
    if (!isAway(error)) {
      this.delay = RETRY;
      return;
    }
    this.cancelRetry();
    this.retry = setTimeout(() => void this.refresh(), this.delay);
    this.delay = Math.min(this.delay * 1.5, LONGEST_RETRY);
  }

  private cancelRetry(): void {
    if (this.retry !== null) {
      clearTimeout(this.retry);
      this.retry = null;
    }
  }

  private retry: ReturnType<typeof setTimeout> | null = null;
  private delay = RETRY;
  protected shown = false;
  protected started: Promise<void> | null = null;
  private timer: ReturnType<typeof setTimeout> | null = null;
  private fetching: Promise<void> | null = null;
  private next: Promise<void> | null = null;
  private turns = 0;
}

export interface ChangeState extends ViewState {
  /** Whether a change is in progress. */
  busy: boolean;
  /** Why the last change failed; the rest of the state is unchanged. */
  problem: string | null;
}

/** A view in which each change takes effect at once, one at a time. */
export abstract class ChangeModel<S extends ChangeState> extends ViewModel<S> {
  /** Makes a change; `false` if it is refused, or another one is in progress. */
  protected async change(request: () => Promise<Partial<S>>): Promise<boolean> {
    if (this.state.busy) {
      return false;
    }
    this.dropFetch();
    this.set({ busy: true, problem: null } as Partial<S>);
    try {
      const change = await request();
      // A fetch started in the meantime is out of date.
      this.dropFetch();
      this.set({ ...change, busy: false });
      return true;
    } catch (error) {
      this.set({ busy: false, problem: this.message(error) } as Partial<S>);
      return false;
    }
  }
}

/** A view that follows the server's events. While hidden, it fetches only once it is shown again. */
export abstract class LiveModel<S extends ViewState> extends ViewModel<S> {
  constructor(
    trans: TranslationBundle,
    protected readonly events: EventStream,
    private readonly topics: readonly Topic[],
    state: S
  ) {
    super(trans, state);
    topics.forEach(topic => events.signal(topic).connect(this.onEvent, this));
  }

  dispose(): void {
    this.topics.forEach(topic => this.events.signal(topic).disconnect(this.onEvent, this));
    super.dispose();
  }

  override watch(shown: boolean): void {
    const again = shown && this.started && this.missed;
    super.watch(shown);
    if (again) {
      void this.refresh();
    }
  }

  override refresh(): Promise<void> {
    this.missed = false;
    return super.refresh();
  }

  /** Follows the server's events from the first fetch on. */
  protected override async begin(): Promise<void> {
    await this.refresh();
    this.events.start();
  }

  /** Whether an event causes a fetch now; otherwise the view fetches when it is shown again. */
  protected get follows(): boolean {
    return this.shown;
  }

  private onEvent(): void {
    if (!this.started) {
      return;
    }
    if (this.follows) {
      void this.refresh();
    } else {
      this.missed = true;
    }
  }

  /** Whether something may have changed since the last fetch. */
  protected missed = false;
}

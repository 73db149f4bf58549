import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { EventStream } from '../api/events';
import { ApiError } from '../api/request';
import type { Attempt, RerunRequest, Run, RunDetail, TaskRun } from '../api/types';
import type { RunsApi } from './api';
import { LogTail } from './log';
import { hasEnded } from './words';

/** While a run goes on, its clocks and its log are brought up to date so often. */
const TICK = 1_000;

export interface RunModelState {
  phase: 'loading' | 'ready' | 'failed';
  /** Why the last fetch failed; with phase `ready` the run is the one from before. */
  error: string | null;
  run: RunDetail | null;
  /** The names of connections by their ids, for the tables. */
  connections: ReadonlyMap<string, string>;
  /** The task that is shown. */
  task: string | null;
  /** The attempt that is shown, where it isn't the last one. */
  attempt: string | null;
  /** Milliseconds since 1970, for what is counted from. */
  now: number;
  /** A request to cancel or to repeat is under way. */
  busy: boolean;
}

/** The task to look at first: what failed, else what runs, else the first. */
export function firstToShow(run: RunDetail): string | null {
  const by = (state: TaskRun['state']): TaskRun | undefined =>
    run.tasks.find(task => task.state === state);
  return (by('failed') ?? by('running') ?? by('queued') ?? run.tasks.at(0))?.task ?? null;
}

/** One run: what its view shows, and what it asks of the server. */
export class RunModel implements IDisposable {
  constructor(
    readonly api: RunsApi,
    private readonly events: EventStream,
    private readonly trans: TranslationBundle,
    readonly id: string
  ) {
    this.log = new LogTail(api, error => this.message(error));
    events.signal('runs').connect(this.onEvent, this);
  }

  readonly log: LogTail;

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get state(): RunModelState {
    return this.current;
  }

  get isDisposed(): boolean {
    return this.disposed;
  }

  dispose(): void {
    this.disposed = true;
    this.stopClock();
    this.log.dispose();
    this.events.signal('runs').disconnect(this.onEvent, this);
    Signal.clearData(this);
  }

  /** Whether the view is on the screen; what isn't looked at is fetched once it is again. */
  watch(shown: boolean): void {
    this.shown = shown;
    if (shown) {
      this.events.start();
      void this.refresh();
    } else {
      this.stopClock();
    }
  }

  get task(): TaskRun | undefined {
    return this.current.run?.tasks.find(task => task.task === this.current.task);
  }

  /** The attempt that is shown: the chosen one, or the last. */
  get attempt(): Attempt | undefined {
    const attempts = this.task?.attempts ?? [];
    return attempts.find(item => item.id === this.current.attempt) ?? attempts.at(-1);
  }

  select(task: string): void {
    this.chosen = true;
    this.set({ task, attempt: null });
    this.followLog();
  }

  selectAttempt(attempt: string): void {
    const last = this.task?.attempts.at(-1)?.id === attempt;
    this.set({ attempt: last ? null : attempt });
    this.followLog();
  }

  /** Fetches again. Calls while it does are one more fetch afterwards. */
  async refresh(): Promise<void> {
    if (this.fetching) {
      this.again = true;
      return this.fetching;
    }
    this.fetching = this.fetch();
    try {
      await this.fetching;
    } finally {
      this.fetching = null;
    }
    if (this.again && !this.disposed) {
      this.again = false;
      await this.refresh();
    }
  }

  /** Throws what `message` makes a sentence of. */
  async cancel(): Promise<void> {
    await this.request(() => this.api.cancel(this.id));
  }

  /** Starts a run that repeats this one, or a part of it. Throws as `cancel`. */
  rerun(body: RerunRequest): Promise<Run> {
    return this.request(() => this.api.rerun(this.id, body));
  }

  /** An error as a sentence for a person. */
  message(error: unknown): string {
    return error instanceof ApiError
      ? error.message
      : this.trans.__('Something went wrong in this page. Reload it, then try again.');
  }

  private async request(send: () => Promise<Run>): Promise<Run> {
    this.set({ busy: true });
    try {
      return await send();
    } finally {
      this.set({ busy: false });
      void this.refresh();
    }
  }

  private async fetch(): Promise<void> {
    if (this.current.phase === 'failed') {
      this.set({ phase: 'loading', error: null });
    }
    try {
      const run = await this.api.get(this.id);
      // What one looks at stays; until one chooses, it is what matters most now.
      const known = run.tasks.some(task => task.task === this.current.task);
      const task = this.chosen && known ? this.current.task : firstToShow(run);
      this.set({ phase: 'ready', error: null, run, task, now: Date.now() });
      if (run.tasks.some(item => item.tables.length > 0)) {
        await this.nameConnections(run);
      }
    } catch (error) {
      const phase = this.current.run ? 'ready' : 'failed';
      this.set({ phase, error: this.message(error) });
    }
    this.followLog();
    this.setClock();
  }

  private async nameConnections(run: RunDetail): Promise<void> {
    const used = run.tasks.flatMap(task => task.tables.map(table => table.connection_id));
    if (used.every(id => this.current.connections.has(id) || this.asked.has(id))) {
      return;
    }
    used.forEach(id => this.asked.add(id));
    try {
      this.set({ connections: await this.api.connectionNames() });
    } catch {
      // Tables are shown without their connections' names then.
    }
  }

  private followLog(): void {
    if (this.shown) {
      this.log.follow(this.attempt?.id ?? null);
    }
  }

  private setClock(): void {
    const { run } = this.current;
    const goesOn = run !== null && !hasEnded(run.state) && this.shown && !this.disposed;
    if (goesOn && this.timer === null) {
      this.timer = setInterval(() => {
        this.set({ now: Date.now() });
        this.followLog();
      }, TICK);
    } else if (!goesOn) {
      this.stopClock();
    }
  }

  private stopClock(): void {
    if (this.timer !== null) {
      clearInterval(this.timer);
      this.timer = null;
    }
  }

  private onEvent(): void {
    const { run, phase } = this.current;
    // A run that has ended changes no more; but one that could not be fetched may be there now.
    if (this.shown && (phase !== 'ready' || !run || !hasEnded(run.state))) {
      void this.refresh();
    }
  }

  private set(change: Partial<RunModelState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...change };
      this.changedSignal.emit();
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private current: RunModelState = {
    phase: 'loading',
    error: null,
    run: null,
    connections: new Map(),
    task: null,
    attempt: null,
    now: Date.now(),
    busy: false
  };
  private readonly asked = new Set<string>();
  private chosen = false;
  private shown = false;
  private fetching: Promise<void> | null = null;
  private again = false;
  private timer: ReturnType<typeof setInterval> | null = null;
  private disposed = false;
}

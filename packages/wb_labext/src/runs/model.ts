import type { TranslationBundle } from '@jupyterlab/translation';

import type { EventStream } from '../api/events';
import type { Attempt, RerunRequest, Run, RunDetail, TaskRun } from '../api/types';
import type { ViewState } from '../ui/viewmodel';
import { LiveModel } from '../ui/viewmodel';
import type { RunsApi } from './api';
import { LogTail } from './log';
import { hasEnded } from './words';

/** How often the clocks and the log of an active run are updated. */
const TICK = 1_000;

export interface RunModelState extends ViewState {
  run: RunDetail | null;
  /** The names of connections by their ids, for the tables. */
  connections: ReadonlyMap<string, string>;
  /** The selected task. */
  task: string | null;
  /** The attempt that the user selected; the last one if it is null. */
  attempt: string | null;
  /** The current time in milliseconds since 1970, for running clocks. */
  now: number;
  /** Whether a request to cancel or rerun is in progress. */
  busy: boolean;
}

/** The task to select first: one that failed, else one that runs, else the first. */
export function firstToShow(run: RunDetail): string | null {
  const by = (state: TaskRun['state']): TaskRun | undefined =>
    run.tasks.find(task => task.state === state);
  return (by('failed') ?? by('running') ?? by('queued') ?? run.tasks.at(0))?.task ?? null;
}

/** The state of a run's view, and its requests to the server. */
export class RunModel extends LiveModel<RunModelState> {
  constructor(
    readonly api: RunsApi,
    events: EventStream,
    trans: TranslationBundle,
    readonly id: string
  ) {
    super(trans, events, ['runs'], {
      phase: 'loading',
      error: null,
      run: null,
      connections: new Map(),
      task: null,
      attempt: null,
      now: Date.now(),
      busy: false
    });
    this.log = new LogTail(api, error => this.message(error));
  }

  readonly log: LogTail;

  dispose(): void {
    this.stopClock();
    this.log.dispose();
    super.dispose();
  }

  override watch(shown: boolean): void {
    super.watch(shown);
    this.followLog();
    this.setClock();
  }

  get task(): TaskRun | undefined {
    return this.state.run?.tasks.find(task => task.task === this.state.task);
  }

  /** The attempt that is shown: the selected one, or the last. */
  get attempt(): Attempt | undefined {
    const attempts = this.task?.attempts ?? [];
    return attempts.find(item => item.id === this.state.attempt) ?? attempts.at(-1);
  }

  select(task: string): void {
    this.chosen = true;
    this.set({ task, attempt: null });
    this.followLog();
  }

  selectAttempt(attempt: string): void {
    this.chosen = true;
    this.set({ attempt });
    this.followLog();
  }

  /** Keeps the task that is shown: the user reads it. */
  keep(): void {
    this.chosen = true;
  }

  /** Throws what `message` turns into a sentence. */
  async cancel(): Promise<void> {
    await this.request(() => this.api.cancel(this.id));
  }

  /** Starts a run that repeats this one or a part of it. Throws like `cancel`. */
  rerun(body: RerunRequest): Promise<Run> {
    return this.request(() => this.api.rerun(this.id, body));
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

  protected async load(): Promise<void> {
    await this.fetch(
      () => this.api.get(this.id),
      run => {
        // A task that the user selected stays selected; until then the most relevant one is shown.
        const known = run.tasks.some(task => task.task === this.state.task);
        const task = this.chosen && known ? this.state.task : firstToShow(run);
        void this.nameConnections(run);
        return { run, task, now: Date.now() };
      }
    );
    this.followLog();
    this.setClock();
  }

  private async nameConnections(run: RunDetail): Promise<void> {
    const used = run.tasks.flatMap(task => task.tables.map(table => table.connection_id));
    if (used.every(id => this.state.connections.has(id) || this.asked.has(id))) {
      return;
    }
    used.forEach(id => this.asked.add(id));
    try {
      this.set({ connections: await this.api.connectionNames() });
    } catch {
      // Tables are then shown without their connections' names.
    }
  }

  private followLog(): void {
    if (this.shown) {
      this.log.follow(this.attempt?.id ?? null);
    }
  }

  private setClock(): void {
    const { run } = this.state;
    const goesOn = run !== null && !hasEnded(run.state) && this.shown && !this.isDisposed;
    if (goesOn && this.clock === null) {
      this.clock = setInterval(() => {
        this.set({ now: Date.now() });
        this.followLog();
      }, TICK);
    } else if (!goesOn) {
      this.stopClock();
    }
  }

  private stopClock(): void {
    if (this.clock !== null) {
      clearInterval(this.clock);
      this.clock = null;
    }
  }

  /** A finished run doesn't change; but one that couldn't be fetched may be available now. */
  protected override get follows(): boolean {
    const { run, phase } = this.state;
    return this.shown && (phase !== 'ready' || !run || !hasEnded(run.state));
  }

  private readonly asked = new Set<string>();
  private chosen = false;
  private clock: ReturnType<typeof setInterval> | null = null;
}

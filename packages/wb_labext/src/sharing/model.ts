import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { Access, Level, Owner, Person, Share } from '../api/types';
import type { Found } from '../ui/lookup';
import type { SharingApi } from './api';
import type { Kind } from './words';
import { LEVELS } from './words';

/** The list that a shared thing is in. */
export interface SharingHost {
  readonly api: Pick<SharingApi, keyof SharingApi>;
  /** The list was fetched again, or something else of it changed. */
  readonly changed: ISignal<unknown, void>;
  /** The list as it is now; another one each time that it was fetched. */
  readonly things: () => unknown;
  /** The name of the one who looks. */
  readonly me: () => string;
  /** An error as a sentence for a person. */
  readonly message: (error: unknown) => string;
}

/** What is shared. */
export interface SharedThing {
  readonly kind: Kind;
  readonly id: string;
  readonly name: string;
  readonly mayTransfer: boolean;
}

export interface SharingState {
  phase: 'loading' | 'ready' | 'failed';
  access: Access | null;
  /** The level that the next one gets. */
  level: Level;
  /** What a change or the fetch ran into; the rest of the state is what it was before. */
  problem: string | null;
  /** A change is under way. */
  busy: boolean;
  /** The box to look for another owner is shown. */
  transferring: boolean;
}

/** Whom a thing is shared with: the dialogue's state. Each change acts at once. */
export class SharingModel implements IDisposable {
  constructor(
    private readonly host: SharingHost,
    readonly thing: SharedThing
  ) {
    this.current = {
      phase: 'loading',
      access: null,
      level: LEVELS[thing.kind][0],
      problem: null,
      busy: false,
      transferring: false
    };
    // Somebody else may share it, or join a group, while one looks.
    host.changed.connect(this.onHostChanged, this);
    this.known = host.things();
  }

  get state(): SharingState {
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
    this.host.changed.disconnect(this.onHostChanged, this);
    Signal.clearData(this);
  }

  get levels(): readonly Level[] {
    return LEVELS[this.thing.kind];
  }

  /** The name of the one who looks. */
  get me(): string {
    return this.host.me();
  }

  /** Fetches; a change that is under way has the last word. */
  async load(): Promise<void> {
    const turn = ++this.turn;
    try {
      const access = await this.host.api.access(this.thing.id);
      if (turn === this.turn) {
        // What a change ran into stays until the next one.
        this.set({ phase: 'ready', access, ...(this.loadFailed ? { problem: null } : {}) });
        this.loadFailed = false;
      }
    } catch (error) {
      if (turn === this.turn) {
        const phase = this.current.access ? 'ready' : 'failed';
        this.loadFailed = true;
        this.set({ phase, problem: this.host.message(error) });
      }
    }
  }

  setLevel(level: Level): void {
    this.set({ level });
  }

  askOwner(transferring: boolean): void {
    this.set({ transferring, problem: null });
  }

  /** The users and groups that match and don't have it by a share or as owner. */
  async searchPeople(text: string): Promise<Found<Person>> {
    const found = await this.host.api.people(text);
    const { owner, shares } = this.current.access ?? { owner: null, shares: [] };
    const ownerKind = owner?.kind === 'team' ? 'group' : 'user';
    return {
      items: found.items.filter(
        person =>
          !(person.kind === 'user' && person.name === this.me) &&
          !(owner && person.kind === ownerKind && person.name === owner.name) &&
          !shares.some(share => share.kind === person.kind && share.name === person.name)
      ),
      more: found.more
    };
  }

  /** The users and groups that can own it: all but the owner. */
  async searchOwners(text: string): Promise<Found<Person>> {
    const found = await this.host.api.people(text);
    const owner = this.current.access?.owner;
    const kind = owner?.kind === 'team' ? 'group' : 'user';
    return {
      items: found.items.filter(person => person.kind !== kind || person.name !== owner?.name),
      more: found.more
    };
  }

  /** Shares with a user or a group, or gives them another level. */
  share(person: Person, level: Level = this.current.level): Promise<boolean> {
    const { kind, name } = person;
    return this.change(() => this.host.api.share(this.thing.id, { kind, name, level }));
  }

  /** Takes a share back. */
  unshare(share: Share): Promise<boolean> {
    return this.change(() => this.host.api.unshare(this.thing.id, share));
  }

  /** Gives a share back as it was, also when the dialogue is closed. */
  async restore(share: Share): Promise<void> {
    await this.host.api.share(this.thing.id, share);
  }

  async transfer(person: Person): Promise<boolean> {
    const kind = person.kind === 'group' ? 'team' : 'user';
    const done = await this.change(() =>
      this.host.api.transfer(this.thing.id, { kind, name: person.name })
    );
    if (done) {
      this.set({ transferring: false });
    }
    return done;
  }

  /** Gives it back to an owner, and to the one who had it meanwhile the share from before. */
  async transferBack(owner: Owner, share: Share | null): Promise<void> {
    await this.host.api.transfer(this.thing.id, owner);
    if (share) {
      await this.restore(share);
    }
  }

  message(error: unknown): string {
    return this.host.message(error);
  }

  private async change(request: () => Promise<Access>): Promise<boolean> {
    if (this.current.busy) {
      return false;
    }
    this.turn++;
    this.set({ busy: true, problem: null });
    try {
      const access = await request();
      this.turn++;
      this.set({ access, phase: 'ready', busy: false });
      return true;
    } catch (error) {
      this.set({ busy: false, problem: this.host.message(error) });
      return false;
    }
  }

  private onHostChanged(): void {
    const things = this.host.things();
    if (things !== this.known) {
      this.known = things;
      if (!this.current.busy) {
        void this.load();
      }
    }
  }

  private set(change: Partial<SharingState>): void {
    if (!this.disposed) {
      this.current = { ...this.current, ...change };
      this.changedSignal.emit();
    }
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private current: SharingState;
  private known: unknown;
  private turn = 0;
  private loadFailed = false;
  private disposed = false;
}

import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';

import type { OwnedApi } from '../api/common';
import type { Access, Level, Owner, Person, Share } from '../api/types';
import type { Found } from '../ui/lookup';
import type { ChangeState } from '../ui/viewmodel';
import { ChangeModel } from '../ui/viewmodel';
import type { Kind } from './words';
import { LEVELS } from './words';

/** The list that a shared thing is in. */
export interface SharingHost {
  readonly api: Pick<OwnedApi<unknown>, 'access' | 'share' | 'unshare' | 'transfer' | 'people'>;
  /** Signalled when the list was fetched again, or something else in it changed. */
  readonly changed: ISignal<unknown, void>;
  /** The current list; a new object each time it was fetched. */
  readonly things: () => unknown;
  /** The name of the user. */
  readonly me: () => string;
}

/** The thing that is shared. */
export interface SharedThing {
  readonly kind: Kind;
  readonly id: string;
  readonly name: string;
  readonly mayTransfer: boolean;
}

export interface SharingState extends ChangeState {
  access: Access | null;
  /** The level of the next share. */
  level: Level;
  /** Whether the search for a new owner is shown. */
  transferring: boolean;
}

/** The state of the dialog: whom a thing is shared with. */
export class SharingModel extends ChangeModel<SharingState> {
  constructor(
    private readonly host: SharingHost,
    readonly thing: SharedThing,
    trans: TranslationBundle
  ) {
    super(trans, {
      phase: 'loading',
      error: null,
      access: null,
      level: LEVELS[thing.kind][0],
      problem: null,
      busy: false,
      transferring: false
    });
    // While the dialog is open, others may share it or join a group.
    host.changed.connect(this.onHostChanged, this);
    this.known = host.things();
  }

  dispose(): void {
    this.host.changed.disconnect(this.onHostChanged, this);
    super.dispose();
  }

  get levels(): readonly Level[] {
    return LEVELS[this.thing.kind];
  }

  /** The name of the user. */
  get me(): string {
    return this.host.me();
  }

  setLevel(level: Level): void {
    this.set({ level });
  }

  askOwner(transferring: boolean): void {
    this.set({ transferring, problem: null });
  }

  /** The matching users and groups that don't have a share and aren't the owner. */
  async searchPeople(text: string): Promise<Found<Person>> {
    const found = await this.host.api.people(text);
    const { owner, shares } = this.state.access ?? { owner: null, shares: [] };
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

  /** The matching users and groups that can become the owner: all but the current one. */
  async searchOwners(text: string): Promise<Found<Person>> {
    const found = await this.host.api.people(text);
    const owner = this.state.access?.owner;
    const kind = owner?.kind === 'team' ? 'group' : 'user';
    return {
      items: found.items.filter(person => person.kind !== kind || person.name !== owner?.name),
      more: found.more
    };
  }

  /** Shares with a user or a group, or changes their level. */
  share(person: Person, level: Level = this.state.level): Promise<boolean> {
    const { kind, name } = person;
    return this.change(async () => ({
      access: await this.host.api.share(this.thing.id, { kind, name, level })
    }));
  }

  /** Revokes a share. */
  unshare(share: Share): Promise<boolean> {
    return this.change(async () => ({
      access: await this.host.api.unshare(this.thing.id, share)
    }));
  }

  /** Restores a share, even after the dialog was closed. */
  async restore(share: Share): Promise<void> {
    await this.host.api.share(this.thing.id, share);
  }

  transfer(person: Person): Promise<boolean> {
    const kind = person.kind === 'group' ? 'team' : 'user';
    return this.change(async () => ({
      access: await this.host.api.transfer(this.thing.id, { kind, name: person.name }),
      transferring: false
    }));
  }

  /** Returns it to its previous owner, and restores the share that the new owner had before. */
  async transferBack(owner: Owner, share: Share | null): Promise<void> {
    await this.host.api.transfer(this.thing.id, owner);
    if (share) {
      await this.restore(share);
    }
  }

  protected async load(): Promise<void> {
    await this.fetch(
      () => this.host.api.access(this.thing.id),
      access => ({ access })
    );
  }

  private onHostChanged(): void {
    const things = this.host.things();
    if (things !== this.known) {
      this.known = things;
      if (!this.state.busy) {
        void this.refresh();
      }
    }
  }

  private known: unknown;
}

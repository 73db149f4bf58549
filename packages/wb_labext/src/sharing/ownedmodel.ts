import type { TranslationBundle } from '@jupyterlab/translation';

import type { OwnedApi } from '../api/common';
import type { EventStream, Topic } from '../api/events';
import type { Me, Reason } from '../api/types';
import type { ViewState } from '../ui/viewmodel';
import { LiveModel } from '../ui/viewmodel';
import type { SharingHost } from './model';
import type { Kind } from './words';

/** The fields that all owned things have. */
export interface Owned {
  readonly id: string;
  readonly name: string;
  /** What the user may do with it. */
  readonly actions: readonly string[];
  readonly reasons: readonly Reason[];
}

export interface OwnedState<View extends Owned> extends ViewState {
  me: Me | null;
  items: readonly View[];
  search: string;
  /** The key of the selected row. */
  active: string | null;
}

/** The state of an empty list. */
export const NOTHING = {
  phase: 'loading',
  error: null,
  me: null,
  items: [],
  search: '',
  active: null
} as const;

/** The state of a panel that lists owned things, and its requests to the server. */
export abstract class OwnedModel<
  View extends Owned,
  S extends OwnedState<View> = OwnedState<View>,
  Api extends OwnedApi<View> = OwnedApi<View>
> extends LiveModel<S> {
  constructor(
    trans: TranslationBundle,
    events: EventStream,
    topics: readonly Topic[],
    readonly api: Api,
    readonly kind: Kind,
    state: S
  ) {
    super(trans, events, topics, state);
  }

  /** The keys of the rows that are shown. */
  abstract get keys(): readonly string[];

  item(id: string | null): View | undefined {
    return this.state.items.find(item => item.id === id);
  }

  get mayCreate(): boolean {
    return this.state.me?.actions.includes(`${this.kind}.create`) ?? false;
  }

  may(item: View, action: string): boolean {
    return item.actions.includes(`${this.kind}.${action}`);
  }

  /** In local mode there is nobody to share with. */
  mayShare(item: View): boolean {
    return this.state.me?.mode !== 'local' && this.may(item, 'share');
  }

  /** What the sharing dialog needs of this list. */
  get sharing(): SharingHost {
    return {
      api: this.api,
      changed: this.changed,
      things: () => this.state.items,
      me: () => this.state.me?.name ?? ''
    };
  }

  setSearch(search: string): void {
    this.set({ search } as Partial<S>);
  }

  select(active: string | null): void {
    this.set({ active } as Partial<S>);
  }

  async remove(id: string): Promise<void> {
    await this.api.remove(id);
    await this.refresh();
  }

  async restore(id: string): Promise<void> {
    await this.api.restore(id);
    await this.refresh();
  }

  protected async load(): Promise<void> {
    let place = -1;
    const fetched = await this.fetch(
      async () => {
        const me = await this.api.me();
        const [items, more] =
          me.roles.length > 0 ? await Promise.all([this.api.list(), this.more()]) : [[], {}];
        return { me, items, ...more } as unknown as Partial<S>;
      },
      found => {
        place = this.keys.indexOf(this.state.active ?? '');
        return this.accept(found);
      }
    );
    if (!fetched) {
      return;
    }
    if (place >= 0 && !this.keys.includes(this.state.active ?? '')) {
      // The selected row is gone: select its neighbour.
      this.select(this.keys[Math.min(place, this.keys.length - 1)] ?? null);
    }
    this.accepted();
  }

  /** What else is fetched, if the user has a role. */
  protected more(): Promise<Partial<S>> {
    return Promise.resolve({});
  }

  /** Derives further state from what was fetched. */
  protected accept(found: Partial<S>): Partial<S> {
    return found;
  }

  /** Called when what was fetched is shown. */
  protected accepted(): void {}
}

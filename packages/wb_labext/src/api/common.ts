/** Endpoints that several rooms use. */
import type { ApiClient } from './request';
import { apiPath } from './request';
import type {
  Access,
  ConnectionView,
  Items,
  Me,
  OwnerRequest,
  PeopleList,
  Share,
  ShareRequest
} from './types';

/** The endpoints that every room may use; a room's own are in a subclass. */
export class CommonApi {
  constructor(protected readonly client: ApiClient) {}

  me(): Promise<Me> {
    return this.client.request('me');
  }

  /** The users and groups whose names match. */
  people(search: string): Promise<PeopleList> {
    return this.client.request('people', { query: { search } });
  }

  /** The connections that the user may see. */
  connections(): Promise<ConnectionView[]> {
    return this.items('connections');
  }

  /** The names of connections by their ids. */
  async connectionNames(): Promise<ReadonlyMap<string, string>> {
    return new Map((await this.connections()).map(({ id, name }) => [id, name]));
  }

  /** The items of a list, of all its pages. */
  protected async items<T>(
    path: string,
    query?: Record<string, string | number | null>
  ): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | null | undefined;
    do {
      const page: Items<T> = await this.client.request(path, {
        query: cursor ? { ...query, cursor } : query
      });
      items.push(...page.items);
      cursor = page.next;
    } while (cursor);
    return items;
  }
}

/**
 * The endpoints of owned things, which can be shared, deleted and restored: the same below the path of
 * each kind.
 */
export class OwnedApi<View> extends CommonApi {
  /**
   * @param root - the path of the kind, such as `connections`
   */
  constructor(
    client: ApiClient,
    protected readonly root: string
  ) {
    super(client);
  }

  list(): Promise<View[]> {
    return this.items(this.root);
  }

  /** By its id, or by its name. */
  get(id: string): Promise<View> {
    return this.client.request(this.path(id));
  }

  remove(id: string): Promise<View> {
    return this.client.request(this.path(id), { method: 'DELETE' });
  }

  restore(id: string): Promise<View> {
    return this.post(this.path(id, 'restore'));
  }

  access(id: string): Promise<Access> {
    return this.client.request(this.path(id, 'access'));
  }

  share(id: string, body: ShareRequest): Promise<Access> {
    return this.post(this.path(id, 'shares'), body);
  }

  unshare(id: string, { kind, name }: Pick<Share, 'kind' | 'name'>): Promise<Access> {
    return this.client.request(this.path(id, 'shares', kind, name), { method: 'DELETE' });
  }

  transfer(id: string, body: OwnerRequest): Promise<Access> {
    return this.post(this.path(id, 'owner'), body);
  }

  protected path(...parts: string[]): string {
    return apiPath(this.root, ...parts);
  }

  protected post<T>(path: string, body: unknown = {}): Promise<T> {
    return this.client.request(path, { method: 'POST', body });
  }
}

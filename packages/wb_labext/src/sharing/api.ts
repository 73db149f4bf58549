import type { ApiClient } from '../api/request';
import { apiPath } from '../api/request';
import type { Access, OwnerRequest, PeopleList, Share, ShareRequest } from '../api/types';

/** Whom a thing is shared with: the same endpoints below the path of each kind. */
export class SharingApi {
  /**
   * @param root - the path of the kind, `connections` say
   */
  constructor(
    private readonly client: ApiClient,
    private readonly root: string
  ) {}

  access(id: string): Promise<Access> {
    return this.client.request(apiPath(this.root, id, 'access'));
  }

  share(id: string, body: ShareRequest): Promise<Access> {
    return this.client.request(apiPath(this.root, id, 'shares'), { method: 'POST', body });
  }

  unshare(id: string, share: Pick<Share, 'kind' | 'name'>): Promise<Access> {
    const path = apiPath(this.root, id, 'shares', share.kind, share.name);
    return this.client.request(path, { method: 'DELETE' });
  }

  transfer(id: string, body: OwnerRequest): Promise<Access> {
    return this.client.request(apiPath(this.root, id, 'owner'), { method: 'POST', body });
  }

  people(search: string): Promise<PeopleList> {
    return this.client.request('people', { query: { search } });
  }
}

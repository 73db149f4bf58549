import type { ApiClient } from '../api/request';
import { apiPath } from '../api/request';
import type {
  ConnectionView,
  Items,
  LimitList,
  LimitRequest,
  LimitView,
  Me,
  OwnLimits,
  PeopleList,
  RunningQuery
} from '../api/types';

/** The endpoints of this room. */
export class QueriesApi {
  constructor(private readonly client: ApiClient) {}

  me(): Promise<Me> {
    return this.client.request('me');
  }

  /** What runs or waits now: one's own, or everybody's. */
  async running(everybodys: boolean): Promise<RunningQuery[]> {
    const query = everybodys ? { all: 'true' } : {};
    return (await this.client.request<Items<RunningQuery>>('queries', { query })).items;
  }

  async cancel(id: string): Promise<void> {
    await this.client.request(apiPath('query', id), { method: 'DELETE' });
  }

  ownLimits(): Promise<OwnLimits> {
    return this.client.request('limits/mine');
  }

  limits(): Promise<LimitList> {
    return this.client.request('limits');
  }

  setLimits(body: LimitRequest): Promise<LimitList> {
    return this.client.request('limits', { method: 'POST', body });
  }

  removeLimits(row: LimitView): Promise<LimitList> {
    const where = row.kind === 'everyone' ? ['everyone'] : [row.kind, row.subject];
    return this.client.request(apiPath('limits', ...where), { method: 'DELETE' });
  }

  people(search: string): Promise<PeopleList> {
    return this.client.request('people', { query: { search } });
  }

  async connections(): Promise<ConnectionView[]> {
    return (await this.client.request<Items<ConnectionView>>('connections')).items;
  }
}

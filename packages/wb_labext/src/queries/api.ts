import { CommonApi } from '../api/common';
import { apiPath } from '../api/request';
import type { LimitList, LimitRequest, LimitView, OwnLimits, RunningQuery } from '../api/types';

/** The endpoints of this room. */
export class QueriesApi extends CommonApi {
  /** What is running or waiting now: the user's own queries, or everyone's. */
  running(everyones: boolean): Promise<RunningQuery[]> {
    return this.items('queries', everyones ? { all: 'true' } : {});
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
    return this.client.request(apiPath('limits', ...where), {
      method: 'DELETE',
      query: { work: row.work }
    });
  }
}

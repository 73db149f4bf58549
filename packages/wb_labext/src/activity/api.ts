import type { ApiClient } from '../api/request';
import type { AuditPage, AuditRow, Me, Outcome } from '../api/types';

export interface AuditFilters {
  search?: string;
  since?: string | null;
  until?: string | null;
  action?: string;
  event?: AuditRow['event'];
  outcome?: Outcome;
  /** Whose; only in everybody's log. */
  user?: string;
  cursor?: string | null;
  limit?: number;
}

/** The endpoints of this room. */
export class ActivityApi {
  constructor(private readonly client: ApiClient) {}

  me(): Promise<Me> {
    return this.client.request('me');
  }

  /** One's own activity, or everybody's. */
  search(everybodys: boolean, filters: AuditFilters): Promise<AuditPage> {
    return this.client.request(everybodys ? 'audit' : 'audit/mine', { query: { ...filters } });
  }
}

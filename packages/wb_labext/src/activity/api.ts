import type { ApiClient } from '../api/request';
import type { AuditPage, AuditRow, ConnectionView, Items, Me, Outcome } from '../api/types';

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

  /** The names of the connections that one may see, by their ids. */
  async names(): Promise<ReadonlyMap<string, string>> {
    const { items } = await this.client.request<Items<ConnectionView>>('connections');
    return new Map(items.map(connection => [connection.id, connection.name]));
  }

  /** One's own activity, or everybody's. */
  search(everybodys: boolean, filters: AuditFilters): Promise<AuditPage> {
    return this.client.request(everybodys ? 'audit' : 'audit/mine', { query: { ...filters } });
  }
}

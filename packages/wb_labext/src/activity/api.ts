import { CommonApi } from '../api/common';
import type { AuditAction, AuditPage, AuditRow, Outcome } from '../api/types';

export interface AuditFilters {
  search?: string;
  since?: string | null;
  until?: string | null;
  action?: string;
  event?: AuditRow['event'];
  outcome?: Outcome;
  /** The user; only in everyone's log. */
  user?: string;
  cursor?: string | null;
  limit?: number;
}

/** The endpoints of this room. */
export class ActivityApi extends CommonApi {
  /** The actions of the log, in words. */
  actions(): Promise<AuditAction[]> {
    return this.items('audit/actions');
  }

  /** The user's own activity, or everyone's. */
  search(everyones: boolean, filters: AuditFilters): Promise<AuditPage> {
    return this.client.request(everyones ? 'audit' : 'audit/mine', { query: { ...filters } });
  }
}

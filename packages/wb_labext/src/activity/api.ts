import { CommonApi } from '../api/common';
import type {
  AuditAction,
  AuditPage,
  AuditRow,
  Outcome,
  PipelineView,
  RunPage
} from '../api/types';

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

  /**
   * The names of connections, pipelines and recent runs by their ids. A user without a role may list
   * none of them: then ids stay ids.
   */
  async names(): Promise<ReadonlyMap<string, string>> {
    const found = await Promise.all([
      this.connectionNames().catch(() => []),
      this.items<PipelineView>('pipelines').catch(() => []),
      this.client.request<RunPage>('runs', { query: { limit: 200 } }).catch(() => ({ items: [] }))
    ]);
    const [connections, pipelines, runs] = found;
    return new Map([
      ...connections,
      ...pipelines.map(({ id, name }) => [id, name] as const),
      ...runs.items.map(({ id, pipeline, number }) => [id, `${pipeline}#${number}`] as const)
    ]);
  }

  /** The user's own activity, or everyone's. */
  search(everyones: boolean, filters: AuditFilters): Promise<AuditPage> {
    return this.client.request(everyones ? 'audit' : 'audit/mine', { query: { ...filters } });
  }
}

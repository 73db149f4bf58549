import type { AuditRow } from '../../api/types';

/** A row of the log: the start of a query, unless something else is said. */
export function row(id: number, record: string, change: Partial<AuditRow> = {}): AuditRow {
  return {
    id,
    record,
    at: '2026-11-23T10:00:00Z',
    event: 'started',
    actor: 'ada',
    address: '127.0.0.1',
    via: 'token',
    request_id: 'r',
    action: 'query.read',
    connection_id: null,
    target: 'shop',
    statement: change.event === 'finished' ? null : 'select 1',
    rows: null,
    bytes: null,
    duration_ms: null,
    outcome: null,
    code: null,
    ...change
  };
}

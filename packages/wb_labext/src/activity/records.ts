/**
 * Turns rows of the audit log into records: an access has a row for its start and one for its end, and
 * the list shows it once. Pure functions.
 */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { AuditAction, AuditRow, Outcome } from '../api/types';

/** One access, assembled from its rows. */
export interface ActivityRecord {
  /** The id that both rows share; for a query, its id. */
  id: string;
  started: AuditRow | null;
  /** The row of its end, or of a refusal. */
  ended: AuditRow | null;
  /** The newer of the two. */
  last: AuditRow;
}

/**
 * Assembles rows into records, the newest first. A page can end between an access's two rows, and a
 * filter can leave one of them out.
 */
export function recordsOf(rows: readonly AuditRow[]): ActivityRecord[] {
  const found = new Map<string, ActivityRecord>();
  for (const row of [...rows].sort((a, b) => b.id - a.id)) {
    const known = found.get(row.record) ?? {
      id: row.record,
      started: null,
      ended: null,
      last: row
    };
    found.set(row.record, {
      ...known,
      ...(row.event === 'started' ? { started: row } : { ended: row })
    });
  }
  return [...found.values()];
}

/** What a record shows, from whichever row has it. */
export interface Shown {
  at: Date;
  actor: string;
  action: string;
  target: string;
  statement: string | null;
  outcome: Outcome | 'running' | null;
}

/** A connection's id, and details of the action: `…/user/ada: use`. */
const BY_ID = /^([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})(?:\/(.*))?$/s;

/** A record's target, with the connection's name if it is known. */
export function targetWords(target: string, names: ReadonlyMap<string, string>): string {
  const parts = BY_ID.exec(target);
  if (!parts) {
    return target;
  }
  const [, id, rest] = parts;
  return [names.get(id) ?? id, rest].filter(Boolean).join(' · ');
}

/**
 * @param whole - whether a record without an end really has none; otherwise a filter may have left it out
 * @param names - names of connections by their ids
 */
export function shownOf(
  record: ActivityRecord,
  whole: boolean,
  names: ReadonlyMap<string, string>
): Shown {
  const { started, ended, last } = record;
  const begin = started ?? last;
  const id = last.connection_id;
  return {
    at: new Date(begin.at),
    actor: last.actor ?? '',
    action: last.action,
    // The current name, so that running the query again finds the connection.
    target: (id && names.get(id)) || targetWords(ended?.target ?? begin.target ?? '', names),
    statement: started?.statement ?? ended?.statement ?? null,
    // A filter may have left the end out.
    outcome: ended ? (ended.outcome ?? null) : whole ? 'running' : null
  };
}

/** Whether a record is a query that can be run again: it has a statement and a connection's name. */
export function isQuery(shown: Shown): boolean {
  return shown.action.startsWith('query.') && shown.statement !== null && shown.target !== '';
}

export const OUTCOMES: readonly Outcome[] = [
  'ok',
  'failed',
  'refused',
  'cancelled',
  'hung_up',
  'unknown'
];

export function outcomeWords(outcome: Outcome | 'running', trans: TranslationBundle): string {
  switch (outcome) {
    case 'ok':
      return trans.__('succeeded');
    case 'failed':
      return trans.__('failed');
    case 'refused':
      return trans.__('refused');
    case 'cancelled':
      return trans.__('cancelled');
    case 'hung_up':
      return trans.__('closed early');
    case 'unknown':
      return trans.__('outcome unknown');
    case 'running':
      return trans.__('running');
  }
}

/** An action in words; an unknown one is shown by its name. */
export function actionWords(name: string, actions: readonly AuditAction[]): string {
  return actions.find(action => action.name === name)?.title ?? name;
}

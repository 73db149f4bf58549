/** The panel's texts about pipelines. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { PipelineView, VersionSummary } from '../api/types';
import { ageWords, exactWords, stateWords } from '../runs/words';

/** Whether its newest version is awaiting approval. */
export function waitsForApproval(pipeline: PipelineView): boolean {
  return pipeline.approved !== pipeline.head;
}

/** Whether it has a schedule, paused or not. */
export function hasSchedule(pipeline: PipelineView): boolean {
  return pipeline.paused || pipeline.next_fire_at !== null;
}

/** The outcome and time of its last run. */
export function lastRunWords(pipeline: PipelineView, trans: TranslationBundle): string {
  const run = pipeline.last_run;
  if (!run) {
    return trans.__('Not run yet');
  }
  return `${stateWords(run.state, trans)} ${ageWords(run.finished_at ?? run.started_at ?? run.created_at)}`;
}

/**
 * Why its last run was refused for lack of permission, in a few words; empty if it wasn't, or while a
 * version is awaiting approval. The codes are those of the server's `accounts.py`.
 */
export function refusalWords(pipeline: PipelineView, trans: TranslationBundle): string {
  const run = pipeline.last_run;
  if (run?.state !== 'failed' || pipeline.approved === null) {
    return '';
  }
  switch (run.code) {
    case 'owner_gone':
      return trans.__('Refused: its owner has left');
    case 'owner_locked_out':
      return trans.__('Refused: its owner is locked out');
    case 'owner_role_missing':
      return trans.__('Refused: its owner has no role');
    case 'team_left':
      return trans.__('Refused: approver left the team');
    case 'owner_changed':
    case 'not_approved':
      return trans.__('Refused: not approved by its owner');
    default:
      return '';
  }
}

/** When it runs next; empty without a schedule. */
export function nextFireWords(pipeline: PipelineView, trans: TranslationBundle): string {
  if (pipeline.paused) {
    return trans.__('schedule paused');
  }
  return pipeline.next_fire_at ? trans.__('next %1', ageWords(pipeline.next_fire_at)) : '';
}

/** The exact times behind a row's relative ones. */
export function timesWords(pipeline: PipelineView, trans: TranslationBundle): string {
  const run = pipeline.last_run;
  return [
    run ? trans.__('Last run: %1', exactWords(run.started_at ?? run.created_at)) : '',
    run?.message ?? '',
    pipeline.next_fire_at && !pipeline.paused
      ? trans.__('Next run: %1', exactWords(pipeline.next_fire_at))
      : ''
  ]
    .filter(Boolean)
    .join('\n');
}

/** Who can approve the waiting version, and with whose rights it will run. */
export function approverWords(
  pipeline: PipelineView,
  mine: boolean,
  trans: TranslationBundle
): string {
  const { kind, name } = pipeline.owner;
  if (mine) {
    return kind === 'team'
      ? trans.__('It will run with the permissions of the team %1. Review it first.', name)
      : trans.__('It will run with your permissions. Review it first.');
  }
  return kind === 'team'
    ? trans.__('A member of the team %1 can approve it.', name)
    : trans.__('It will run with the permissions of %1, who can approve it.', name);
}

/** Who approved a version, unless its author approved it as the owner. */
export function approvedWords(
  version: VersionSummary,
  pipeline: PipelineView,
  trans: TranslationBundle
): string {
  const { approved_by: by, approved_for: whose } = version;
  if (!by) {
    return '';
  }
  if (whose && whose !== `${pipeline.owner.kind}:${pipeline.owner.name}`) {
    return trans.__('approved by %1, for another owner', by);
  }
  return by === version.author ? '' : trans.__('approved by %1', by);
}

export function approvalWords(pipeline: PipelineView, trans: TranslationBundle): string {
  return pipeline.approved === null
    ? trans.__('Version %1 is awaiting approval; nothing runs yet', pipeline.head)
    : trans.__(
        'Version %1 is awaiting approval; version %2 is active',
        pipeline.head,
        pipeline.approved
      );
}

/** One line of a unified diff, and its kind. */
export interface DiffLine {
  kind: 'added' | 'removed' | 'place' | 'file' | 'same';
  text: string;
}

/** The lines of a version's diff, without the header that names the two sides. */
export function diffLines(diff: string): DiffLine[] {
  return diff
    .split('\n')
    .filter((line, index) => !(index < 2 && (line.startsWith('--- ') || line.startsWith('+++ '))))
    .map(text => {
      const kind = text.startsWith('@@')
        ? 'place'
        : text.startsWith('+')
          ? 'added'
          : text.startsWith('-')
            ? 'removed'
            : text.startsWith(' ') || text === ''
              ? 'same'
              : 'file';
      return { kind, text } as const;
    });
}

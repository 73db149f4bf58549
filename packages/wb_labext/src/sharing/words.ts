/** Texts about owners, levels and reasons. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { Level, Owner, Reason } from '../api/types';

/** The levels of each kind of thing, lowest first. */
export const LEVELS = {
  connection: ['use', 'write', 'manage'],
  pipeline: ['view', 'run', 'edit', 'manage']
} as const satisfies Record<string, readonly Level[]>;

/** What can be shared. */
export type Kind = keyof typeof LEVELS;

/** Everyone with a role is a viewer: roles include the lower ones. */
const EVERYONE = 'viewer';

export function levelName(level: Level, trans: TranslationBundle): string {
  switch (level) {
    case 'use':
      return trans.__('use');
    case 'write':
      return trans.__('write');
    case 'view':
      return trans.__('view');
    case 'run':
      return trans.__('run');
    case 'edit':
      return trans.__('edit');
    case 'manage':
      return trans.__('manage');
  }
}

export function levelHelp(kind: Kind, level: Level, trans: TranslationBundle): string {
  switch (level) {
    case 'use':
      return trans.__('read data');
    case 'write':
      return trans.__('also change data, if the connector supports it');
    case 'view':
      return trans.__('see it, its runs and their results');
    case 'run':
      return trans.__('also start, cancel and rerun it, with the permissions of its owner');
    case 'edit':
      return trans.__('also edit it; changes run after the owner approves them');
    case 'manage':
      return kind === 'pipeline'
        ? trans.__('also share and delete it; only its owner approves what runs')
        : trans.__('also edit, share and delete it');
  }
}

/** Whether a group is a role. */
export function isRole(group: string): boolean {
  return ['viewer', 'analyst', 'engineer', 'admin'].includes(group);
}

/** The owner. What the role viewer owns belongs to everyone with a role. */
export function ownerWords(owner: Owner, trans: TranslationBundle): string {
  if (owner.kind === 'user') {
    return owner.name;
  }
  return owner.name === EVERYONE ? trans.__('everyone') : trans.__('team %1', owner.name);
}

/** Why a user has a level of access. */
export function reasonWords(reason: Reason, trans: TranslationBundle): string {
  switch (reason.kind) {
    case 'owner':
      return trans.__('owner');
    case 'team':
      return reason.name === EVERYONE
        ? trans.__('owned by everyone')
        : trans.__('member of team %1', reason.name);
    case 'admin':
      return trans.__('administrator');
    case 'user':
      return trans.__('direct share');
    case 'group':
      return reason.name === EVERYONE
        ? trans.__('shared with everyone')
        : trans.__('member of group %1', reason.name);
  }
}

/** Why the user has access; empty for the owner, whom the row names anyway. */
export function heldWords(thing: { reasons: readonly Reason[] }, trans: TranslationBundle): string {
  const reason = thing.reasons[0] as Reason | undefined;
  if (!reason || reason.kind === 'owner' || reason.kind === 'team') {
    return '';
  }
  const level = levelName(reason.level, trans);
  switch (reason.kind) {
    case 'admin':
      return trans.__('as administrator · %1', level);
    case 'user':
      return trans.__('shared with you · %1', level);
    case 'group':
      return reason.name === EVERYONE
        ? trans.__('shared with everyone · %1', level)
        : trans.__('shared by group %1 · %2', reason.name, level);
  }
}

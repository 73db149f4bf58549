import type { TranslationBundle } from '@jupyterlab/translation';
import { deleteIcon, usersIcon } from '@jupyterlab/ui-components';
import type { CommandRegistry } from '@lumino/commands';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import { notify } from '../ui/notify';
import { ApiError } from '../api/request';
import { about } from '../ui/commands';
import { offerUndo } from '../ui/undo';
import { openSharingDialog } from './dialog';
import type { Owned, OwnedModel } from './ownedmodel';

export interface OwnedCommands<View extends Owned> {
  commands: CommandRegistry;
  model: Pick<OwnedModel<View>, keyof OwnedModel<View>>;
  ids: { share: string; delete: string };
  describedBy: CommandRegistry.ICommandOptions['describedBy'];
  /** The thing that the arguments name, or the selected one, if the user may do this with it. */
  find: (args: ReadonlyPartialJSONObject, action: string) => View | null;
  /** Asks before it is deleted, if there is something to know; `false` if the user keeps it. */
  confirmDelete?: (item: View) => Promise<boolean>;
  texts: {
    share: string;
    shareCaption: string;
    delete: string;
    deleteCaption: string;
    deleted: (name: string) => string;
    restore: string;
    restored: (name: string) => string;
    /** Another thing has taken the name in the meantime. */
    taken: (name: string) => string;
  };
  trans: TranslationBundle;
}

/** Registers the commands that share and delete owned things. */
export function addOwnedCommands<View extends Owned>(options: OwnedCommands<View>): void {
  const { commands, model, ids, describedBy, find, texts, trans } = options;

  commands.addCommand(ids.share, {
    label: texts.share,
    caption: texts.shareCaption,
    icon: usersIcon,
    describedBy,
    ...about(
      args => {
        const item = find(args, 'share');
        return item && model.mayShare(item) ? item : null;
      },
      item =>
        openSharingDialog(model.sharing, trans, {
          kind: model.kind,
          id: item.id,
          name: item.name,
          mayTransfer: model.may(item, 'transfer')
        })
    )
  });

  commands.addCommand(ids.delete, {
    label: texts.delete,
    caption: texts.deleteCaption,
    icon: deleteIcon,
    describedBy,
    ...about(
      args => find(args, 'delete'),
      async item => {
        const { id, name } = item;
        try {
          if (options.confirmDelete && !(await options.confirmDelete(item))) {
            return;
          }
          await model.remove(id);
        } catch (error) {
          notify(trans, 'error', model.message(error));
          return;
        }
        offerUndo({
          trans,
          message: texts.deleted(name),
          caption: texts.restore,
          undo: () => model.restore(id),
          done: texts.restored(name),
          failed: error =>
            error instanceof ApiError && error.status === 409
              ? texts.taken(name)
              : model.message(error)
        });
      }
    )
  });
}

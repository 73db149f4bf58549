import type { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { notify } from './notify';

/** How long the notification offers to undo, in milliseconds. */
export const UNDO_SHOWN = 15_000;

export interface UndoOptions {
  trans: TranslationBundle;
  /** The message that something was removed. */
  message: string;
  /** The button's caption: what it restores. */
  caption: string;
  /** Restores it. Throws what `failed` turns into a sentence. */
  undo: () => Promise<void>;
  /** The message once it is restored. */
  done: string;
  failed: (error: unknown) => string;
}

/** Notifies the user that something was removed, and offers to undo it. */
export function offerUndo(options: UndoOptions): void {
  const { trans, message, caption, done, failed } = options;
  const action: Notification.IAction = {
    label: trans.__('Undo'),
    caption,
    displayType: 'accent',
    callback: () => void restore()
  };

  async function restore(): Promise<void> {
    try {
      await options.undo();
      notify(trans, 'success', done, { autoClose: 4_000 });
    } catch (error) {
      notify(trans, 'error', failed(error), { autoClose: false, actions: [action] });
    }
  }

  notify(trans, 'info', message, { autoClose: UNDO_SHOWN, actions: [action] });
}

import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

/** How long something that was taken away can be brought back from its notification. */
export const UNDO_SHOWN = 15_000;

export interface UndoOptions {
  trans: TranslationBundle;
  /** What was taken away, in words. */
  message: string;
  /** What the button brings back, in words. */
  caption: string;
  /** Brings it back. Throws what `failed` makes a sentence of. */
  undo: () => Promise<void>;
  /** What is said once it is back. */
  done: string;
  failed: (error: unknown) => string;
}

/** Tells that something was taken away, and offers to bring it back. */
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
      Notification.success(done, { autoClose: 4_000 });
    } catch (error) {
      Notification.error(failed(error), { autoClose: false, actions: [action] });
    }
  }

  Notification.info(message, { autoClose: UNDO_SHOWN, actions: [action] });
}

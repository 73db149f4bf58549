import { Dialog, Notification, showDialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';

import { shortened } from './shortened';

/**
 * Shows a notification. JupyterLab cuts a long text: then the notification has its first sentences and a
 * button that shows all of it.
 */
export function notify(
  trans: TranslationBundle,
  kind: 'info' | 'success' | 'warning' | 'error',
  text: string,
  options: { autoClose?: number | false; actions?: Notification.IAction[] } = {}
): void {
  const shown = shortened(text);
  const details: Notification.IAction = {
    label: trans.__('Details'),
    caption: trans.__('Show the whole message'),
    callback: () => {
      void showDialog({ body: text, buttons: [Dialog.okButton({ label: trans.__('Close') })] });
    }
  };
  const actions = [...(options.actions ?? []), ...(shown === text ? [] : [details])];
  // Errors stay long enough to be read.
  const autoClose = options.autoClose ?? (kind === 'error' ? 8_000 : 5_000);
  Notification.emit(shown, kind, { autoClose, actions });
}

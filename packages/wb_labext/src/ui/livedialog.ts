import { Dialog } from '@jupyterlab/apputils';
import type { Message } from '@lumino/messaging';
import type { Widget } from '@lumino/widgets';
import { Panel } from '@lumino/widgets';

import { keepTabInside } from './tabring';

const TOASTS = '.Toastify';

function toastButtons(): HTMLElement[] {
  return [...document.querySelectorAll<HTMLElement>(`${TOASTS} .jp-toast-button`)];
}

export interface LiveDialogOptions {
  title: string;
  className?: string;
  body: Widget;
  closeLabel: string;
  testId: string;
}

/**
 * A dialog in which every change takes effect at once: its only button closes it.
 *
 * Enter and Escape go first to what has the focus: an open list, a search box.
 */
export class LiveDialog extends Dialog<void> {
  constructor(options: LiveDialogOptions) {
    // The body is wrapped: JupyterLab restyles a React body's DOM nodes behind React's back.
    const wrapper = new Panel();
    wrapper.addWidget(options.body);
    super({
      title: options.title,
      body: wrapper,
      buttons: [Dialog.okButton({ label: options.closeLabel })]
    });
    this.addClass('wb-LiveDialog');
    if (options.className) {
      this.addClass(options.className);
    }
    this.node.setAttribute('aria-label', options.title);
    this.node.setAttribute('data-testid', options.testId);
    const close = this.node.querySelector<HTMLElement>('.jp-Dialog-footer .jp-Dialog-button');
    if (close) {
      close.dataset.testid = 'wb-dialog-close';
    }
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    document.addEventListener('keydown', this.onOutsideKey, true);
  }

  protected onAfterDetach(message: Message): void {
    document.removeEventListener('keydown', this.onOutsideKey, true);
    super.onAfterDetach(message);
  }

  handleEvent(event: Event): void {
    // A notification above the dialog, which offers an undo, may have the focus.
    if (event.type === 'focus' && (event.target as Element).closest?.(TOASTS)) {
      return;
    }
    if (event.type === 'keydown') {
      const { key } = event as KeyboardEvent;
      const target = event.target as HTMLElement;
      if (key === 'Tab' && keepTabInside(this.node, event as KeyboardEvent, toastButtons())) {
        return;
      }
      const inBody = target.closest('.jp-Dialog-body') !== null;
      if (key === 'Enter' && inBody) {
        return;
      }
      if (key === 'Escape' && target.closest('[aria-expanded="true"], [data-wb-escape]')) {
        return;
      }
    }
    super.handleEvent(event);
  }

  /** When a focused notification closes, the dialog takes the focus back. */
  private readonly onOutsideKey = (event: KeyboardEvent): void => {
    const { activeElement } = document;
    if (activeElement !== document.body && activeElement !== null) {
      return;
    }
    if (event.key === 'Escape' || event.key === 'Tab') {
      event.preventDefault();
      event.stopPropagation();
      this.node.querySelector<HTMLElement>('.jp-Dialog-body input, .jp-Dialog-button')?.focus();
      if (event.key === 'Escape') {
        this.reject();
      }
    }
  };
}

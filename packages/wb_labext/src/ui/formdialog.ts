import { Dialog } from '@jupyterlab/apputils';
import type { Widget } from '@lumino/widgets';
import { Panel } from '@lumino/widgets';

import { keepTabInside } from './tabring';

/** What a dialog asks of the form in it. */
export interface FormDialogHooks {
  /** The primary button, or Enter: `true` closes the dialog, `false` keeps it open. */
  submit(): Promise<boolean>;
  /** The other buttons, by their name. */
  press?(name: string): void;
  /** Whether closing would lose what was typed. */
  isDirty(): boolean;
  /** Called where closing would lose something; the form asks, then calls `discard`. */
  askDiscard(): void;
}

export interface FormDialogOptions {
  title: string;
  className?: string;
  body: Widget;
  cancelLabel: string;
  submitLabel: string;
  /** Buttons between cancel and submit. */
  others?: readonly { name: string; label: string }[];
  hooks: FormDialogHooks;
}

/**
 * A dialog that stays open until its form says that all went well.
 *
 * JupyterLab's own dialog closes with each button, and queues a second dialog behind the first; so
 * saving, testing and the question about lost input happen inside this one.
 */
export class FormDialog extends Dialog<void> {
  constructor(options: FormDialogOptions) {
    const others = options.others ?? [];
    // The body is wrapped: JupyterLab restyles a React body's DOM nodes behind React's back.
    const wrapper = new Panel();
    wrapper.addWidget(options.body);
    super({
      title: options.title,
      body: wrapper,
      buttons: [
        Dialog.cancelButton({ label: options.cancelLabel }),
        ...others.map(other =>
          Dialog.createButton({ label: other.label, accept: false, className: 'wb-mod-other' })
        ),
        Dialog.okButton({ label: options.submitLabel })
      ],
      defaultButton: others.length + 1
    });
    this.names = ['cancel', ...others.map(other => other.name), 'submit'];
    this.hooks = options.hooks;
    this.addClass('wb-FormDialog');
    if (options.className) {
      this.addClass(options.className);
    }
    this.node.tabIndex = -1;
    this.node.setAttribute('aria-label', options.title);
    this.node.setAttribute('data-testid', 'wb-form-dialog');
    this.buttonNodes.forEach((node, index) => {
      node.dataset.testid = `wb-dialog-${this.names[index]}`;
    });
  }

  /** Called by a button, by its place; without one by Enter in a field. */
  resolve(index?: number): void {
    const name = index === undefined ? 'submit' : this.names[index];
    if (name === 'cancel') {
      this.reject();
    } else if (name !== 'submit') {
      this.hooks.press?.(name);
    } else if (!this.busy) {
      this.busy = true;
      void this.hooks
        .submit()
        .then(done => {
          if (done && !this.isDisposed) {
            super.resolve(this.names.length - 1);
          }
        })
        .finally(() => {
          this.busy = false;
        });
    }
  }

  /** Called by Escape, cancel, the cross and a click outside. */
  reject(): void {
    if (this.hooks.isDirty()) {
      this.hooks.askDiscard();
    } else {
      super.reject();
    }
  }

  handleEvent(event: Event): void {
    const tab = event.type === 'keydown' && (event as KeyboardEvent).key === 'Tab';
    if (!tab || !keepTabInside(this.node, event as KeyboardEvent)) {
      super.handleEvent(event);
    }
  }

  /** Closes without asking. */
  discard(): void {
    super.reject();
  }

  /** Switches buttons off while something runs. */
  setDisabled(names: readonly string[]): void {
    const focused = document.activeElement;
    this.buttonNodes.forEach((node, index) => {
      node.disabled = names.includes(this.names[index]);
    });
    // A button that is switched off loses the focus, and without it Escape would do nothing.
    if (focused instanceof HTMLButtonElement && focused.disabled && this.node.contains(focused)) {
      this.pressed = focused;
      this.node.focus();
    } else if (this.pressed && !this.pressed.disabled) {
      if (focused === this.node) {
        this.pressed.focus();
      }
      this.pressed = null;
    }
  }

  private get buttonNodes(): HTMLButtonElement[] {
    return [...this.node.querySelectorAll<HTMLButtonElement>('.jp-Dialog-button')];
  }

  private readonly names: readonly string[];
  private readonly hooks: FormDialogHooks;
  private busy = false;
  private pressed: HTMLButtonElement | null = null;
}

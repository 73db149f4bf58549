import { Dialog } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ReactWidget } from '@jupyterlab/ui-components';
import type { Message } from '@lumino/messaging';
import { Panel } from '@lumino/widgets';

import type { FormModel, FormState } from './formmodel';
import { keepTabInside } from './tabring';

export interface FormDialogOptions {
  form: FormModel<FormState>;
  title: string;
  /** Renders the form's fields; `discard` closes the dialog without asking. */
  render: (discard: () => void) => JSX.Element;
  submitLabel: string;
  /** Buttons between cancel and submit. */
  others?: readonly { name: string; label: string; press: () => void }[];
  /** The DOM id of the field at a path. */
  idOf: (path: string) => string;
  trans: TranslationBundle;
}

/** Opens a form in a dialog, until it is submitted or discarded. */
export async function openForm(options: FormDialogOptions): Promise<void> {
  const { form, idOf } = options;
  const dialog = new FormDialog(options);
  const others = (options.others ?? []).map(({ name }) => name);
  const switchOff = (): void => {
    // Never focus the button that was pressed: a disabled button loses the focus.
    const { pending } = form;
    const off = {
      submit: ['cancel', ...others],
      test: ['submit', ...others.filter(name => name !== 'test')],
      none: form.isReady ? [] : ['submit']
    };
    dialog.setDisabled(off[pending ?? 'none']);
  };
  form.changed.connect(switchOff);
  switchOff();
  form.invalid.connect((_, path) => {
    requestAnimationFrame(() => document.getElementById(idOf(path))?.focus());
  });
  await dialog.launch();
}

/**
 * A dialog that stays open until its form was submitted successfully.
 *
 * JupyterLab's own dialog closes with every button, and queues a second dialog behind the first; so
 * saving, testing and the question about lost input happen inside this one.
 */
class FormDialog extends Dialog<void> {
  constructor(options: FormDialogOptions) {
    const { form, title, trans, others = [] } = options;
    // The body is wrapped: JupyterLab restyles a React body's DOM nodes behind React's back.
    const wrapper = new Panel();
    super({
      title,
      body: wrapper,
      buttons: [
        Dialog.cancelButton({ label: trans.__('Cancel') }),
        ...others.map(({ label }) =>
          Dialog.createButton({ label, accept: false, className: 'wb-mod-other' })
        ),
        Dialog.okButton({ label: options.submitLabel })
      ],
      defaultButton: others.length + 1
    });
    const body = ReactWidget.create(options.render(() => this.discard()));
    body.addClass('wb-FormBody');
    wrapper.addWidget(body);
    this.names = ['cancel', ...others.map(({ name }) => name), 'submit'];
    this.others = others;
    this.form = form;
    this.addClass('wb-FormDialog');
    this.node.tabIndex = -1;
    this.node.setAttribute('aria-label', title);
    this.node.setAttribute('data-testid', 'wb-form-dialog');
    this.buttonNodes.forEach((node, index) => {
      node.dataset.testid = `wb-dialog-${this.names[index]}`;
    });
  }

  /** Called by a button, with its index; or by Enter in a field, without one. */
  resolve(index?: number): void {
    const name = index === undefined ? 'submit' : this.names[index];
    if (name === 'cancel') {
      this.reject();
    } else if (name !== 'submit') {
      this.others.find(other => other.name === name)?.press();
    } else if (!this.busy) {
      this.busy = true;
      void this.form
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

  /** Called by Escape, Cancel, the close button and a click outside. */
  reject(): void {
    if (this.form.isDirty()) {
      this.form.ask(this.form.state.asking ? null : 'discard');
    } else {
      super.reject();
    }
  }

  protected onAfterAttach(message: Message): void {
    super.onAfterAttach(message);
    // The submit button can't take the focus while its form isn't ready: it gets it later.
    if (!this.node.contains(document.activeElement)) {
      this.pressed = this.buttonNodes[this.names.length - 1];
      this.node.focus();
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

  /** Disables buttons while a request is in progress. */
  setDisabled(names: readonly string[]): void {
    const focused = document.activeElement;
    this.buttonNodes.forEach((node, index) => {
      node.disabled = names.includes(this.names[index]);
    });
    // A disabled button loses the focus, and without focus Escape would do nothing.
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
  private readonly others: NonNullable<FormDialogOptions['others']>;
  private readonly form: FormModel<FormState>;
  private busy = false;
  private pressed: HTMLButtonElement | null = null;
}

import type { TranslationBundle } from '@jupyterlab/translation';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import { ApiError } from '../api/request';
import { errorMessage } from './errors';
import type { FieldErrors } from './fielderrors';
import { reasonOf } from './fielderrors';
import { StateModel } from './statemodel';

/** The state that every form has. */
export interface FormState {
  /** Errors by the path of their field. */
  errors: FieldErrors;
  /** The server's error about the form as a whole. */
  problem: string | null;
  saving: boolean;
  /** The question that the form is asking. */
  asking: 'discard' | 'remove' | null;
}

/** The state of a form that nobody has touched. */
export const UNTOUCHED: FormState = { errors: {}, problem: null, saving: false, asking: null };

/** A form's input: its checks, and submitting it to the server. */
export abstract class FormModel<S extends FormState> extends StateModel<S> {
  constructor(
    protected readonly trans: TranslationBundle,
    state: S
  ) {
    super(state);
  }

  /** Emits the path of the first invalid field, after a check or a refusal. */
  get invalid(): ISignal<this, string> {
    return this.invalidSignal;
  }

  /** The button whose request is in progress. */
  get pending(): 'submit' | 'test' | null {
    return this.state.saving ? 'submit' : null;
  }

  /** Whether there is a form to submit. */
  get isReady(): boolean {
    return true;
  }

  /** Whether closing the form would lose what was typed. */
  abstract isDirty(): boolean;

  ask(asking: S['asking']): void {
    this.change({ asking });
  }

  message(error: unknown): string {
    return errorMessage(error, this.trans);
  }

  /** Submits the form. `false` if its check or the server refuses it: the state says why. */
  async submit(): Promise<boolean> {
    return (
      this.isReady &&
      !this.state.saving &&
      this.accept(this.check()) &&
      this.save(() => this.send())
    );
  }

  /** The errors of the input. */
  protected abstract check(): FieldErrors;

  /** The paths of the fields, in the form's order. */
  protected abstract get order(): readonly string[];

  protected abstract send(): Promise<unknown>;

  /** The path of the field that a server's error names; null if the form has no such field. */
  protected abstract fieldOf(field: unknown): string | null;

  /** Shows the errors, and emits the first invalid field. */
  protected accept(errors: FieldErrors): boolean {
    this.change({ errors, problem: null, asking: null });
    const wrong = this.order.find(path => path in errors) ?? Object.keys(errors)[0];
    if (wrong !== undefined) {
      this.invalidSignal.emit(wrong);
    }
    return wrong === undefined;
  }

  protected async save(request: () => Promise<unknown>): Promise<boolean> {
    this.change({ saving: true, problem: null, asking: null });
    try {
      await request();
      return true;
    } catch (error) {
      this.refuse(error);
      return false;
    } finally {
      this.change({ saving: false });
    }
  }

  /** Shows a refusal at its field, or above the form. */
  protected refuse(error: unknown): void {
    const message = this.message(error);
    const errors = error instanceof ApiError ? this.refusals(message, error) : {};
    if (Object.keys(errors).length > 0) {
      this.accept(errors);
    } else {
      this.change({ problem: message });
    }
  }

  protected refusals(message: string, error: ApiError): FieldErrors {
    const path = this.fieldOf(error.details.field);
    return path === null ? {} : { [path]: reasonOf(message, error.details.field) };
  }

  /** `set` for the state that every form has. */
  private change(change: Partial<FormState>): void {
    this.set(change as Partial<S>);
  }

  private readonly invalidSignal = new Signal<this, string>(this);
}

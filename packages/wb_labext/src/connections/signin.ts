import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import { JSONExt } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

import { ApiError } from '../api/request';
import type { ConnectionView, TestResult } from '../api/types';
import { dayOf, endOfDay, today } from '../ui/dates';
import { validator } from '../ui/validator';
import { loginFields, loginSchema } from './login';
import type { ConnectionsModel } from './model';
import type { FieldErrors } from './schema';
import {
  errorTexts,
  fieldsUi,
  propertiesOf,
  readableErrors,
  reasonOf,
  simplify,
  toConfig
} from './schema';

/** The end date's place among the fields. */
export const ENDS = 'expires_at';

export interface SignInState {
  login: JSONObject;
  /** A day, or empty. */
  ends: string;
  errors: FieldErrors;
  problem: string | null;
  test: { running: true } | { running: false; result: TestResult } | null;
  saving: boolean;
  /** The question that is asked in the dialogue. */
  asking: 'discard' | 'remove' | null;
}

/** One's own sign-in for a personal connection: the dialogue's state, its checks and requests. */
export class SignInModel {
  constructor(
    private readonly model: ConnectionsModel,
    private readonly trans: TranslationBundle,
    readonly connection: ConnectionView
  ) {
    const connector = model.connector(connection.connector);
    const schema = loginSchema(simplify(connector?.config_schema ?? {}));
    const { title: _title, description: _description, ...rest } = schema;
    this.schema = rest as RJSFSchema;
    this.fields = loginFields(schema);
    this.uiSchema = { ...fieldsUi(propertiesOf(schema), [], ''), 'ui:order': [...this.fields] };
    const { expires_at, status } = connection.credential;
    this.saved = {
      login: {},
      // A day that is past would only be refused again.
      ends: expires_at && status !== 'expired' ? dayOf(new Date(expires_at)) : '',
      errors: {},
      problem: null,
      test: null,
      saving: false,
      asking: null
    };
    this.current = this.saved;
  }

  readonly schema: RJSFSchema;
  readonly uiSchema: UiSchema;
  readonly fields: readonly string[];

  get state(): SignInState {
    return this.current;
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  /** Emits the name of the first field that is wrong, after a check or a refusal. */
  get invalid(): ISignal<this, string> {
    return this.invalidSignal;
  }

  /** Whether there is one to remove. */
  get isStored(): boolean {
    return this.connection.credential.status !== 'missing';
  }

  isDirty(): boolean {
    return (
      !JSONExt.deepEqual(toConfig(this.current.login), {}) || this.current.ends !== this.saved.ends
    );
  }

  setLogin(login: JSONObject): void {
    const before = this.current;
    if (JSONExt.deepEqual(before.login, login)) {
      return;
    }
    const errors = Object.fromEntries(
      Object.entries(before.errors).filter(([name]) => before.login[name] === login[name])
    );
    this.set({ login, errors, test: null, problem: null });
  }

  setEnds(ends: string): void {
    const { [ENDS]: _, ...errors } = this.current.errors;
    this.set({ ends, errors, problem: null });
  }

  ask(asking: SignInState['asking']): void {
    this.set({ asking });
  }

  async test(): Promise<void> {
    if (this.current.test?.running) {
      return;
    }
    const { [ENDS]: _, ...errors } = this.check();
    this.set({ errors, problem: null, test: null, asking: null });
    if (this.pointAt(errors)) {
      return;
    }
    const { login } = this.current;
    this.set({ test: { running: true } });
    try {
      const result = await this.model.api.testCredential(this.connection.id, toConfig(login));
      // The answer to a test is about what was tested.
      this.set({ test: this.current.login === login ? { running: false, result } : null });
      const field = result.ok ? null : this.fieldOf(result.details?.field);
      if (field !== null && this.current.login === login) {
        this.set({ errors: { [field]: reasonOf(result.message, result.details?.field) } });
      }
    } catch (error) {
      this.set({ test: null });
      this.refuse(error);
    }
  }

  /** Stores it. `false` where the form or the server refuses: the state says why. */
  async submit(): Promise<boolean> {
    const errors = this.check();
    this.set({ errors, problem: null, asking: null });
    if (this.pointAt(errors)) {
      return false;
    }
    const { login, ends } = this.current;
    return this.save(() =>
      this.model.api.putCredential(this.connection.id, {
        login: toConfig(login),
        expires_at: endOfDay(ends)
      })
    );
  }

  /** Removes the stored one. */
  remove(): Promise<boolean> {
    this.set({ asking: null, problem: null });
    return this.save(() => this.model.api.removeCredential(this.connection.id));
  }

  private async save(request: () => Promise<unknown>): Promise<boolean> {
    this.set({ saving: true });
    try {
      await request();
      await this.model.refresh();
      return true;
    } catch (error) {
      this.refuse(error);
      return false;
    } finally {
      this.set({ saving: false });
    }
  }

  private check(): FieldErrors {
    const { login, ends } = this.current;
    const { errors } = validator.validateFormData(toConfig(login), this.schema);
    const found = { ...readableErrors(errors, errorTexts(this.trans)) };
    if (ends !== '' && ends < today()) {
      found[ENDS] = this.trans.__('This day is past. Choose a later one, or none.');
    }
    return found;
  }

  private pointAt(errors: FieldErrors): boolean {
    const wrong = [...this.fields, ENDS].find(name => name in errors) ?? Object.keys(errors)[0];
    if (wrong !== undefined) {
      this.invalidSignal.emit(wrong);
    }
    return wrong !== undefined;
  }

  private refuse(error: unknown): void {
    const message = this.model.message(error);
    const field = error instanceof ApiError ? this.fieldOf(error.details.field) : null;
    if (error instanceof ApiError && field !== null) {
      this.set({ errors: { [field]: reasonOf(message, error.details.field) } });
      this.invalidSignal.emit(field);
    } else {
      this.set({ problem: message });
    }
  }

  /** The server names a field by itself or below `login`. */
  private fieldOf(field: unknown): string | null {
    const name = String(field ?? '').replace(/^(login|config)\./, '');
    return name === ENDS || this.fields.includes(name) ? name : null;
  }

  private set(change: Partial<SignInState>): void {
    this.current = { ...this.current, ...change };
    this.changedSignal.emit();
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private readonly invalidSignal = new Signal<this, string>(this);
  private readonly saved: SignInState;
  private current: SignInState;
}

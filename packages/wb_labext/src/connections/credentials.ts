import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import { JSONExt } from '@lumino/coreutils';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

import type { ConnectionView, TestResult } from '../api/types';
import { dayOf, endOfDay } from '../ui/dates';
import type { FieldErrors } from '../ui/fielderrors';
import { readableErrors } from '../ui/fielderrors';
import { UNTOUCHED } from '../ui/formmodel';
import { propertiesOf, simplify, withoutEmpty } from '../ui/schema';
import { validator } from '../ui/validator';
import type { CredentialFormState } from './credentialform';
import { CredentialForm, ENDS } from './credentialform';
import { loginFields, loginSchema } from './login';
import type { ConnectionsModel } from './model';
import { fieldsUi } from './schema';

export interface CredentialsState extends CredentialFormState {
  login: JSONObject;
}

/** The user's own credentials for a personal connection. */
export class CredentialsModel extends CredentialForm<CredentialsState> {
  constructor(
    private readonly model: ConnectionsModel,
    trans: TranslationBundle,
    readonly connection: ConnectionView
  ) {
    const { expires_at, status } = connection.credential;
    // A past day would only be rejected again.
    const ends = expires_at && status !== 'expired' ? dayOf(new Date(expires_at)) : '';
    super(trans, { ...UNTOUCHED, login: {}, ends, test: null });
    this.savedEnds = ends;
    const connector = model.connector(connection.connector);
    const schema = loginSchema(simplify(connector?.config_schema ?? {}));
    const { title: _title, description: _description, ...rest } = schema;
    this.schema = rest as RJSFSchema;
    this.fields = loginFields(schema);
    this.uiSchema = { ...fieldsUi(propertiesOf(schema), [], ''), 'ui:order': [...this.fields] };
  }

  readonly schema: RJSFSchema;
  readonly uiSchema: UiSchema;
  readonly fields: readonly string[];

  /** Whether there are credentials to remove. */
  get isStored(): boolean {
    return this.connection.credential.status !== 'missing';
  }

  isDirty(): boolean {
    const { login, ends } = this.state;
    return !JSONExt.deepEqual(withoutEmpty(login), {}) || ends !== this.savedEnds;
  }

  setLogin(login: JSONObject): void {
    const before = this.state;
    if (JSONExt.deepEqual(before.login, login)) {
      return;
    }
    const errors = Object.fromEntries(
      Object.entries(before.errors).filter(([name]) => before.login[name] === login[name])
    );
    this.set({ login, errors, test: null, problem: null });
  }

  /** Removes the stored credentials. */
  remove(): Promise<boolean> {
    return this.save(async () => {
      await this.model.api.removeCredential(this.connection.id);
      await this.model.refresh();
    });
  }

  protected get order(): readonly string[] {
    return [...this.fields, ENDS];
  }

  protected check(): FieldErrors {
    const { errors } = validator.validateFormData(withoutEmpty(this.state.login), this.schema);
    return { ...readableErrors(errors, this.trans), ...this.checkEnds() };
  }

  protected async send(): Promise<void> {
    const { login, ends } = this.state;
    await this.model.api.putCredential(this.connection.id, {
      login: withoutEmpty(login),
      expires_at: endOfDay(ends)
    });
    await this.model.refresh();
  }

  protected tested(): { subject: () => unknown; request: () => Promise<TestResult> } {
    const { login } = this.state;
    return {
      subject: () => this.state.login,
      request: () => this.model.api.testCredential(this.connection.id, withoutEmpty(login))
    };
  }

  /** The server names a field by its name or by its path below `login`. */
  protected fieldOf(field: unknown): string | null {
    const name = String(field ?? '').replace(/^(login|config)\./, '');
    return this.order.includes(name) ? name : null;
  }

  private readonly savedEnds: string;
}

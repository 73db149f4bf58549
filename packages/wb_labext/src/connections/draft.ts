import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import { JSONExt } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

import { ApiError } from '../api/request';
import type { ConnectionView, ConnectorInfo, CredentialMode, TestResult } from '../api/types';
import { dayOf, endOfDay, today } from '../ui/dates';
import { validator } from '../ui/validator';
import { dropLogin, withoutLogin } from './login';
import type { ConnectionsModel } from './model';
import type { Draft, FieldErrors } from './schema';
import {
  checkSchema,
  defaults,
  errorTexts,
  fieldOf,
  formSchema,
  formUiSchema,
  readableErrors,
  reasonOf,
  simplify,
  toConfig
} from './schema';

/** The place of the end date among the fields. */
export const ENDS = 'expires_at';

export interface DraftState {
  kind: string;
  name: string;
  description: string;
  config: JSONObject;
  credentials: CredentialMode;
  /** The day that the shared sign-in ends on, or empty. */
  ends: string;
  errors: FieldErrors;
  /** What the server refuses about the form as a whole. */
  problem: string | null;
  test: { running: true } | { running: false; result: TestResult } | null;
  saving: boolean;
  /** The question about lost input is shown. */
  asking: boolean;
  /** Why a test makes no sense now. */
  untestable: string | null;
}

/** A connection that is being written: the dialog's state, its checks and its requests. */
export class DraftModel {
  /**
   * @param connection - the connection to edit; a new one if left out
   */
  constructor(
    private readonly model: ConnectionsModel,
    private readonly trans: TranslationBundle,
    readonly connection: ConnectionView | null = null
  ) {
    this.connectors = model.state.connectors;
    const kind = connection?.connector ?? this.connectors[0]?.kind ?? '';
    this.current = {
      kind,
      name: connection?.name ?? '',
      description: connection?.description ?? '',
      config: connection
        ? { ...defaults(this.configSchema(kind)), ...connection.config }
        : defaults(this.configSchema(kind)),
      credentials: connection?.credentials ?? 'shared',
      ends: endOf(connection),
      errors: {},
      problem: null,
      test: null,
      saving: false,
      asking: false,
      untestable: null
    };
    this.saved = this.current;
  }

  readonly connectors: readonly ConnectorInfo[];

  /** What was saved. */
  result: ConnectionView | null = null;

  get state(): DraftState {
    return this.current;
  }

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  get secretsSet(): readonly string[] {
    return this.connection?.secrets_set ?? [];
  }

  /** Whether one can choose whose sign-in it is. */
  get hasSignIn(): boolean {
    return (
      this.connectors.find(item => item.kind === this.current.kind)?.supports_personal ?? false
    );
  }

  /** Whether users' own sign-ins are removed by saving. */
  get dropsSignIns(): boolean {
    return this.connection?.credentials === 'personal' && this.mode === 'shared';
  }

  get schema(): RJSFSchema {
    return this.form().schema;
  }

  get uiSchema(): UiSchema {
    return this.form().uiSchema;
  }

  get data(): JSONObject {
    const { name, description, config } = this.current;
    return { name, description, config };
  }

  isDirty(): boolean {
    const { name, description, config, kind, credentials, ends } = this.current;
    const base = this.connection ? this.saved.config : defaults(this.configSchema(kind));
    return (
      name !== this.saved.name ||
      description !== this.saved.description ||
      credentials !== this.saved.credentials ||
      ends !== this.saved.ends ||
      !JSONExt.deepEqual(toConfig(config), toConfig(base)) ||
      this.isParkedDirty()
    );
  }

  setData(data: JSONObject): void {
    const { name = '', description = '', config = {} } = data as unknown as Partial<Draft>;
    const before = this.current;
    if (JSONExt.deepEqual(this.data, { name, description, config })) {
      return;
    }
    // The answer to a test is about what was tested.
    const test = JSONExt.deepEqual(before.config, config) ? before.test : null;
    this.set({ name, description, config, test, problem: null, untestable: null });
    if (Object.keys(before.errors).length > 0) {
      this.set({ errors: this.recheck(before) });
    }
  }

  setConnector(kind: string): void {
    if (kind === this.current.kind) {
      return;
    }
    // Coming back to a connector finds what was typed for it.
    this.parked.set(this.current.kind, this.current.config);
    const config = this.parked.get(kind) ?? defaults(this.configSchema(kind));
    this.parked.delete(kind);
    this.set({ kind, config, errors: {}, problem: null, test: null, untestable: null });
  }

  /** Whose sign-in it is. What was typed for a shared one is kept, and not sent. */
  setCredentials(credentials: CredentialMode): void {
    if (credentials !== this.current.credentials) {
      this.set({ credentials, errors: {}, problem: null, test: null, untestable: null });
    }
  }

  setEnds(ends: string): void {
    const { [ENDS]: _, ...errors } = this.current.errors;
    this.set({ ends, errors, problem: null });
  }

  askDiscard(): void {
    this.set({ asking: true });
  }

  keepEditing(): void {
    this.set({ asking: false });
  }

  async test(): Promise<void> {
    if (this.current.test?.running) {
      return;
    }
    if (this.mode === 'personal' && !this.hasOwnSignIn) {
      this.set({
        test: null,
        untestable: this.trans.__(
          'A test takes a sign-in, and each user enters their own: save it, then enter and test yours.'
        )
      });
      return;
    }
    // A test needs no name.
    const { name: _n, description: _d, [ENDS]: _e, ...errors } = this.check();
    this.set({ errors, problem: null, test: null, asking: false });
    if (Object.keys(errors).length > 0) {
      this.invalidSignal.emit(firstOf(errors, this.schema));
      return;
    }
    const { config, kind } = this.current;
    this.set({ test: { running: true } });
    try {
      const result = await this.model.testDraft({
        connector: kind,
        config: this.sent(config),
        credentials: this.mode,
        ...(this.connection ? { connection_id: this.connection.id } : {})
      });
      if (this.current.config === config) {
        const path = result.ok ? null : fieldOf(result.details?.field, this.schema);
        this.set({
          test: { running: false, result },
          errors: path ? { [path]: reasonOf(result.message, result.details?.field) } : {}
        });
      } else {
        this.set({ test: null });
      }
    } catch (error) {
      this.set({ test: null });
      this.refuse(error);
    }
  }

  /** Saves. `false` where the form or the server refuses: the state says why. */
  async submit(): Promise<boolean> {
    const errors = this.check();
    this.set({ errors, problem: null, asking: false });
    if (Object.keys(errors).length > 0) {
      this.invalidSignal.emit(firstOf(errors, this.schema));
      return false;
    }
    const { name, description, kind, ends } = this.current;
    const config = this.sent(this.current.config);
    const credentials = this.mode;
    const body = { name, description, config, credentials };
    // Of a day only: the stored moment stays where the day does.
    const expires_at = credentials === 'shared' ? endOfDay(ends) : null;
    this.set({ saving: true });
    try {
      if (this.connection) {
        const ended = ends !== this.saved.ends && credentials === 'shared';
        this.result = await this.model.update(this.connection.id, {
          ...body,
          ...(ended ? { expires_at } : {})
        });
      } else {
        this.result = await this.model.create({
          ...body,
          connector: kind,
          ...(expires_at === null ? {} : { expires_at })
        });
      }
      return true;
    } catch (error) {
      this.refuse(error);
      return false;
    } finally {
      this.set({ saving: false });
    }
  }

  /** Emits the path of the first field that is wrong, after a check or a refusal. */
  get invalid(): ISignal<this, string> {
    return this.invalidSignal;
  }

  private check(): FieldErrors {
    const schema = checkSchema(this.schema, this.secretsSet);
    const { name, description, config } = this.current;
    const data = { ...(name ? { name } : {}), description, config: this.sent(config) };
    const { errors } = validator.validateFormData(data, schema);
    const found = { ...readableErrors(errors, errorTexts(this.trans)) };
    const { ends } = this.current;
    if (this.mode === 'shared' && ends !== '' && ends !== this.saved.ends && ends < today()) {
      found[ENDS] = this.trans.__('This day is past. Choose a later one, or none.');
    }
    return found;
  }

  /** Checks the fields again that were wrong and have changed; says nothing new of the others. */
  private recheck(before: DraftState): FieldErrors {
    const found = this.check();
    const errors: Record<string, string> = {};
    for (const [path, message] of Object.entries(before.errors)) {
      const changed = valueAt(before, path) !== valueAt(this.current, path);
      const now = changed ? found[path] : message;
      if (now) {
        errors[path] = now;
      }
    }
    return errors;
  }

  private refuse(error: unknown): void {
    const message = this.model.message(error);
    const field = error instanceof ApiError ? error.details.field : null;
    const path = field === ENDS ? ENDS : fieldOf(field, this.schema);
    if (path !== null) {
      this.set({ errors: { [path]: reasonOf(message, field) } });
      this.invalidSignal.emit(path);
    } else {
      this.set({ problem: message });
    }
  }

  private configSchema(kind: string): JSONObject {
    const connector = this.connectors.find(item => item.kind === kind);
    return simplify(connector?.config_schema ?? {});
  }

  private isParkedDirty(): boolean {
    return [...this.parked].some(
      ([kind, config]) =>
        !JSONExt.deepEqual(toConfig(config), toConfig(defaults(this.configSchema(kind))))
    );
  }

  /** Whose sign-in it will be. */
  private get mode(): CredentialMode {
    return this.hasSignIn ? this.current.credentials : 'shared';
  }

  /** Whether one's own sign-in is stored, so that a test can use it. */
  private get hasOwnSignIn(): boolean {
    const connection = this.connection;
    return connection?.credentials === 'personal' && connection.credential.status !== 'missing';
  }

  /** The configuration as it is sent: with personal sign-ins, without one. */
  private sent(config: JSONObject): JSONObject {
    const all = toConfig(config);
    return this.mode === 'personal' ? dropLogin(all, this.configSchema(this.current.kind)) : all;
  }

  private form(): { kind: string; schema: RJSFSchema; uiSchema: UiSchema } {
    const kind = `${this.current.kind} ${this.mode}`;
    if (this.made?.kind !== kind) {
      const whole = this.configSchema(this.current.kind);
      const config = this.mode === 'personal' ? withoutLogin(whole) : whole;
      const __ = this.trans.__.bind(this.trans);
      this.made = {
        kind,
        schema: formSchema(config, {
          name: __('Name'),
          nameHelp: __('What notebooks call it: lower-case letters, digits and underscores.'),
          description: __('Description'),
          advanced: __('Advanced')
        }),
        uiSchema: formUiSchema(config, this.secretsSet, __('unchanged'))
      };
    }
    return this.made;
  }

  private set(change: Partial<DraftState>): void {
    this.current = { ...this.current, ...change };
    this.changedSignal.emit();
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private readonly invalidSignal = new Signal<this, string>(this);
  private readonly parked = new Map<string, JSONObject>();
  private current: DraftState;
  private readonly saved: DraftState;
  private made: { kind: string; schema: RJSFSchema; uiSchema: UiSchema } | null = null;
}

/** The day that a connection's shared sign-in ends on, or empty. */
function endOf(connection: ConnectionView | null): string {
  const ends = connection?.credentials === 'shared' ? connection.credential.expires_at : null;
  return ends ? dayOf(new Date(ends)) : '';
}

function valueAt(state: DraftState, path: string): unknown {
  const { name, description, config } = state;
  let value: unknown = { name, description, config };
  for (const part of path.split('.')) {
    value = (value as Record<string, unknown> | null | undefined)?.[part];
  }
  return value;
}

/** The first wrong field in the form's own order. */
function firstOf(errors: FieldErrors, schema: RJSFSchema): string {
  const paths: string[] = [];
  const walk = (node: RJSFSchema, path: string): void => {
    for (const [name, property] of Object.entries(node.properties ?? {})) {
      const below = path ? `${path}.${name}` : name;
      paths.push(below);
      if (typeof property === 'object') {
        walk(property as RJSFSchema, below);
      }
    }
  };
  walk(schema, '');
  return [...paths, ENDS].find(path => path in errors) ?? Object.keys(errors)[0];
}

import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import { JSONExt } from '@lumino/coreutils';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

import { ApiError } from '../api/request';
import type {
  ConnectionTest,
  ConnectionView,
  ConnectorInfo,
  CredentialMode,
  TestResult
} from '../api/types';
import { dayOf, endOfDay } from '../ui/dates';
import type { FieldErrors } from '../ui/fielderrors';
import { readableErrors } from '../ui/fielderrors';
import { UNTOUCHED } from '../ui/formmodel';
import { defaults, simplify, withoutEmpty } from '../ui/schema';
import { validator } from '../ui/validator';
import { dropIdle, idleFields } from './conditions';
import type { CredentialFormState } from './credentialform';
import { CredentialForm, ENDS } from './credentialform';
import { dropLogin, pick, withoutLogin } from './login';
import type { ConnectionsModel } from './model';
import { PreviewModel } from './preview';
import type { Draft } from './schema';
import { checkSchema, fieldOf, formSchema, formUiSchema } from './schema';

export interface DraftState extends CredentialFormState, Draft {
  kind: string;
  credentials: CredentialMode;
  /** Why a test isn't possible now. */
  untestable: string | null;
}

/** The state that a change of the settings invalidates. */
const UNTESTED = { problem: null, test: null, untestable: null } as const;

/** A connection that is being added or edited. */
export class DraftModel extends CredentialForm<DraftState> {
  /**
   * @param connection - the connection to edit; a new one if left out
   */
  constructor(
    private readonly model: ConnectionsModel,
    trans: TranslationBundle,
    readonly connection: ConnectionView | null = null
  ) {
    const { connectors } = model.state;
    const kind = connection?.connector ?? connectors[0]?.kind ?? '';
    super(trans, {
      ...UNTOUCHED,
      kind,
      name: connection?.name ?? '',
      description: connection?.description ?? '',
      config: { ...defaults(configSchema(connectors, kind)), ...connection?.config },
      credentials: connection?.credentials ?? 'shared',
      ends: endOf(connection),
      test: null,
      untestable: null
    });
    this.connectors = connectors;
    this.preview = new PreviewModel(body => model.preview(body), trans);
    this.saved = this.state;
  }

  readonly connectors: readonly ConnectorInfo[];

  /** The first rows of a table, for connectors that have files. */
  readonly preview: PreviewModel;

  /** What was saved. */
  result: ConnectionView | null = null;

  get secretsSet(): readonly string[] {
    return this.connection?.secrets_set ?? [];
  }

  /** Whether the user can choose between shared and personal credentials. */
  get hasCredentials(): boolean {
    return this.connector?.supports_personal ?? false;
  }

  /** Whether saving removes users' personal credentials. */
  get dropsCredentials(): boolean {
    return this.connection?.credentials === 'personal' && this.mode === 'shared';
  }

  get hasPreview(): boolean {
    return this.connector?.capabilities?.includes('preview') ?? false;
  }

  get schema(): RJSFSchema {
    return this.form().schema;
  }

  get uiSchema(): UiSchema {
    return this.form().uiSchema;
  }

  get data(): JSONObject {
    const { name, description, config } = this.state;
    return { name, description, config };
  }

  isDirty(): boolean {
    const { name, description, config, kind, credentials, ends } = this.state;
    const base = this.connection ? this.saved.config : defaults(this.configSchema(kind));
    return (
      name !== this.saved.name ||
      description !== this.saved.description ||
      credentials !== this.saved.credentials ||
      ends !== this.saved.ends ||
      !JSONExt.deepEqual(withoutEmpty(config), withoutEmpty(base)) ||
      this.isParkedDirty()
    );
  }

  setData(data: JSONObject): void {
    const { name = '', description = '', config = {} } = data as unknown as Partial<Draft>;
    const before = this.state;
    if (JSONExt.deepEqual(this.data, { name, description, config })) {
      return;
    }
    // A test's result is only valid for what was tested.
    const test = JSONExt.deepEqual(before.config, config) ? before.test : null;
    this.set({ name, description, config, test, problem: null, untestable: null });
    this.preview.settingsAre(this.sent(config));
    if (Object.keys(before.errors).length > 0) {
      this.set({ errors: this.recheck(before) });
    }
  }

  setConnector(kind: string): void {
    if (kind === this.state.kind) {
      return;
    }
    // Switching back to a connector restores what was typed for it.
    this.parked.set(this.state.kind, this.state.config);
    const config = this.parked.get(kind) ?? defaults(this.configSchema(kind));
    this.parked.delete(kind);
    this.set({ kind, config, errors: {}, ...UNTESTED });
    this.preview.forget();
  }

  /** Chooses shared or personal credentials. What was typed for shared ones is kept, but not sent. */
  setCredentials(credentials: CredentialMode): void {
    if (credentials !== this.state.credentials) {
      this.set({ credentials, errors: {}, ...UNTESTED });
    }
  }

  override async test(): Promise<void> {
    if (this.mode === 'personal' && !this.hasOwnCredentials) {
      this.set({
        test: null,
        untestable: this.trans.__(
          'Testing needs credentials, and each user enters their own. Save the connection, then enter and test yours.'
        )
      });
      return;
    }
    await super.test();
  }

  /** Shows the first rows of a table, if the settings are complete. */
  async showPreview(table: string | null): Promise<void> {
    if (this.accept(this.tests(this.check()))) {
      await this.preview.show(this.draft(), table, error => {
        const field = error instanceof ApiError ? this.fieldOf(error.details.field) : null;
        if (field !== null) {
          this.refuse(error);
        }
        return field !== null;
      });
    }
  }

  protected get order(): readonly string[] {
    return [...pathsOf(this.schema), ENDS];
  }

  protected async send(): Promise<void> {
    const { name, description, kind, ends } = this.state;
    const config = this.sent(this.state.config);
    const credentials = this.mode;
    const body = { name, description, config, credentials };
    // The form has only the day: the stored time is kept while the day is the same.
    const expires_at = credentials === 'shared' ? endOfDay(ends) : null;
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
  }

  protected tested(): { subject: () => unknown; request: () => Promise<TestResult> } {
    const draft = this.draft();
    return {
      subject: () => this.state.config,
      request: () => this.model.testDraft(draft)
    };
  }

  /** The settings as a test or a preview sends them. */
  private draft(): ConnectionTest {
    const { config, kind } = this.state;
    return {
      connector: kind,
      config: this.sent(config),
      credentials: this.mode,
      ...(this.connection ? { connection_id: this.connection.id } : {})
    };
  }

  /** A test needs no name. */
  protected override tests(errors: FieldErrors): FieldErrors {
    const { name: _n, description: _d, ...others } = super.tests(errors);
    return others;
  }

  protected fieldOf(field: unknown): string | null {
    return field === ENDS ? ENDS : fieldOf(field, this.schema);
  }

  protected check(): FieldErrors {
    const schema = checkSchema(this.schema, this.secretsSet);
    const { name, description, config } = this.state;
    const data = { ...(name ? { name } : {}), description, config: this.sent(config) };
    const { errors } = validator.validateFormData(data, schema);
    return {
      ...readableErrors(errors, this.trans),
      ...(this.mode === 'shared' ? this.checkEnds(this.saved.ends) : {})
    };
  }

  /** Rechecks fields that were wrong and have changed; reports no new errors for the others. */
  private recheck(before: DraftState): FieldErrors {
    const found = this.check();
    const errors: Record<string, string> = {};
    for (const [path, message] of Object.entries(before.errors)) {
      const changed = valueAt(before, path) !== valueAt(this.state, path);
      const now = changed ? found[path] : message;
      if (now) {
        errors[path] = now;
      }
    }
    return errors;
  }

  private get connector(): ConnectorInfo | undefined {
    return this.connectors.find(item => item.kind === this.state.kind);
  }

  private configSchema(kind: string): JSONObject {
    return configSchema(this.connectors, kind);
  }

  private isParkedDirty(): boolean {
    return [...this.parked].some(
      ([kind, config]) =>
        !JSONExt.deepEqual(withoutEmpty(config), withoutEmpty(defaults(this.configSchema(kind))))
    );
  }

  /** Whether the credentials will be shared or personal. */
  private get mode(): CredentialMode {
    return this.hasCredentials ? this.state.credentials : 'shared';
  }

  /** Whether the user's personal credentials are stored, so that a test can use them. */
  private get hasOwnCredentials(): boolean {
    const connection = this.connection;
    return connection?.credentials === 'personal' && connection.credential.status !== 'missing';
  }

  /** The configuration as it is sent: without credentials, if they are personal. */
  private sent(config: JSONObject): JSONObject {
    const schema = this.configSchema(this.state.kind);
    const all = dropIdle(withoutEmpty(config), schema);
    return this.mode === 'personal' ? dropLogin(all, schema) : all;
  }

  private form(): { kind: string; schema: RJSFSchema; uiSchema: UiSchema } {
    const all = this.configSchema(this.state.kind);
    const idle = idleFields(all, this.state.config);
    const kind = [this.state.kind, this.mode, ...idle].join(' ');
    if (this.made?.kind !== kind) {
      const whole = pick(all, name => !idle.includes(name));
      const config = this.mode === 'personal' ? withoutLogin(whole) : whole;
      const __ = this.trans.__.bind(this.trans);
      this.made = {
        kind,
        schema: formSchema(config, {
          name: __('Name'),
          nameHelp: __('How notebooks refer to it: lowercase letters, digits and underscores.'),
          description: __('Description'),
          advanced: __('Advanced')
        }),
        uiSchema: formUiSchema(config, this.secretsSet, __('unchanged'))
      };
    }
    return this.made;
  }

  private readonly parked = new Map<string, JSONObject>();
  private readonly saved: DraftState;
  private made: { kind: string; schema: RJSFSchema; uiSchema: UiSchema } | null = null;
}

/** The day on which a connection's shared credentials expire, or empty. */
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

/** The paths of all fields, in the form's order. */
function pathsOf(schema: RJSFSchema, above = ''): string[] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, property]) => {
    const path = above + name;
    return [path, ...(typeof property === 'object' ? pathsOf(property, `${path}.`) : [])];
  });
}

function configSchema(connectors: readonly ConnectorInfo[], kind: string): JSONObject {
  return simplify(connectors.find(item => item.kind === kind)?.config_schema ?? {});
}

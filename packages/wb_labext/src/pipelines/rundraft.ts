import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject, JSONValue } from '@lumino/coreutils';
import { JSONExt, UUID } from '@lumino/coreutils';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

import type { ApiError } from '../api/request';
import type { Run } from '../api/types';
import type { FieldErrors } from '../ui/fielderrors';
import { readableErrors } from '../ui/fielderrors';
import type { FormState } from '../ui/formmodel';
import { FormModel, UNTOUCHED } from '../ui/formmodel';
import type { Schema } from '../ui/schema';
import { defaults, isObject, propertiesOf } from '../ui/schema';
import { validator } from '../ui/validator';

/** The days that a run can be for, as in the server's `RunDate`. */
const FIRST_DAY = '1900-01-01';
const LAST_DAY = '2199-12-31';

/** A text that may be longer than this gets several lines. */
const ONE_LINE = 1_000;

/** The path of the run's day among the fields; no parameter has this name. */
export const DATE = '#date';

function schemaOf(form: JSONObject, name: string): Schema {
  const found = propertiesOf(form)[name];
  return isObject(found) ? found : {};
}

/** The UI schema of each parameter. */
export function runUiSchema(form: JSONObject): UiSchema {
  const ui: UiSchema = {};
  for (const name of Object.keys(propertiesOf(form))) {
    const schema = schemaOf(form, name);
    if (schema.type === 'array') {
      ui[name] = { 'ui:widget': 'lines' };
    } else if (schema.format === 'date') {
      ui[name] = { 'ui:widget': 'date' };
    } else if (schema.type === 'string' && Number(schema.maxLength ?? 0) < ONE_LINE) {
      ui[name] = {};
    }
  }
  return ui;
}

function item(text: string, type: JSONValue | undefined): JSONValue {
  const plain = text.trim();
  switch (type) {
    case 'integer':
    case 'number':
      return plain !== '' && Number.isFinite(Number(plain)) ? Number(plain) : plain;
    case 'boolean':
      return plain === 'true' ? true : plain === 'false' ? false : plain;
    default:
      return plain;
  }
}

/** The values to send, with their types. Empty ones are left out and take the default. */
export function runValues(form: JSONObject, data: JSONObject): JSONObject {
  const result: JSONObject = {};
  for (const [name, value] of Object.entries(data)) {
    if (value === undefined || value === null || value === '') {
      continue;
    }
    const schema = schemaOf(form, name);
    if (Array.isArray(value)) {
      const items = schema.items as Schema | undefined;
      result[name] = value
        .map(String)
        .filter(line => line.trim() !== '')
        .map(line => item(line, items?.type));
    } else {
      result[name] = value;
    }
  }
  return result;
}

/** What is run: a saved pipeline, or one that is saved first. */
export interface RunTarget {
  name: string;
  description: string;
  /** The JSON schema of the parameters, with their defaults for a day; today for null. */
  form: (date: string | null) => Promise<JSONObject>;
  /** Starts the run; a repeated call with the same key starts only one. */
  start: (parameters: JSONObject, key: string, date: string | null) => Promise<Run>;
}

export interface RunDraftState extends FormState {
  phase: 'loading' | 'ready' | 'failed';
  /** Why the form could not be fetched. */
  error: string | null;
  form: JSONObject;
  data: JSONObject;
  /** The day to run for, `YYYY-MM-DD`; today if empty. */
  date: string;
}

/** A run that is about to start. */
export class RunDraft extends FormModel<RunDraftState> {
  constructor(
    trans: TranslationBundle,
    readonly target: RunTarget
  ) {
    super(trans, { ...UNTOUCHED, phase: 'loading', error: null, form: {}, data: {}, date: '' });
  }

  get schema(): RJSFSchema {
    const { $schema: _, ...form } = this.state.form;
    return form as RJSFSchema;
  }

  /** The run that was started. */
  result: Run | null = null;

  async refresh(): Promise<void> {
    this.set({ phase: 'loading' });
    try {
      const form = await this.target.form(null);
      this.untouched = defaults(form);
      this.set({ phase: 'ready', error: null, form, data: this.untouched });
    } catch (error) {
      this.set({ phase: 'failed', error: this.message(error) });
    }
  }

  setData(data: JSONObject): void {
    const errors = { ...this.state.errors };
    for (const name of Object.keys({ ...this.state.data, ...data })) {
      if (!JSONExt.deepEqual(this.state.data[name] ?? null, data[name] ?? null)) {
        delete errors[name];
      }
    }
    // Changed values are a new run: the key only detects a repeated request.
    this.key = UUID.uuid4();
    this.set({ data, errors, problem: null });
  }

  /** Whether the day is one that a run can be for. */
  get isDateValid(): boolean {
    const { date } = this.state;
    return date === '' || (date >= FIRST_DAY && date <= LAST_DAY);
  }

  /** Sets the day, and fetches the defaults for it; values that were typed stay. */
  async setDate(date: string): Promise<void> {
    this.key = UUID.uuid4();
    this.set({ date, problem: null });
    if (!this.isDateValid) {
      return;
    }
    try {
      const form = await this.target.form(date || null);
      if (this.state.date === date) {
        const before = this.untouched;
        this.untouched = defaults(form);
        const data = { ...this.state.data };
        for (const [name, value] of Object.entries(this.untouched)) {
          if (JSONExt.deepEqual(data[name] ?? null, before[name] ?? null)) {
            data[name] = value;
          }
        }
        this.set({ form, data });
      }
    } catch (error) {
      this.set({ problem: this.message(error) });
    }
  }

  isDirty(): boolean {
    const { data, date } = this.state;
    return this.result === null && (date !== '' || !JSONExt.deepEqual(this.untouched, data));
  }

  override get isReady(): boolean {
    return this.state.phase === 'ready';
  }

  protected get order(): readonly string[] {
    return Object.keys(propertiesOf(this.state.form));
  }

  protected async send(): Promise<void> {
    const { form, data, date } = this.state;
    const values = runValues(form, data);
    // A default isn't sent: if the run is repeated with another version, that one's default counts.
    for (const [name, value] of Object.entries(runValues(form, this.untouched))) {
      if (JSONExt.deepEqual(values[name] ?? null, value)) {
        delete values[name];
      }
    }
    this.result = await this.target.start(values, this.key, date || null);
  }

  protected check(): FieldErrors {
    if (!this.isDateValid) {
      return { [DATE]: this.trans.__('Choose a day from 1900 to 2199.') };
    }
    const values = runValues(this.state.form, this.state.data);
    const { errors } = validator.validateFormData(values, this.schema);
    const found: Record<string, string> = {};
    for (const [path, text] of Object.entries(readableErrors(errors, this.trans))) {
      // A list is one field, with one item per line.
      const [name, place] = path.split('.');
      found[name] ??= place ? this.trans.__('Line %1: %2', Number(place) + 1, text) : text;
    }
    return found;
  }

  protected fieldOf(): null {
    return null;
  }

  /** The server's errors, one for each parameter. */
  protected override refusals(_message: string, error: ApiError): FieldErrors {
    const named = (error.details.parameters ?? {}) as Record<string, string>;
    return Object.fromEntries(Object.entries(named).filter(([name]) => this.order.includes(name)));
  }

  private untouched: JSONObject = {};
  private key = UUID.uuid4();
}

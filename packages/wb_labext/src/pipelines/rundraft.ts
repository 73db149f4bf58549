import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject, JSONValue } from '@lumino/coreutils';
import { JSONExt, UUID } from '@lumino/coreutils';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

import { ApiError } from '../api/request';
import type { PipelineView, Run } from '../api/types';
import type { FieldErrors } from '../connections/schema';
import { defaults, errorTexts, propertiesOf, readableErrors } from '../connections/schema';
import { validator } from '../ui/validator';
import type { PipelinesModel } from './model';

/** A text that may be longer than this gets several lines. */
const ONE_LINE = 1_000;

type Schema = { [key: string]: JSONValue | undefined };

function schemaOf(form: JSONObject, name: string): Schema {
  const found = propertiesOf(form)[name];
  return typeof found === 'object' && found !== null && !Array.isArray(found)
    ? (found as Schema)
    : {};
}

/** How each parameter is shown. */
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

/** The values to send: with their types, and without what is empty, which the default stands for. */
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

export interface RunDraftState {
  phase: 'loading' | 'ready' | 'failed';
  form: JSONObject;
  data: JSONObject;
  errors: FieldErrors;
  problem: string | null;
  starting: boolean;
  /** The question about lost input is shown. */
  asking: boolean;
}

/** A run that is about to start: the form's state, its checks and its requests. */
export class RunDraft {
  constructor(
    private readonly model: PipelinesModel,
    private readonly trans: TranslationBundle,
    readonly pipeline: PipelineView
  ) {}

  get changed(): ISignal<this, void> {
    return this.changedSignal;
  }

  /** A field can't stay as it is: its path. */
  get invalid(): ISignal<this, string> {
    return this.invalidSignal;
  }

  get state(): RunDraftState {
    return this.current;
  }

  get schema(): RJSFSchema {
    const { $schema: _, ...form } = this.current.form;
    return form as RJSFSchema;
  }

  /** The run that was started. */
  result: Run | null = null;

  async load(): Promise<void> {
    this.set({ phase: 'loading', problem: null });
    try {
      const form = await this.model.api.form(this.pipeline.id);
      const data = defaults(form);
      this.untouched = data;
      this.set({ phase: 'ready', form, data });
    } catch (error) {
      this.set({ phase: 'failed', problem: this.model.message(error) });
    }
  }

  setData(data: JSONObject): void {
    const errors = { ...this.current.errors };
    for (const name of Object.keys({ ...this.current.data, ...data })) {
      if (!JSONExt.deepEqual(this.current.data[name] ?? null, data[name] ?? null)) {
        delete errors[name];
      }
    }
    // Other values are another run: the key is for a request that is sent twice.
    this.key = UUID.uuid4();
    this.set({ data, errors, problem: null });
  }

  isDirty(): boolean {
    return this.result === null && !JSONExt.deepEqual(this.untouched, this.current.data);
  }

  ask(asking: boolean): void {
    this.set({ asking });
  }

  /** Starts the run; false where something has to be put right first. */
  async submit(): Promise<boolean> {
    const { phase, form, data, starting } = this.current;
    if (phase !== 'ready' || starting) {
      return false;
    }
    const values = runValues(form, data);
    const errors = this.check(values);
    if (Object.keys(errors).length > 0) {
      this.set({ errors, problem: null });
      this.invalidSignal.emit(Object.keys(errors)[0]);
      return false;
    }
    this.set({ starting: true, errors: {}, problem: null });
    try {
      this.result = await this.model.api.run(this.pipeline.id, values, this.key);
      this.set({ starting: false });
      void this.model.refresh();
      return true;
    } catch (error) {
      this.refused(error);
      return false;
    }
  }

  private check(values: JSONObject): FieldErrors {
    const { errors } = validator.validateFormData(values, this.schema);
    const found: Record<string, string> = {};
    for (const [path, text] of Object.entries(readableErrors(errors, errorTexts(this.trans)))) {
      // A list is one field, with an item a line.
      const [name, place] = path.split('.');
      found[name] ??= place ? this.trans.__('Item %1: %2', Number(place) + 1, text) : text;
    }
    return found;
  }

  private refused(error: unknown): void {
    const named = error instanceof ApiError ? error.details.parameters : null;
    if (typeof named === 'object' && named !== null) {
      const known = propertiesOf(this.current.form);
      const errors = Object.fromEntries(
        Object.entries(named as Record<string, string>).filter(([name]) => name in known)
      );
      if (Object.keys(errors).length > 0) {
        this.set({ starting: false, errors });
        this.invalidSignal.emit(Object.keys(errors)[0]);
        return;
      }
    }
    this.set({ starting: false, problem: this.model.message(error) });
  }

  private set(change: Partial<RunDraftState>): void {
    this.current = { ...this.current, ...change };
    this.changedSignal.emit();
  }

  private readonly changedSignal = new Signal<this, void>(this);
  private readonly invalidSignal = new Signal<this, string>(this);
  private current: RunDraftState = {
    phase: 'loading',
    form: {},
    data: {},
    errors: {},
    problem: null,
    starting: false,
    asking: false
  };
  private untouched: JSONObject = {};
  private key = UUID.uuid4();
}

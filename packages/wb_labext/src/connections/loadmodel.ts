import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject } from '@lumino/coreutils';
import { JSONExt, UUID } from '@lumino/coreutils';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

import { ApiError } from '../api/request';
import type {
  ColumnInfo,
  TableInfo,
  Upload,
  UploadLoad,
  UploadLoaded,
  UploadPreview
} from '../api/types';
import type { FieldErrors } from '../ui/fielderrors';
import type { FormState } from '../ui/formmodel';
import { FormModel, UNTOUCHED } from '../ui/formmodel';
import { propertiesOf, simplify, withoutEmpty } from '../ui/schema';
import type { ConnectionsApi } from './api';
import type { LoadColumn } from './loadcolumns';
import { columnsOf, doubled, placed, typeFor } from './loadcolumns';
import { fieldsUi } from './schema';
import type { LocalFile, UploadApi } from './uploadapi';

export type LoadMode = UploadLoad['mode'];

/** How long to wait after a change of the options before the file is read again, in milliseconds. */
const PAUSE = 500;
/** How often to ask how far a load is, in milliseconds. */
const TICK = 1000;

export interface LoadState extends FormState {
  /** The file, as far as it was sent. */
  upload: Upload | null;
  /** Why it could not be sent. */
  failure: string | null;
  reading: boolean;
  preview: UploadPreview | null;
  options: JSONObject;
  schemas: readonly string[];
  schema: string;
  /** The tables of the schema; null while they are fetched. */
  tables: readonly TableInfo[] | null;
  mode: LoadMode;
  table: string;
  /** The columns of an existing table. */
  target: readonly ColumnInfo[] | null;
  columns: readonly LoadColumn[];
  /** The first rows, of the last time that the file could be read. */
  firstRows: readonly (string | null)[][];
  /** How many rows were read, while they are loaded. */
  rows: number | null;
  stopping: boolean;
  /** How many rows a replacement would remove, if that is known. */
  doomed: number | null;
}

export interface LoadTo {
  connection: string;
  schema?: string | null;
  table?: string;
}

/** A file that is loaded into a table. */
export class LoadModel extends FormModel<LoadState> {
  constructor(
    private readonly api: ConnectionsApi,
    private readonly uploads: UploadApi,
    readonly file: LocalFile,
    private readonly to: LoadTo,
    trans: TranslationBundle
  ) {
    super(trans, {
      ...UNTOUCHED,
      upload: null,
      failure: null,
      reading: false,
      preview: null,
      options: {},
      schemas: [],
      schema: to.schema ?? '',
      tables: null,
      mode: to.table === undefined ? 'create' : 'append',
      table: to.table ?? '',
      target: null,
      columns: [],
      firstRows: [],
      rows: null,
      stopping: false,
      doomed: null
    });
  }

  /** What was loaded. */
  result: UploadLoaded | null = null;

  override get isReady(): boolean {
    const { preview, reading, columns } = this.state;
    return preview !== null && !reading && preview.code === null && columns.length > 0;
  }

  /** Whether the types of columns may be chosen. */
  get isTyped(): boolean {
    return this.state.upload?.options_schema.typed === true;
  }

  get optionsForm(): { schema: RJSFSchema; uiSchema: UiSchema } | null {
    const given = this.state.upload?.options_schema;
    if (!given || Object.keys(propertiesOf(given)).length === 0) {
      return null;
    }
    // The same object while the file is the same: the form is not built anew.
    if (this.form === null) {
      const schema = simplify(given);
      this.form = {
        schema: schema as RJSFSchema,
        uiSchema: fieldsUi(propertiesOf(schema), [], '')
      };
    }
    return this.form;
  }

  /** Sends the file and reads it, and finds out where it can go. */
  async start(): Promise<void> {
    void this.findSchemas();
    await this.sendFile();
  }

  override dispose(): void {
    clearTimeout(this.timer);
    const { upload } = this.state;
    super.dispose();
    if (upload) {
      this.uploads.remove(upload.id).catch(() => undefined);
    }
  }

  isDirty(): boolean {
    return this.touched || this.state.saving;
  }

  override ask(asking: LoadState['asking']): void {
    if (!this.state.saving) {
      this.answer?.(false);
      super.ask(asking);
    }
  }

  setOptions(options: JSONObject): void {
    const said = withoutEmpty(options);
    if (!JSONExt.deepEqual(said, withoutEmpty(this.state.options))) {
      this.touched = true;
      this.set({ options, errors: {}, problem: null });
      this.readLater();
    }
  }

  /** Sets one option, and reads the file at once. */
  setOption(name: string, value: string): void {
    this.setOptions({ ...this.state.options, [name]: value });
    void this.read();
  }

  setSheet(sheet: string): void {
    this.sheet = sheet;
    this.set({ columns: [], firstRows: [], problem: null });
    void this.read();
  }

  setSchema(schema: string): void {
    if (schema !== this.state.schema) {
      this.touched = true;
      const table = this.state.mode === 'create' ? this.state.table : '';
      this.set({ schema, tables: null, table, errors: {}, problem: null });
      this.setTarget(null);
      void this.findTables();
    }
  }

  setMode(mode: LoadMode): void {
    const isNew = mode === 'create';
    if (isNew !== (this.state.mode === 'create')) {
      const { tables, upload } = this.state;
      const own = this.to.table ?? '';
      const table = isNew
        ? (upload?.table ?? '')
        : tables?.some(({ name }) => name === own)
          ? own
          : '';
      this.set({ mode, table, errors: {}, problem: null });
      this.setTarget(null);
      void this.findTarget();
    } else {
      this.set({ mode, errors: {}, problem: null });
    }
    this.touched = true;
  }

  setTable(table: string): void {
    this.touched = true;
    this.set({ table, problem: null, errors: this.without('table') });
    if (this.state.mode !== 'create') {
      void this.findTarget();
    }
  }

  /** Changes a column, by its place. */
  setColumn(place: number, change: Partial<LoadColumn>): void {
    this.touched = true;
    const { target } = this.state;
    const columns = this.state.columns.map((column, index) => {
      if (index !== place) {
        return column;
      }
      const moved = change.name !== undefined && target !== null;
      const type = target?.find(({ name }) => name === change.name)?.type;
      return {
        ...column,
        ...(moved ? { as: this.isTyped ? typeFor(column.found, type) : '' } : {}),
        ...change
      };
    });
    this.set({ columns, errors: this.without('columns'), problem: null });
    this.readAgain();
  }

  /** Answers whether the table's rows may be replaced. */
  confirm(): void {
    this.answer?.(true);
  }

  /** Loads, after the question whether rows may be replaced. */
  override async submit(): Promise<boolean> {
    if (this.state.mode === 'replace' && this.isReady && this.accept(this.check())) {
      if (!(await this.mayReplace())) {
        return false;
      }
    }
    return super.submit();
  }

  /** Stops the load; nothing of it stays. */
  async stop(): Promise<void> {
    if (this.queryId !== null && !this.state.stopping) {
      this.set({ stopping: true });
      // If it has ended meanwhile, its own answer says so.
      await this.uploads.cancel(this.queryId).catch(() => undefined);
    }
  }

  /** Sends the file again, or for the first time. */
  async sendFile(): Promise<void> {
    this.set({ failure: null });
    if (this.file.blob.size === 0) {
      this.set({ failure: this.trans.__('“%1” is empty.', this.file.name) });
      return;
    }
    try {
      const upload = await this.uploads.send(this.to.connection, this.file, part => {
        const table = this.state.table || part.table;
        this.set({ upload: part, ...(this.state.mode === 'create' ? { table } : {}) });
        return !this.isDisposed;
      });
      if (this.isDisposed) {
        await this.uploads.remove(upload.id);
        return;
      }
    } catch (error) {
      this.set({ failure: this.message(error) });
      return;
    }
    await this.read();
  }

  /** Reads the first rows. */
  async read(): Promise<void> {
    clearTimeout(this.timer);
    const { upload } = this.state;
    if (!upload || upload.received < upload.size) {
      return;
    }
    const turn = ++this.turns;
    const source = this.source();
    this.types = source.options.types;
    this.set({ reading: true, problem: null, errors: this.without('columns') });
    try {
      const preview = await this.uploads.preview(upload.id, source);
      if (turn === this.turns) {
        const found = preview.code
          ? {}
          : {
              columns: columnsOf(
                preview.columns,
                this.state.columns,
                this.state.target,
                this.isTyped
              ),
              firstRows: preview.rows ?? []
            };
        this.set({ preview, ...found, reading: false });
        this.readAgain();
      }
    } catch (error) {
      if (turn !== this.turns) {
        return;
      }
      this.set({ reading: false });
      if (isGone(error) && !this.isDisposed) {
        await this.sendFile();
      } else {
        this.refuse(error);
      }
    }
  }

  protected get order(): readonly string[] {
    const options = Object.keys(propertiesOf(this.state.upload?.options_schema ?? {}));
    return [...options, 'table', ...this.state.columns.map((_, place) => `columns.${place}`)];
  }

  protected check(): FieldErrors {
    const __ = this.trans.__.bind(this.trans);
    const { mode, table, tables, columns } = this.state;
    const errors: Record<string, string> = {};
    const taken = tables?.some(({ name }) => name === table) ?? false;
    if (table === '') {
      errors.table = mode === 'create' ? __('Enter a name.') : __('Choose a table.');
    } else if (mode === 'create' && taken) {
      errors.table = __('There is a table with this name. Choose another name, or append to it.');
    }
    const twice = doubled(columns);
    columns.forEach(({ used, name }, place) => {
      if (used && name.trim() === '') {
        errors[`columns.${place}`] = __('Enter a name, or leave the column out.');
      } else if (used && twice.has(name)) {
        errors[`columns.${place}`] = __('Two columns have this name.');
      }
    });
    if (!columns.some(({ used }) => used)) {
      errors['columns.0'] = __('Choose at least one column.');
    }
    return errors;
  }

  protected async send(): Promise<void> {
    try {
      await this.load();
    } catch (error) {
      if (!isGone(error)) {
        throw error;
      }
      await this.sendFile();
      await this.load();
    }
  }

  override message(error: unknown): string {
    return error instanceof ApiError && error.code === 'cancelled'
      ? this.trans.__('Stopped. Nothing was loaded.')
      : super.message(error);
  }

  private async load(): Promise<void> {
    const { upload, schema, table, mode, columns } = this.state;
    if (!upload) {
      return;
    }
    this.queryId = UUID.uuid4();
    this.set({ rows: 0, stopping: false });
    const watch = setInterval(() => void this.watch(), TICK);
    try {
      this.result = await this.uploads.load(upload.id, {
        ...this.source(),
        schema: schema || null,
        table,
        mode,
        columns: columns
          .filter(({ used }) => used)
          .map(({ source: column, name }) => ({ column, name })),
        query_id: this.queryId
      });
    } finally {
      clearInterval(watch);
      this.queryId = null;
      this.set({ rows: null, stopping: false });
    }
  }

  protected fieldOf(field: unknown): string | null {
    const path = String(field ?? '');
    if (path.startsWith('options.')) {
      return path.slice('options.'.length).split('.')[0];
    }
    return path === 'table' ? path : null;
  }

  protected override refusals(message: string, error: ApiError): FieldErrors {
    const found = super.refusals(message, error);
    const name = String(error.details.column ?? '');
    const place = this.state.columns.findIndex(
      column => column.used && (column.name === name || column.source === name)
    );
    // The message is shown above the form as well: it says what to set.
    if (Object.keys(found).length > 0 || place < 0) {
      return found;
    }
    return { [`columns.${place}`]: message };
  }

  private source(): { connection: string; options: JSONObject; sheet: string | null } {
    const types = Object.fromEntries(
      this.state.columns.filter(({ as }) => as !== '').map(({ source, as }) => [source, as])
    );
    const options = withoutEmpty(this.state.options);
    return {
      connection: this.to.connection,
      options: Object.keys(types).length > 0 ? { ...options, types } : options,
      sheet: this.sheet
    };
  }

  private readLater(): void {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.read(), PAUSE);
  }

  private async watch(): Promise<void> {
    const id = this.queryId;
    const rows = id === null ? null : await this.uploads.progress(id).catch(() => null);
    if (rows !== null && id === this.queryId) {
      this.set({ rows });
    }
  }

  private async findSchemas(): Promise<void> {
    try {
      const schemas = (await this.api.schemas(this.to.connection)).map(({ name }) => name);
      const known = this.state.schema || (schemas.find(it => it === 'public') ?? schemas[0] ?? '');
      this.set({ schemas, schema: known });
    } catch (error) {
      this.set({ problem: this.message(error) });
    }
    await this.findTables();
    await this.findTarget();
  }

  private async findTables(): Promise<void> {
    const { schema } = this.state;
    try {
      const tables = await this.api.tables(this.to.connection, schema || null);
      if (schema === this.state.schema) {
        this.set({ tables });
      }
    } catch (error) {
      this.set({ tables: [], problem: this.message(error) });
    }
  }

  private async findTarget(): Promise<void> {
    const { connection } = this.to;
    const { mode, schema, table } = this.state;
    if (mode === 'create' || table === '') {
      this.setTarget(null);
      return;
    }
    try {
      const target = await this.api.columns(connection, schema || null, table);
      if (table === this.state.table && schema === this.state.schema && this.state.mode === mode) {
        this.setTarget(target);
      }
    } catch (error) {
      this.set({ problem: this.message(error) });
    }
  }

  private setTarget(target: readonly ColumnInfo[] | null): void {
    if (target !== this.state.target) {
      this.set({ target, columns: this.placed(target) });
      this.readAgain();
    }
  }

  private placed(target: readonly ColumnInfo[] | null): readonly LoadColumn[] {
    return placed(this.state.columns, target, this.isTyped);
  }

  /** Reads the file again if the types of columns are other ones now. */
  private readAgain(): void {
    const { types } = this.source().options;
    if (this.state.columns.length > 0 && !JSONExt.deepEqual(types ?? {}, this.types ?? {})) {
      void this.read();
    }
  }

  /** Asks whether the table's rows may be replaced, with their number if it comes soon. */
  private async mayReplace(): Promise<boolean> {
    const { schema, table } = this.state;
    const place = { connection: this.to.connection, schema: schema || null, table };
    this.set({ doomed: null });
    super.ask('remove');
    this.api.count(place).then(
      ({ rows }) => this.set({ doomed: rows }),
      () => undefined
    );
    const may = await new Promise<boolean>(resolve => {
      this.answer = resolve;
    });
    this.answer = null;
    super.ask(null);
    return may;
  }

  private without(start: string): FieldErrors {
    return Object.fromEntries(
      Object.entries(this.state.errors).filter(([path]) => !path.startsWith(start))
    );
  }

  private form: { schema: RJSFSchema; uiSchema: UiSchema } | null = null;
  private answer: ((may: boolean) => void) | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private touched = false;
  private sheet: string | null = null;
  /** The types of columns with which the file was read. */
  private types: JSONObject[string] | undefined;
  private turns = 0;
  private queryId: string | null = null;
}

/** Whether the service no longer has the file: it is kept for an hour, and until a restart. */
function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'unknown_upload';
}

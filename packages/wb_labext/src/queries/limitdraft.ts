import type { TranslationBundle } from '@jupyterlab/translation';

import type { LimitKind, LimitView, LimitWork } from '../api/types';
import type { FieldErrors } from '../ui/fielderrors';
import type { FormState } from '../ui/formmodel';
import { FormModel, UNTOUCHED } from '../ui/formmodel';
import type { QueriesModel } from './model';
import type { Field, Typed } from './words';
import { FIELDS, fieldWords, parse, subjectWords, typedOf } from './words';

/** The user, group or connection that limits apply to, or everyone. */
export interface Subject {
  kind: LimitKind;
  subject: string;
  label: string;
}

export interface LimitDraftState extends FormState {
  work: LimitWork;
  kind: LimitKind;
  subject: Subject | null;
  typed: Typed;
}

/** Limits that are being added or changed. */
export class LimitDraft extends FormModel<LimitDraftState> {
  /**
   * @param row - the limits to change; null to add new ones
   */
  constructor(
    private readonly model: QueriesModel,
    row: LimitView | null,
    trans: TranslationBundle
  ) {
    super(trans, {
      ...UNTOUCHED,
      work: row?.work ?? 'interactive',
      kind: row?.kind ?? 'user',
      subject: row && { kind: row.kind, subject: row.subject, label: subjectWords(row, trans) },
      typed: typedOf(row)
    });
    this.saved = this.state;
  }

  /** The first error, as a sentence; empty if there is none. */
  get sentence(): string {
    const { errors, problem } = this.state;
    const field = FIELDS.find(name => name in errors);
    return field
      ? `${fieldWords(field, this.trans)}: ${errors[field]}`
      : (errors.subject ?? errors[''] ?? problem ?? '');
  }

  setWork(work: LimitWork): void {
    this.set({ work });
  }

  setKind(kind: LimitKind): void {
    this.set({ kind, subject: null });
  }

  setSubject(subject: Subject | null): void {
    this.set({ subject });
  }

  type(field: Field, text: string): void {
    this.set({ typed: { ...this.state.typed, [field]: text } });
  }

  isDirty(): boolean {
    return this.state.subject !== this.saved.subject || this.state.typed !== this.saved.typed;
  }

  protected get order(): readonly string[] {
    return ['subject', ...FIELDS];
  }

  protected check(): FieldErrors {
    const { kind, subject, typed } = this.state;
    const found = parse(typed);
    if ('wrong' in found) {
      return { [found.wrong]: this.trans.__('Enter a number, or leave it empty.') };
    }
    if (kind !== 'everyone' && !subject) {
      return { subject: this.trans.__('Choose who or what the limits apply to.') };
    }
    return Object.keys(found.values).length > 0
      ? {}
      : { '': this.trans.__('Enter at least one limit.') };
  }

  protected async send(): Promise<void> {
    const { work, kind, subject, typed } = this.state;
    const found = parse(typed);
    await this.model.setLimits({
      ...Object.fromEntries(FIELDS.map(field => [field, null])),
      ...('values' in found ? found.values : {}),
      work,
      kind,
      subject: subject?.subject ?? ''
    });
  }

  protected fieldOf(field: unknown): string | null {
    return FIELDS.find(name => name === field) ?? null;
  }

  private readonly saved: LimitDraftState;
}

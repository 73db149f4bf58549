import type { TranslationBundle } from '@jupyterlab/translation';

import type { ConnectionView } from '../api/types';
import type { FieldErrors } from '../ui/fielderrors';
import type { FormState } from '../ui/formmodel';
import { FormModel, UNTOUCHED } from '../ui/formmodel';
import type { ConnectionsModel } from './model';

export interface RoutinesState extends FormState {
  /** The names, one a line. */
  text: string;
}

/** The names in a text with one a line. */
export function namesIn(text: string): string[] {
  return text
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '');
}

/** The functions and procedures of a connection's database that statements may call. */
export class RoutinesModel extends FormModel<RoutinesState> {
  constructor(
    private readonly model: ConnectionsModel,
    trans: TranslationBundle,
    readonly connection: ConnectionView
  ) {
    super(trans, { ...UNTOUCHED, text: connection.routines.join('\n') });
  }

  setText(text: string): void {
    this.set({ text, errors: {}, problem: null });
  }

  isDirty(): boolean {
    return namesIn(this.state.text).join('\n') !== this.connection.routines.join('\n');
  }

  protected get order(): readonly string[] {
    return ['routines'];
  }

  protected check(): FieldErrors {
    const wrong = namesIn(this.state.text).find(name => !name.includes('.'));
    return wrong === undefined
      ? {}
      : { routines: this.trans.__('“%1” has no schema: write schema.name.', wrong) };
  }

  protected async send(): Promise<void> {
    await this.model.api.setRoutines(this.connection.id, namesIn(this.state.text));
    await this.model.refresh();
  }

  protected fieldOf(): string {
    return 'routines';
  }
}

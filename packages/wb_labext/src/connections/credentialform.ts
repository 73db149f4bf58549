import type { TestResult } from '../api/types';
import { today } from '../ui/dates';
import type { FieldErrors } from '../ui/fielderrors';
import { reasonOf } from '../ui/fielderrors';
import type { FormState } from '../ui/formmodel';
import { FormModel } from '../ui/formmodel';

/** The path of the expiry date among the fields. */
export const ENDS = 'expires_at';

export interface CredentialFormState extends FormState {
  /** The day on which the credentials expire, or empty. */
  ends: string;
  test: { running: true } | { running: false; result: TestResult } | null;
}

/** A form with credentials: they may expire, and can be tested before they are saved. */
export abstract class CredentialForm<S extends CredentialFormState> extends FormModel<S> {
  override get pending(): 'submit' | 'test' | null {
    return this.state.test?.running ? 'test' : super.pending;
  }

  setEnds(ends: string): void {
    const { [ENDS]: _, ...errors } = this.state.errors;
    this.set({ ends, errors, problem: null } as Partial<S>);
  }

  async test(): Promise<void> {
    if (this.state.test?.running) {
      return;
    }
    this.setTest(null);
    const { subject, request } = this.tested();
    if (!this.accept(this.tests(this.check()))) {
      return;
    }
    const before = subject();
    this.setTest({ running: true });
    try {
      const result = await request();
      // A test's result is only valid for what was tested.
      const same = subject() === before;
      this.setTest(same ? { running: false, result } : null);
      const field = result.details?.field;
      const path = result.ok ? null : this.fieldOf(field);
      if (same && path !== null) {
        this.set({ errors: { [path]: reasonOf(result.message, field) } } as unknown as Partial<S>);
      }
    } catch (error) {
      this.setTest(null);
      this.refuse(error);
    }
  }

  /** The test, and what it tests: the result is dropped if that changes in the meantime. */
  protected abstract tested(): { subject: () => unknown; request: () => Promise<TestResult> };

  /** The errors that prevent a test. */
  protected tests(errors: FieldErrors): FieldErrors {
    const { [ENDS]: _, ...others } = errors;
    return others;
  }

  /** What is wrong with the expiry date; the saved one (`before`) may stay even if it is past. */
  protected checkEnds(before = ''): FieldErrors {
    const { ends } = this.state;
    return ends !== '' && ends !== before && ends < today()
      ? { [ENDS]: this.trans.__('This date is in the past. Choose a later one, or none.') }
      : {};
  }

  private setTest(test: S['test']): void {
    this.set({ test } as Partial<S>);
  }
}

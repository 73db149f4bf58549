/** The errors of a form's fields, as sentences. Pure functions. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { RJSFValidationError } from '@rjsf/utils';

/** Sentences by the path of their field, joined by dots; '' is the form as a whole. */
export type FieldErrors = Readonly<Record<string, string>>;

/** The validator's errors, as one sentence per field. */
export function readableErrors(
  errors: readonly RJSFValidationError[],
  trans: TranslationBundle
): FieldErrors {
  const result: Record<string, string> = {};
  for (const error of errors) {
    const path = (error.property ?? '').replace(/^\./, '').replace(/\['([^']*)'\]/g, '.$1');
    result[path] ??= sentence(error, path, trans);
  }
  return result;
}

function sentence(error: RJSFValidationError, path: string, trans: TranslationBundle): string {
  const params = (error.params ?? {}) as Record<string, unknown>;
  const limit = String(params.limit);
  switch (error.name) {
    case 'required':
    case 'minLength':
      return trans.__('This field is required.');
    case 'minimum':
    case 'exclusiveMinimum':
      return trans.__('Must be at least %1.', limit);
    case 'maximum':
    case 'exclusiveMaximum':
      return trans.__('Must be at most %1.', limit);
    case 'maxLength':
      return trans.__('Must be at most %1 characters.', limit);
    case 'enum':
    case 'const':
      return trans.__('Choose one of the listed values.');
    case 'type':
      if (params.type === 'integer') {
        return trans.__('Must be a whole number.');
      }
      if (params.type === 'number') {
        return trans.__('Must be a number.');
      }
      break;
    case 'pattern':
      if (path === 'name') {
        return trans.__(
          'Use lowercase letters, digits and underscores; start with a letter; at most 63 characters.'
        );
      }
  }
  return trans.__('Not valid: %1.', error.message ?? '');
}

/** A server's error about a field, without the field's name, since it is shown at the field. */
export function reasonOf(message: string, field: unknown): string {
  const name = Array.isArray(field) ? field.join('.') : String(field ?? '');
  const reason =
    name !== '' && message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
  return reason.charAt(0).toUpperCase() + reason.slice(1);
}

import type { ReadonlyJSONObject } from '@lumino/coreutils';
import { customizeValidator } from '@rjsf/validator-ajv8';

/** Checks a form's data against its schema. */
export const validator = customizeValidator<ReadonlyJSONObject>();

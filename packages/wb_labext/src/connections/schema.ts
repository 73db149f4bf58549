/**
 * From a connector's JSON schema to a form, and back: pure functions.
 *
 * The server makes the schemas with pydantic: optional fields are `anyOf [X, null]`, nested models
 * are `$ref`s, secrets are `writeOnly`. The form wants neither of the first two.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { JSONObject, JSONValue } from '@lumino/coreutils';
import type { RJSFSchema, RJSFValidationError, UiSchema } from '@rjsf/utils';

/** The object of a configuration that the form shows under "Advanced". */
export const ADVANCED = 'driver_options';

/** A text that may be longer than this is of several lines: a certificate, say. */
const ONE_LINE = 1000;

/** The pattern of a connection's name, as the server has it. */
export const NAME_PATTERN = '^[a-z][a-z0-9_]{0,62}$';

/** What the form edits. */
export interface Draft {
  name: string;
  description: string;
  config: JSONObject;
}

/** Error sentences by the path of their field, joined by dots; '' is the form as a whole. */
export type FieldErrors = Readonly<Record<string, string>>;

interface Schema {
  [key: string]: JSONValue | undefined;
}

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The schema without `$ref`, and with "X or null" written as an X that may be left out. */
export function simplify(schema: JSONObject): JSONObject {
  const definitions = isObject(schema.$defs) ? schema.$defs : {};

  function visit(value: JSONValue, seen: readonly string[]): JSONValue {
    if (Array.isArray(value)) {
      return value.map(item => visit(item, seen));
    }
    if (!isObject(value)) {
      return value;
    }
    let node: Schema = { ...value };
    if (typeof node.$ref === 'string') {
      const name = node.$ref.replace('#/$defs/', '');
      const target = definitions[name];
      delete node.$ref;
      if (isObject(target) && !seen.includes(name)) {
        return visit({ ...target, ...node } as JSONObject, [...seen, name]);
      }
    }
    if (Array.isArray(node.allOf) && node.allOf.length === 1 && isObject(node.allOf[0])) {
      const { allOf, ...rest } = node;
      return visit({ ...(allOf as JSONObject[])[0], ...rest } as JSONObject, seen);
    }
    if (Array.isArray(node.anyOf)) {
      const { anyOf, ...rest } = node;
      const real = anyOf.filter(option => !(isObject(option) && option.type === 'null'));
      if (real.length === 1 && isObject(real[0])) {
        if (rest.default === null) {
          delete rest.default;
        }
        return visit({ ...real[0], ...rest } as JSONObject, seen);
      }
    }
    delete node.$defs;
    delete node.$schema;
    if (isObject(node.properties)) {
      // Names of properties are data, not keywords.
      const properties: Schema = {};
      for (const [name, property] of Object.entries(node.properties)) {
        properties[name] = visit(property ?? {}, seen);
      }
      const { properties: _, ...rest } = node;
      node = {
        ...(visit(rest as JSONObject, seen) as JSONObject),
        properties: properties as JSONObject
      };
      return node as JSONObject;
    }
    const result: JSONObject = {};
    for (const [key, item] of Object.entries(node)) {
      if (item !== undefined) {
        result[key] = key === 'default' || key === 'enum' ? item : visit(item, seen);
      }
    }
    return result;
  }

  return visit(schema, []) as JSONObject;
}

/** The properties of an object's schema. */
export function propertiesOf(schema: JSONObject): Schema {
  return isObject(schema.properties) ? schema.properties : {};
}

/** A configuration's fields by what the form does with them. */
export interface Parts {
  /** Neither secret nor advanced. */
  plain: string[];
  /** Written but never read: passwords, keys. */
  secrets: string[];
  /** Below "Advanced". */
  advanced: string[];
}

export function split(config: JSONObject): Parts {
  const parts: Parts = { plain: [], secrets: [], advanced: [] };
  for (const [name, property] of Object.entries(propertiesOf(config))) {
    if (isObject(property) && property.writeOnly === true) {
      parts.secrets.push(name);
    } else if (name === ADVANCED) {
      parts.advanced.push(name);
    } else {
      parts.plain.push(name);
    }
  }
  return parts;
}

/** The defaults that a schema names, objects included, to fill an empty form. */
export function defaults(schema: JSONObject): JSONObject {
  const result: JSONObject = {};
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    if (!isObject(property)) {
      continue;
    }
    if (property.default !== undefined && property.default !== null) {
      result[name] = property.default;
    } else if (isObject(property.properties)) {
      result[name] = defaults(property as JSONObject);
    }
  }
  return result;
}

export interface FormTexts {
  name: string;
  nameHelp: string;
  description: string;
  advanced: string;
}

/** The whole form's schema: name and description, then the connector's own fields. */
export function formSchema(config: JSONObject, texts: FormTexts): RJSFSchema {
  const { title: _title, description: _description, ...rest } = config;
  const properties = { ...propertiesOf(config) };
  if (isObject(properties[ADVANCED])) {
    properties[ADVANCED] = { ...properties[ADVANCED], title: texts.advanced } as JSONObject;
  }
  return {
    type: 'object',
    required: ['name'],
    properties: {
      name: {
        type: 'string',
        title: texts.name,
        description: texts.nameHelp,
        pattern: NAME_PATTERN
      },
      description: { type: 'string', title: texts.description, maxLength: 500 },
      config: { ...rest, type: 'object', properties } as RJSFSchema
    }
  } as RJSFSchema;
}

/**
 * How the form shows it: the fields' order, password inputs, lists as lines of text.
 *
 * @param secretsSet - the secrets that are stored already, which the form never shows
 */
export function formUiSchema(
  config: JSONObject,
  secretsSet: readonly string[],
  unchanged: string
): UiSchema {
  const parts = split(config);
  const properties = propertiesOf(config);
  return {
    'ui:order': ['name', 'description', 'config'],
    config: {
      // Secrets stay where the schema puts them, next to the user name; advanced ones go last.
      'ui:order': [
        ...Object.keys(properties).filter(name => !parts.advanced.includes(name)),
        ...parts.advanced
      ],
      ...fieldsUi(properties, secretsSet, unchanged)
    }
  };
}

/** How each field is shown. */
export function fieldsUi(
  properties: Schema,
  secretsSet: readonly string[],
  unchanged: string
): UiSchema {
  const ui: UiSchema = {};
  for (const [name, property] of Object.entries(properties)) {
    if (!isObject(property)) {
      continue;
    }
    if (property.writeOnly === true) {
      ui[name] = {
        'ui:widget': 'password',
        ...(secretsSet.includes(name) ? { 'ui:placeholder': unchanged } : {})
      };
    } else if (Number(property.maxLength ?? 0) > ONE_LINE) {
      ui[name] = { 'ui:widget': 'textarea' };
    } else if (property.type === 'array') {
      ui[name] = { 'ui:widget': 'lines' };
    } else if (isObject(property.properties)) {
      ui[name] = {
        ...fieldsUi(property.properties, [], unchanged),
        ...(name === ADVANCED ? { 'ui:options': { collapsed: true } } : {})
      };
    }
  }
  return ui;
}

/** The configuration to send: without empty values, so that a secret left out keeps the stored one. */
export function toConfig(config: JSONObject): JSONObject {
  const result: JSONObject = {};
  for (const [name, value] of Object.entries(config)) {
    if (value === undefined || value === null || value === '') {
      continue;
    }
    if (Array.isArray(value)) {
      const lines = value.filter(item => typeof item !== 'string' || item.trim() !== '');
      result[name] = lines;
    } else {
      result[name] = isObject(value) ? toConfig(value as JSONObject) : value;
    }
  }
  return result;
}

/**
 * The schema to check a draft by: a required secret that is stored already may be left out.
 */
export function checkSchema(schema: RJSFSchema, secretsSet: readonly string[]): RJSFSchema {
  const config = schema.properties?.config;
  if (!isObject(config) || !Array.isArray(config.required) || secretsSet.length === 0) {
    return schema;
  }
  const required = (config.required as string[]).filter(name => !secretsSet.includes(name));
  return {
    ...schema,
    properties: { ...schema.properties, config: { ...config, required } as RJSFSchema }
  };
}

/** What the errors of a check are called; each gets the error's parameters. */
export interface ErrorTexts {
  required: string;
  name: string;
  integer: string;
  number: string;
  minimum: (limit: string) => string;
  maximum: (limit: string) => string;
  maxLength: (limit: string) => string;
  choice: string;
  other: (message: string) => string;
}

export function errorTexts(trans: TranslationBundle): ErrorTexts {
  const __ = trans.__.bind(trans);
  return {
    required: __('This field is needed.'),
    name: __(
      'Use lower-case letters, digits and underscores, beginning with a letter; at most 63 characters.'
    ),
    integer: __('This must be a whole number.'),
    number: __('This must be a number.'),
    minimum: limit => __('This must be at least %1.', limit),
    maximum: limit => __('This must be at most %1.', limit),
    maxLength: limit => __('This must have at most %1 characters.', limit),
    choice: __('Choose one of the values.'),
    other: message => __('This is not valid: %1.', message)
  };
}

/** The validator's errors as one sentence a field. */
export function readableErrors(
  errors: readonly RJSFValidationError[],
  texts: ErrorTexts
): FieldErrors {
  const result: Record<string, string> = {};
  for (const error of errors) {
    const path = (error.property ?? '').replace(/^\./, '').replace(/\['([^']*)'\]/g, '.$1');
    if (!(path in result)) {
      result[path] = sentence(error, path, texts);
    }
  }
  return result;
}

function sentence(error: RJSFValidationError, path: string, texts: ErrorTexts): string {
  const params = (error.params ?? {}) as Record<string, unknown>;
  switch (error.name) {
    case 'required':
      return texts.required;
    case 'pattern':
      return path === 'name' ? texts.name : texts.other(error.message ?? '');
    case 'type':
      return params.type === 'integer'
        ? texts.integer
        : params.type === 'number'
          ? texts.number
          : texts.other(error.message ?? '');
    case 'minimum':
    case 'exclusiveMinimum':
      return texts.minimum(String(params.limit));
    case 'maximum':
    case 'exclusiveMaximum':
      return texts.maximum(String(params.limit));
    case 'minLength':
      return texts.required;
    case 'maxLength':
      return texts.maxLength(String(params.limit));
    case 'enum':
    case 'const':
      return texts.choice;
    default:
      return texts.other(error.message ?? '');
  }
}

/**
 * Where a server's error belongs in the form.
 *
 * The server names a field by itself (`host`) or by its path (`config.host`, also as a list).
 *
 * @returns the field's path in the form, or null if the form has no such field
 */
export function fieldOf(field: unknown, schema: RJSFSchema): string | null {
  const path = Array.isArray(field)
    ? field.map(String)
    : typeof field === 'string'
      ? field.split('.')
      : [];
  if (path.length === 0 || path[0] === '') {
    return null;
  }
  for (const candidate of [path, ['config', ...path], ['config', ADVANCED, ...path]]) {
    let node: unknown = schema;
    for (const name of candidate) {
      node = isObject(node) && isObject(node.properties) ? node.properties[name] : undefined;
    }
    if (isObject(node) && !isObject(node.properties)) {
      return candidate.join('.');
    }
  }
  return null;
}

/** What a server's error says of a field, without the field's name: that stands beside it already. */
export function reasonOf(message: string, field: unknown): string {
  const name = Array.isArray(field) ? field.join('.') : String(field ?? '');
  const reason =
    name !== '' && message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message;
  return reason.charAt(0).toUpperCase() + reason.slice(1);
}

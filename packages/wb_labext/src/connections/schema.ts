/** Turns a connector's JSON schema into the form of a connection. Pure functions. */
import type { JSONObject } from '@lumino/coreutils';
import type { RJSFSchema, UiSchema } from '@rjsf/utils';

import type { Schema } from '../ui/schema';
import { isObject, propertiesOf } from '../ui/schema';

/** The object of a configuration that the form shows under "Advanced". */
export const ADVANCED = 'driver_options';

/** A text that may be longer than this gets several lines, such as a certificate. */
const ONE_LINE = 1000;

/** The pattern of a connection's name, the same as the server's. */
export const NAME_PATTERN = '^[a-z][a-z0-9_]{0,62}$';

/** What the form edits. */
export interface Draft {
  name: string;
  description: string;
  config: JSONObject;
}

export interface FormTexts {
  name: string;
  nameHelp: string;
  description: string;
  advanced: string;
}

/** The schema of the whole form: name and description, then the connector's own fields. */
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
 * The form's UI schema: the fields' order, password inputs, lists as lines of text.
 *
 * @param secretsSet - the secrets that are already stored, which the form never shows
 */
export function formUiSchema(
  config: JSONObject,
  secretsSet: readonly string[],
  unchanged: string
): UiSchema {
  const properties = propertiesOf(config);
  const names = Object.keys(properties);
  return {
    'ui:order': ['name', 'description', 'config'],
    config: {
      // Secrets stay where the schema puts them, next to the user name; advanced ones go last.
      'ui:order': [
        ...names.filter(name => name !== ADVANCED),
        ...names.filter(name => name === ADVANCED)
      ],
      ...fieldsUi(properties, secretsSet, unchanged)
    }
  };
}

/** The UI schema of each field. */
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
        ...(name === ADVANCED || property.collapsed === true
          ? { 'ui:options': { collapsed: true } }
          : {})
      };
    }
  }
  return ui;
}

/**
 * The schema to check a draft against: a required secret that is already stored may be left out.
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

/**
 * The field of the form that a server's error is about.
 *
 * The server names a field by its name (`host`) or by its path (`config.host`, also as a list).
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

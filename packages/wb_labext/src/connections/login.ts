/** The fields of a connector's configuration that are credentials. Pure functions. */
import type { JSONObject } from '@lumino/coreutils';

import { propertiesOf } from '../ui/schema';

/** The fields of credentials: those marked `login`, and every secret. */
export function loginFields(schema: JSONObject): string[] {
  return Object.entries(propertiesOf(schema))
    .filter(([, property]) => {
      const { login, writeOnly } = (property ?? {}) as { login?: unknown; writeOnly?: unknown };
      return login === true || writeOnly === true;
    })
    .map(([name]) => name);
}

/** The schema, reduced to some of its fields. */
export function pick(schema: JSONObject, keep: (name: string) => boolean): JSONObject {
  const properties: JSONObject = {};
  for (const [name, property] of Object.entries(propertiesOf(schema))) {
    if (keep(name) && property !== undefined) {
      properties[name] = property;
    }
  }
  const required = Array.isArray(schema.required) ? (schema.required as string[]) : [];
  return { ...schema, properties, required: required.filter(keep) };
}

/**
 * The schema of the credentials alone, with only the fields' titles: examples and help are for whoever
 * sets up a connection for everyone.
 */
export function loginSchema(schema: JSONObject): JSONObject {
  const fields = loginFields(schema);
  const { properties, ...rest } = pick(schema, name => fields.includes(name));
  const plain = Object.entries(properties as JSONObject).map(([name, property]) => {
    const { description: _help, examples: _examples, ...kept } = property as JSONObject;
    return [name, kept];
  });
  return { ...rest, properties: Object.fromEntries(plain) as JSONObject };
}

/** The schema without credentials, for a connection with personal ones. */
export function withoutLogin(schema: JSONObject): JSONObject {
  const fields = loginFields(schema);
  return pick(schema, name => !fields.includes(name));
}

/** A configuration without credentials. */
export function dropLogin(config: JSONObject, schema: JSONObject): JSONObject {
  const fields = loginFields(schema);
  return Object.fromEntries(
    Object.entries(config).filter(([name]) => !fields.includes(name))
  ) as JSONObject;
}

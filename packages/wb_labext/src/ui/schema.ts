/**
 * Prepares JSON schemas for forms. Pure functions.
 *
 * The server generates the schemas with pydantic: optional fields are `anyOf [X, null]`, nested models
 * are `$ref`s, secrets are `writeOnly`. Forms don't handle the first two.
 */
import type { JSONObject, JSONValue } from '@lumino/coreutils';

export interface Schema {
  [key: string]: JSONValue | undefined;
}

export function isObject(value: unknown): value is Schema {
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

/** The defaults in a schema, including nested objects, to fill an empty form. */
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

/** The values to send: without empty ones, so that an omitted secret keeps the stored one. */
export function withoutEmpty(values: JSONObject): JSONObject {
  const result: JSONObject = {};
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null || value === '') {
      continue;
    }
    if (Array.isArray(value)) {
      const lines = value.filter(item => typeof item !== 'string' || item.trim() !== '');
      result[name] = lines;
    } else {
      result[name] = isObject(value) ? withoutEmpty(value as JSONObject) : value;
    }
  }
  return result;
}

/**
 * The fields of a configuration that matter only for some values of another field: the keyword
 * `shown_for` of a field's schema, such as `{"auth": ["basic"]}`. Pure functions.
 */
import type { JSONObject } from '@lumino/coreutils';

import { isObject, propertiesOf } from '../ui/schema';

/** The names of the fields that don't matter in this configuration. */
export function idleFields(schema: JSONObject, config: JSONObject): string[] {
  const properties = propertiesOf(schema);
  return Object.entries(properties)
    .filter(([, property]) => isObject(property) && isObject(property.shown_for))
    .filter(([, property]) =>
      Object.entries((property as { shown_for: JSONObject }).shown_for).some(([other, values]) => {
        const field = properties[other];
        const value = config[other] ?? (isObject(field) ? field.default : undefined);
        return !(values as unknown[]).includes(value);
      })
    )
    .map(([name]) => name);
}

/** A configuration without the values of fields that don't matter in it. */
export function dropIdle(config: JSONObject, schema: JSONObject): JSONObject {
  const idle = idleFields(schema, config);
  return Object.fromEntries(
    Object.entries(config).filter(([name]) => !idle.includes(name))
  ) as JSONObject;
}

/**
 * Completions for a `*.pipeline.yaml`, from the schema of the file. Pure functions.
 *
 * The position is found by indentation, because the text being typed is not valid YAML yet. The text
 * around it is read by a parser that recovers from errors.
 *
 * Libraries for CodeMirror (codemirror-json-schema 0.8) offer nothing at an empty key or value, do not
 * follow `oneOf` by `type`, and know no names of tasks, connections and expressions.
 */
import type { JSONObject, JSONValue } from '@lumino/coreutils';
import { isMap, parseDocument } from 'yaml';

export interface Suggestion {
  label: string;
  insert: string;
  kind: 'key' | 'value' | 'name';
  help: string;
}

export interface Completion {
  /** The start of the text to replace, which ends at the cursor. */
  start: number;
  suggestions: Suggestion[];
}

/** Names to offer as the values of a key, such as `connection`. */
export type Names = Readonly<Record<string, readonly string[]>>;

type Path = readonly (string | number)[];

interface Schema {
  [key: string]: JSONValue | undefined;
}

interface Place {
  /** The path of the value, or of the map that gets the key. */
  path: Path;
  /** The keys before it on its line, in braces. */
  inline: Readonly<Record<string, string>>;
  kind: 'key' | 'value';
  /** What has been typed so far. */
  typed: string;
}

const KEY = /^(\s*)((?:- +)*)([\w.-]+|"[^"]*"|'[^']*')\s*:(?:\s+(.*))?$/;
const indentOf = (line: string): number => /^\s*/.exec(line)?.[0].length ?? 0;
const isBlank = (line: string): boolean => /^\s*(#.*)?$/.test(line);

/** The keys above a line that are less indented; null inside a multi-line text. */
function parents(lines: readonly string[], row: number, indent: number): Path | null {
  const path: (string | number)[] = [];
  let depth = indent;
  for (let index = row - 1; index >= 0 && depth > 0; index--) {
    const line = lines[index];
    if (isBlank(line)) {
      continue;
    }
    const dashes = /^(\s*)((?:- +)+)/.exec(line);
    const own = indentOf(line);
    const inner = dashes ? dashes[0].length : own;
    const key = KEY.exec(line);
    if (inner < depth && key) {
      if (/^[|>]/.test(key[4] ?? '')) {
        return null;
      }
      path.unshift(key[3].replace(/^["']|["']$/g, ''));
      depth = inner;
    }
    if (dashes && own < depth) {
      path.unshift(0);
      depth = own;
      // A list may follow its key without further indentation.
      depth += depth === 0 || lineHasKey(lines, index, own) ? 1 : 0;
    }
  }
  return path;
}

/** Whether the list that a line belongs to is indented the same as its key. */
function lineHasKey(lines: readonly string[], row: number, indent: number): boolean {
  for (let index = row - 1; index >= 0; index--) {
    if (!isBlank(lines[index]) && !/^\s*- /.test(lines[index])) {
      return indentOf(lines[index]) === indent;
    }
  }
  return false;
}

/** What is open in braces and brackets at the end of a text. */
function flow(text: string, path: Path): Place | null {
  const stack: { open: string; path: Path; key: string | null; keys: Record<string, string> }[] =
    [];
  let piece = '';
  let quote = '';
  const top = (): (typeof stack)[number] | undefined => stack.at(-1);
  const close = (): void => {
    const frame = top();
    if (frame?.open === '{' && frame.key !== null) {
      frame.keys[frame.key] = piece.trim().replace(/^["']|["']$/g, '');
      frame.key = null;
    }
    piece = '';
  };
  for (let index = 0; index < text.length; index++) {
    const letter = text[index];
    if (quote) {
      quote = letter === quote ? '' : quote;
      piece += letter;
    } else if ((letter === '"' || letter === "'") && piece.trim() === '') {
      quote = letter;
      piece += letter;
    } else if (letter === '{' || letter === '[') {
      const frame = top();
      const inner = !frame
        ? path
        : frame.open === '['
          ? [...frame.path, 0]
          : [...frame.path, frame.key ?? ''];
      stack.push({ open: letter, path: inner, key: null, keys: {} });
      piece = '';
    } else if ((letter === '}' || letter === ']') && stack.length > 0) {
      close();
      stack.pop();
    } else if (letter === ',' && stack.length > 0) {
      close();
    } else if (letter === ':' && top()?.open === '{' && /\s|$/.test(text[index + 1] ?? '')) {
      const frame = top();
      if (frame) {
        frame.key = piece.trim();
      }
      piece = '';
    } else {
      piece += letter;
    }
  }
  const frame = top();
  if (!frame) {
    return null;
  }
  const typed = piece.trimStart();
  if (frame.open === '[') {
    return { path: [...frame.path, 0], inline: {}, kind: 'value', typed };
  }
  return frame.key === null
    ? { path: frame.path, inline: frame.keys, kind: 'key', typed }
    : { path: [...frame.path, frame.key], inline: frame.keys, kind: 'value', typed };
}

/** What is being typed at the end of `before`; null if nothing can be offered. */
export function placeOf(before: string): Place | null {
  const lines = before.split('\n');
  const row = lines.length - 1;
  const line = lines[row];
  if (/(^|\s)#/.test(line.replace(/"[^"]*"|'[^']*'/g, ''))) {
    return null;
  }
  const found = /^(\s*)((?:- +)*)(?:([\w.-]+|"[^"]*"|'[^']*')\s*:\s+)?(.*)$/.exec(line);
  if (!found) {
    return null;
  }
  const [, space, dashes, quoted, rest] = found;
  const above = parents(lines, row, space.length + dashes.length || (dashes ? 1 : 0));
  if (above === null) {
    return null;
  }
  let path: Path = above;
  if (dashes) {
    // Below the key that the list belongs to.
    const list = parents(lines, row, space.length + (lineHasKey(lines, row, space.length) ? 1 : 0));
    path = [...(list ?? []), 0];
  }
  if (quoted !== undefined) {
    const own = [...path, quoted.replace(/^["']|["']$/g, '')];
    return flow(rest, own) ?? { path: own, inline: {}, kind: 'value', typed: rest };
  }
  const inFlow = flow(rest, path);
  if (inFlow) {
    return inFlow;
  }
  if (/:$/.test(rest)) {
    return null;
  }
  if (dashes) {
    // An item of a list: a value, or the first key of a map.
    return { path, inline: {}, kind: 'value', typed: rest };
  }
  return { path, inline: {}, kind: 'key', typed: rest };
}

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Walks the schema of the file. */
class Walker {
  constructor(private readonly root: JSONObject) {}

  /** The schemas that a value may have; of alternatives, the one that its `type` names. */
  options(schema: unknown, value: unknown, type?: string): Schema[] {
    if (!isObject(schema)) {
      return [];
    }
    if (typeof schema.$ref === 'string') {
      const target = (this.root.$defs as Schema | undefined)?.[schema.$ref.replace('#/$defs/', '')];
      return this.options(target, value, type);
    }
    const several = schema.oneOf ?? schema.anyOf;
    if (Array.isArray(several)) {
      const kind = type ?? (isObject(value) ? value.type : undefined);
      const all = several.flatMap(item => this.options(item, value, type));
      const chosen = all.filter(item => {
        const own = isObject(item.properties) ? item.properties.type : undefined;
        return isObject(own) && own.const === kind;
      });
      return chosen.length > 0 ? chosen : all;
    }
    return [schema];
  }

  /** The schemas at a path of a document. */
  at(path: Path, document: unknown, inline: Readonly<Record<string, string>>): Schema[] {
    let schemas = this.options(this.root, document);
    let value = document;
    path.forEach((step, index) => {
      value = isObject(value) || Array.isArray(value) ? (value as Schema)[step] : undefined;
      const last = index === path.length - 1;
      schemas = schemas.flatMap(schema => {
        const below = typeof step === 'number' ? schema.items : below_(schema, step);
        return this.options(below, value, last ? inline.type : undefined);
      });
    });
    return schemas;
  }
}

function below_(schema: Schema, key: string): unknown {
  if (isObject(schema.properties) && schema.properties[key] !== undefined) {
    return schema.properties[key];
  }
  for (const [pattern, inner] of Object.entries(
    isObject(schema.patternProperties) ? schema.patternProperties : {}
  )) {
    if (new RegExp(pattern).test(key)) {
      return inner;
    }
  }
  return schema.additionalProperties;
}

const helpOf = (schema: unknown): string =>
  isObject(schema) && typeof schema.description === 'string' ? schema.description : '';

function keySuggestion(walker: Walker, key: string, schema: unknown): Suggestion {
  const types = walker.options(schema, undefined).map(item => item.type);
  const plain = types.some(type => type !== 'object' && type !== 'array');
  return { label: key, insert: plain ? `${key}: ` : `${key}:`, kind: 'key', help: helpOf(schema) };
}

function valuesOf(schema: Schema): string[] {
  const texts = (values: JSONValue | undefined): string[] =>
    Array.isArray(values)
      ? values.filter(value => typeof value !== 'object').map(value => String(value))
      : [];
  if (schema.const !== undefined) {
    return [String(schema.const)];
  }
  if (Array.isArray(schema.enum)) {
    return texts(schema.enum);
  }
  return schema.type === 'boolean' ? ['true', 'false'] : texts(schema.examples);
}

/** A value as YAML, quoted if it would be read as something else. */
function written(value: string): string {
  return /^[\w./-]+( [\w./-]+)*$/.test(value) ? value : JSON.stringify(value);
}

/** The names that an expression may use. */
function expressionNames(document: unknown): string[] {
  const keys = (name: string): string[] => {
    const part = isObject(document) ? document[name] : undefined;
    return isObject(part) ? Object.keys(part) : [];
  };
  return [
    ...keys('parameters').map(name => `params.${name}`),
    ...keys('tasks').map(name => `tasks.${name}.outputs.`),
    'run.id',
    'run.date',
    'run.time',
    'run.trigger',
    'pipeline.name'
  ];
}

/** The completions at the cursor. */
export function complete(
  text: string,
  offset: number,
  schema: JSONObject,
  names: Names = {}
): Completion {
  const before = text.slice(0, offset);
  const none = { start: offset, suggestions: [] };
  const place = placeOf(before);
  const lineStart = before.lastIndexOf('\n') + 1;
  const lineEnd = text.indexOf('\n', offset);
  // Without what is being typed, which would be in the way.
  const without = text.slice(0, lineStart) + (lineEnd < 0 ? '' : text.slice(lineEnd));
  const document: unknown = read(without);

  const expression = /\{\{\s*([\w.]*)$/.exec(before.slice(lineStart));
  if (expression) {
    const suggestions = expressionNames(read(text) ?? document).map(
      label => ({ label, insert: label, kind: 'name', help: '' }) as const
    );
    return { start: offset - expression[1].length, suggestions };
  }
  if (!place) {
    return none;
  }
  const { path, inline, typed, kind } = place;
  const walker = new Walker(schema);
  const start = offset - typed.length;
  const schemas = walker.at(path, document, inline);
  if (kind === 'value') {
    const last = path.at(-1);
    const inNeeds = path.at(-2) === 'needs';
    const values = [
      ...new Set([
        ...(inNeeds ? taskNames(read(text)).filter(name => name !== path[1]) : []),
        ...(typeof last === 'string' ? (names[last] ?? []) : []),
        ...schemas.flatMap(valuesOf)
      ])
    ];
    const help = schemas.length === 1 ? helpOf(schemas[0]) : '';
    return {
      start,
      suggestions: values.map(label => ({ label, insert: written(label), kind: 'value', help }))
    };
  }
  const present = new Set([...keysAt(document, path), ...Object.keys(inline)]);
  const suggestions = new Map<string, Suggestion>();
  for (const option of schemas) {
    for (const [key, inner] of Object.entries(
      isObject(option.properties) ? option.properties : {}
    )) {
      if (!present.has(key) && !suggestions.has(key)) {
        suggestions.set(key, keySuggestion(walker, key, inner));
      }
    }
  }
  return { start, suggestions: [...suggestions.values()] };
}

/** The content of a YAML text, as far as it can be parsed. */
function read(text: string): unknown {
  try {
    const document = parseDocument(text);
    return isMap(document.contents) ? document.toJS({ maxAliasCount: 0 }) : undefined;
  } catch {
    return undefined;
  }
}

function taskNames(document: unknown): string[] {
  const tasks = isObject(document) ? document.tasks : undefined;
  return isObject(tasks) ? Object.keys(tasks) : [];
}

function keysAt(document: unknown, path: Path): string[] {
  let value = document;
  for (const step of path) {
    value = isObject(value) || Array.isArray(value) ? (value as Schema)[step] : undefined;
  }
  return isObject(value) ? Object.keys(value) : [];
}

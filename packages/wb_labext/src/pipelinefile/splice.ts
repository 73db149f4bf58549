/**
 * Edits YAML by splicing text into it, so that everything else stays as it was written. The library's own
 * `toString` would change numbers (`010`, more than 15 digits) and move comments. Pure functions.
 */
import type { Node, Pair, YAMLMap } from 'yaml';
import { isMap, isNode, isScalar, parseDocument, stringify } from 'yaml';

/** The text can't be edited: it has errors, or the edit would change something else. */
export class UnreadableFile extends Error {}

/** What can be added: JSON. */
export type Plain = string | number | boolean | null | readonly Plain[] | { [key: string]: Plain };

const STYLE = {
  lineWidth: 0,
  // A block that keeps its last line ends would take in the empty lines that follow it in the file.
  blockQuote: false,
  singleQuote: false,
  doubleQuotedMinMultiLineLength: Number.MAX_SAFE_INTEGER
} as const;
/** The indentation of a nested map that this module begins. */
const STEP = 2;

interface Read {
  root: YAMLMap;
  /** The whole value; whole numbers are exact. */
  value: unknown;
}

/**
 * Reads a text whose root is a map.
 *
 * @throws UnreadableFile
 */
export function readMap(text: string): Read {
  const document = parseDocument(text, { keepSourceTokens: true, intAsBigInt: true });
  const root = document.contents;
  if (document.errors.length > 0 || !isMap(root)) {
    throw new UnreadableFile();
  }
  try {
    return { root, value: document.toJS() as unknown };
  } catch {
    throw new UnreadableFile(); // an unknown alias, or too many
  }
}

/** The pair of a key in a map. */
function pairOf(map: YAMLMap, key: string): Pair | undefined {
  return map.items.find(item => (isScalar(item.key) ? item.key.value : item.key) === key);
}

/** The map under a key; null if the key is missing or has no value. */
export function mapUnder(root: YAMLMap, key: string): YAMLMap | null {
  const value = pairOf(root, key)?.value;
  if (isMap(value)) {
    return value;
  }
  if (value === undefined || value === null || (isScalar(value) && value.value === null)) {
    return null;
  }
  throw new UnreadableFile();
}

/** The keys of a map, in order. */
export function keysOf(map: YAMLMap | null): string[] {
  return (map?.items ?? []).map(item => String(isScalar(item.key) ? item.key.value : item.key));
}

/**
 * Adds an entry at the end of the map under a key of the root.
 *
 * @throws UnreadableFile if it can't be added without changing anything else
 */
export function withEntry(text: string, parent: string, key: string, value: Plain): string {
  const { root, value: before } = readMap(text);
  const map = mapUnder(root, parent);
  const pair = pairOf(root, parent);
  const edited =
    map && map.items.length > 0
      ? added(text, map, key, value)
      : map?.flow
        ? inserted(text, startOf(map) + 1, `${flow(key)}: ${flow(value)}`)
        : pair
          ? begun(text, root, pair, key, value)
          : added(text, root, parent, { [key]: value });
  const whole = { ...(before as Record<string, unknown>) };
  whole[parent] = { ...((whole[parent] ?? {}) as object), [key]: value };
  return checked(edited, whole);
}

/**
 * Sets a text under a key of the root.
 *
 * @throws UnreadableFile if it can't be set without changing anything else
 */
export function withText(text: string, key: string, value: string): string {
  const { root, value: before } = readMap(text);
  const old = pairOf(root, key)?.value;
  let edited: string;
  if (isNode(old) && old.range && old.range[1] > old.range[0]) {
    const [start, end] = old.range;
    const newline = text[end - 1] === '\n' ? lineEnd(text) : '';
    edited = text.slice(0, start) + flow(value) + newline + text.slice(end);
  } else if (pairOf(root, key)) {
    throw new UnreadableFile(); // a key without a value
  } else {
    edited = added(text, root, key, value);
  }
  return checked(edited, { ...(before as object), [key]: value });
}

/** The text, if it has the intended value. */
function checked(text: string, intended: unknown): string {
  if (!equal(readMap(text).value, intended)) {
    throw new UnreadableFile();
  }
  return text;
}

/** The text with an entry after the last one of a map that has entries. */
function added(text: string, map: YAMLMap, key: string, value: Plain): string {
  const last = map.items.at(-1);
  const end = Math.max(endOf(last?.key), endOf(last?.value));
  if (map.flow) {
    return inserted(text, end, `, ${flow(key)}: ${flow(value)}`);
  }
  const indent = indentOf(map);
  return linesInserted(text, afterLines(text, end, indent), block(key, value, indent));
}

/** The text with a first entry below a key without a value, or with an empty one. */
function begun(text: string, root: YAMLMap, pair: Pair, key: string, value: Plain): string {
  if (root.flow || isMap(pair.value)) {
    throw new UnreadableFile();
  }
  const end = Math.max(endOf(pair.key), endOf(pair.value));
  const written = text.slice(endOf(pair.key), end).trim();
  if (written !== '' && written !== ':') {
    throw new UnreadableFile(); // a null that is written out
  }
  const newline = text.indexOf('\n', endOf(pair.key));
  const place = newline < 0 ? text.length : newline + 1;
  return linesInserted(text, place, block(key, value, indentOf(root) + STEP));
}

function inserted(text: string, place: number, addition: string): string {
  return text.slice(0, place) + addition + text.slice(place);
}

/** The text with whole lines at the start of a line, or at its end. */
function linesInserted(text: string, place: number, lines: string): string {
  const newline = lineEnd(text);
  const before = text.slice(0, place);
  const joint = before === '' || before.endsWith('\n') ? '' : newline;
  return before + joint + lines.replaceAll('\n', newline) + text.slice(place);
}

/** The start of the line after the one where an entry ends, and after comments that belong to it. */
function afterLines(text: string, end: number, indent: number): number {
  let place = text[end - 1] === '\n' ? end : nextLine(text, end);
  for (let next = place; next < text.length; next = nextLine(text, next)) {
    const [, spaces, content] = /^( *)(.?)/.exec(text.slice(next, nextLine(text, next))) ?? [];
    if (content === '#' && spaces.length > indent) {
      place = nextLine(text, next);
    } else if (content && content !== '\r') {
      break;
    }
  }
  return place;
}

function nextLine(text: string, place: number): number {
  const newline = text.indexOf('\n', place);
  return newline < 0 ? text.length : newline + 1;
}

function lineEnd(text: string): string {
  return text.includes('\r\n') ? '\r\n' : '\n';
}

function startOf(node: unknown): number {
  const range = (node as Node | null)?.range;
  if (!range) {
    throw new UnreadableFile();
  }
  return range[0];
}

function endOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[1] ?? 0;
}

/** The column of a block map's keys. */
function indentOf(map: YAMLMap): number {
  const token = map.srcToken;
  if (token?.type !== 'block-map') {
    throw new UnreadableFile();
  }
  return token.indent;
}

/** An entry of a block map, as whole lines. */
function block(key: string, value: Plain, indent: number): string {
  const lines = stringify({ [key]: value }, STYLE);
  return lines.replace(/^(?=.)/gm, ' '.repeat(indent));
}

/** Names that need no quotes anywhere. */
const SAFE = /^[A-Za-z_][A-Za-z0-9_./-]*$/;
const WORD = /^(?:true|false|null|yes|no|on|off|y|n)$/i;

/** A value on one line, as in a flow map; texts that need quotes are written as in JSON. */
function flow(value: Plain): string {
  if (typeof value === 'string') {
    return SAFE.test(value) && !WORD.test(value) ? value : JSON.stringify(value);
  }
  if (Array.isArray(value)) {
    return `[${value.map(item => flow(item as Plain)).join(', ')}]`;
  }
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value as Record<string, Plain>);
    return `{${entries.map(([key, item]) => `${flow(key)}: ${flow(item)}`).join(', ')}}`;
  }
  return JSON.stringify(value);
}

function equal(a: unknown, b: unknown): boolean {
  if (typeof a === 'bigint' && typeof b === 'bigint') {
    return a === b;
  }
  if (typeof a === 'bigint' || typeof b === 'bigint') {
    return isNumeric(a) && isNumeric(b) && Number(a) === Number(b);
  }
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') {
    return Object.is(a, b);
  }
  if (Array.isArray(a) !== Array.isArray(b)) {
    return false;
  }
  const [left, right] = [Object.entries(a), Object.entries(b)];
  return (
    left.length === right.length &&
    left.every(([key, value]) => key in b && equal(value, (b as Record<string, unknown>)[key]))
  );
}

function isNumeric(value: unknown): value is bigint | number {
  return typeof value === 'bigint' || typeof value === 'number';
}

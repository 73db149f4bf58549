/** The parameters of a notebook, read from its cell tagged `parameters`. Pure functions. */
import type * as nbformat from '@jupyterlab/nbformat';

export type Literal = string | number | boolean;

export interface NotebookParameter {
  name: string;
  type: 'text' | 'integer' | 'number' | 'boolean' | 'list';
  /** The type of a list's items. */
  items?: 'text' | 'integer' | 'number' | 'boolean';
  default: Literal | Literal[];
}

/** The pattern of a parameter's name, the same as the server's. */
const NAME = /^[a-z][a-z0-9_]{0,62}$/;

const ASSIGNMENT = /^([A-Za-z_]\w*)\s*(?::[^=]+)?=(?!=)\s*(.+)$/;
const STRING = /^(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/;
const NUMBER = /^[+-]?(?:\d[\d_]*\.?\d*(?:[eE][+-]?\d+)?|\.\d+(?:[eE][+-]?\d+)?)/;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r' };

interface Read {
  value: Literal;
  type: 'text' | 'integer' | 'number' | 'boolean';
  rest: string;
}

function readLiteral(text: string): Read | null {
  const word = /^(True|False)\b/.exec(text);
  if (word) {
    return { value: word[1] === 'True', type: 'boolean', rest: text.slice(word[0].length) };
  }
  const string = STRING.exec(text);
  if (string) {
    const value = (string[1] ?? string[2]).replace(
      /\\(.)/g,
      (_, letter: string) => ESCAPES[letter] ?? letter
    );
    return { value, type: 'text', rest: text.slice(string[0].length) };
  }
  const number = NUMBER.exec(text);
  if (number) {
    const plain = number[0].replaceAll('_', '');
    const value = Number(plain);
    const type = /^[+-]?\d+$/.test(plain) ? 'integer' : 'number';
    if (Number.isFinite(value) && (type === 'number' || Number.isSafeInteger(value))) {
      return { value, type, rest: text.slice(number[0].length) };
    }
  }
  return null;
}

const isEnd = (rest: string): boolean => /^\s*(#.*)?;?\s*$/.test(rest);

function readValue(text: string): Omit<NotebookParameter, 'name'> | null {
  if (!text.startsWith('[')) {
    const read = readLiteral(text);
    return read && isEnd(read.rest) ? { type: read.type, default: read.value } : null;
  }
  const items: Read[] = [];
  let rest = text.slice(1).trimStart();
  while (!rest.startsWith(']')) {
    const read = readLiteral(rest);
    const after = /^\s*(,\s*|(?=\]))/.exec(read?.rest ?? '');
    if (!read || !after) {
      return null;
    }
    items.push(read);
    rest = read.rest.slice(after[0].length);
  }
  const types = new Set(items.map(item => item.type));
  if (types.has('integer') && types.has('number')) {
    types.delete('integer');
  }
  if (types.size > 1 || !isEnd(rest.slice(1))) {
    return null;
  }
  const [type = 'text'] = types;
  return { type: 'list', items: type, default: items.map(item => item.value) };
}

/** The assignments of simple literals at the start of lines; other lines are ignored. */
export function readParameters(source: string): NotebookParameter[] {
  const found = new Map<string, NotebookParameter>();
  for (const line of source.split('\n')) {
    const assignment = ASSIGNMENT.exec(line);
    const value = assignment && NAME.test(assignment[1]) ? readValue(assignment[2].trim()) : null;
    if (assignment && value) {
      found.set(assignment[1], { name: assignment[1], ...value });
    }
  }
  return [...found.values()];
}

/** The parameters of a notebook: those of its first cell with the tag `parameters`. */
export function parametersOf(notebook: nbformat.INotebookContent): NotebookParameter[] {
  const cell = notebook.cells.find(item => {
    const tags = (item.metadata as { tags?: unknown }).tags;
    return item.cell_type === 'code' && Array.isArray(tags) && tags.includes('parameters');
  });
  const source = cell?.source ?? '';
  return readParameters(Array.isArray(source) ? source.join('') : source);
}

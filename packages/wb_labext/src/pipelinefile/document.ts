/** Creates and edits the text of a `*.pipeline.yaml`, keeping comments and order. Pure functions. */
import type { Document, YAMLMap } from 'yaml';
import { isMap, isScalar, parseDocument, stringify } from 'yaml';

import type { NotebookParameter } from './parameters';

export const SUFFIX = '.pipeline.yaml';

export function isPipelineFile(path: string): boolean {
  return path.endsWith(SUFFIX) || path.endsWith('.pipeline.yml');
}

/** A valid name for a pipeline or a task, from the name of a file. */
export function nameFrom(file: string): string {
  const plain = file
    .replace(/\.[^.]*$/, '')
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '_')
    .replace(/^[_0-9]+|_+$/g, '');
  return (plain || 'pipeline').slice(0, 63).replace(/_+$/, '');
}

/** The same name with a number, or the next number. */
export function nextName(name: string): string {
  const numbered = /^(.*)_(\d+)$/.exec(name);
  const [base, number] = numbered ? [numbered[1], Number(numbered[2])] : [name, 1];
  const suffix = `_${number + 1}`;
  return base.slice(0, 63 - suffix.length) + suffix;
}

function definition(parameter: NotebookParameter): Record<string, unknown> {
  const { type, items } = parameter;
  return { type, ...(items ? { items } : {}), default: parameter.default };
}

function task(notebook: string, parameters: readonly string[], needs: readonly string[]): object {
  return {
    type: 'notebook',
    ...(needs.length > 0 ? { needs } : {}),
    notebook,
    ...(parameters.length > 0
      ? { parameters: Object.fromEntries(parameters.map(name => [name, `{{ params.${name} }}`])) }
      : {})
  };
}

const STYLE = { lineWidth: 100, flowCollectionPadding: false } as const;

/** A pipeline of one notebook. */
export function pipelineText(
  name: string,
  notebook: string,
  parameters: readonly NotebookParameter[]
): string {
  return stringify(
    {
      name,
      description: `Runs ${notebook}`,
      ...(parameters.length > 0
        ? {
            parameters: Object.fromEntries(parameters.map(item => [item.name, definition(item)]))
          }
        : {}),
      tasks: {
        [nameFrom(notebook.split('/').at(-1) ?? '')]: task(
          notebook,
          parameters.map(item => item.name),
          []
        )
      }
    },
    STYLE
  );
}

/** The notebook of a new pipeline's only task. */
export const FIRST_NOTEBOOK = 'first.ipynb';

/** A starting point for a file written by hand, which runs `FIRST_NOTEBOOK`. */
export function starterText(name: string, comment: readonly string[]): string {
  const lines = comment.map(line => `# ${line}\n`).join('');
  const rest = stringify(
    { name, description: '', tasks: { first: { type: 'notebook', notebook: FIRST_NOTEBOOK } } },
    STYLE
  );
  return lines + rest;
}

/** The file can't be edited: it can't be read as YAML with tasks. */
export class UnreadableFile extends Error {}

function mapAt(document: Document.Parsed, key: string): YAMLMap | null {
  const found = document.get(key, true);
  return isMap(found) ? found : null;
}

const keysOf = (map: YAMLMap | null): string[] =>
  (map?.items ?? []).map(item => String(isScalar(item.key) ? item.key.value : item.key));

/** The last tasks of a file: those that no other task needs. */
export function lastTasks(text: string): string[] {
  const tasks = mapAt(parseDocument(text), 'tasks');
  const needed = new Set(
    keysOf(tasks).flatMap(name => {
      const needs: unknown = (
        tasks?.getIn([name, 'needs']) as { toJSON?: () => unknown } | null
      )?.toJSON?.();
      return Array.isArray(needs) ? needs.map(String) : [];
    })
  );
  return keysOf(tasks).filter(name => !needed.has(name));
}

/**
 * Appends a task that runs a notebook after the current last tasks. Its parameters are added to the
 * pipeline's, unless the pipeline already has parameters of the same names.
 *
 * @throws UnreadableFile if the text isn't a map with tasks.
 */
export function withNotebook(
  text: string,
  notebook: string,
  parameters: readonly NotebookParameter[]
): { text: string; task: string } {
  const document = parseDocument(text);
  const tasks = mapAt(document, 'tasks');
  if (document.errors.length > 0 || !isMap(document.contents) || !tasks) {
    throw new UnreadableFile();
  }
  const taken = keysOf(tasks);
  let name = nameFrom(notebook.split('/').at(-1) ?? '');
  while (taken.includes(name)) {
    name = nextName(name);
  }
  const known = keysOf(mapAt(document, 'parameters'));
  for (const parameter of parameters) {
    if (!known.includes(parameter.name)) {
      document.setIn(['parameters', parameter.name], document.createNode(definition(parameter)));
    }
  }
  if (tasks.flow) {
    // On one line the tasks would be unreadable.
    tasks.flow = false;
  }
  const added = task(
    notebook,
    parameters.map(item => item.name),
    lastTasks(text)
  );
  tasks.set(name, document.createNode(added));
  return { text: document.toString(STYLE), task: name };
}

/** The pipeline's name in a text; null if it has none yet. */
export function pipelineName(text: string): string | null {
  const found = parseDocument(text).get('name');
  return typeof found === 'string' && found !== '' ? found : null;
}

/** The same text with another name. */
export function renamed(text: string, name: string): string {
  const document = parseDocument(text);
  document.set('name', name);
  return document.toString(STYLE);
}

/** Creates and edits the text of a `*.pipeline.yaml`, keeping comments and order. Pure functions. */
import { isMap, parseDocument, stringify } from 'yaml';

import type { NotebookParameter } from './parameters';
import type { Plain } from './splice';
import { UnreadableFile, keysOf, mapUnder, readMap, withEntry, withText } from './splice';

export { UnreadableFile } from './splice';

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

function definition(parameter: NotebookParameter): { [key: string]: Plain } {
  const { type, items } = parameter;
  return { type, ...(items ? { items } : {}), default: parameter.default };
}

function task(
  notebook: string,
  parameters: readonly string[],
  needs: readonly string[]
): { [key: string]: Plain } {
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

/** The last tasks of a file: those that no other task needs. */
export function lastTasks(text: string): string[] {
  const tasks = parseDocument(text).get('tasks', true);
  if (!isMap(tasks)) {
    return [];
  }
  const names = keysOf(tasks);
  const needed = new Set(
    names.flatMap(name => {
      const needs: unknown = (
        tasks.getIn([name, 'needs']) as { toJSON?: () => unknown } | null
      )?.toJSON?.();
      return Array.isArray(needs) ? needs.map(String) : [];
    })
  );
  return names.filter(name => !needed.has(name));
}

/**
 * Appends a task that runs a notebook after the current last tasks. Its parameters are added to the
 * pipeline's, unless the pipeline already has parameters of the same names. Everything else stays as it
 * was written.
 *
 * @throws UnreadableFile if the text isn't a map with tasks
 */
export function withNotebook(
  text: string,
  notebook: string,
  parameters: readonly NotebookParameter[]
): { text: string; task: string } {
  const { root } = readMap(text);
  const taken = keysOf(mapUnder(root, 'tasks'));
  if (taken.length === 0) {
    throw new UnreadableFile();
  }
  let name = nameFrom(notebook.split('/').at(-1) ?? '');
  while (taken.includes(name)) {
    name = nextName(name);
  }
  const known = keysOf(mapUnder(root, 'parameters'));
  const added = task(
    notebook,
    parameters.map(item => item.name),
    lastTasks(text)
  );
  let edited = withEntry(text, 'tasks', name, added);
  for (const parameter of parameters) {
    if (!known.includes(parameter.name)) {
      edited = withEntry(edited, 'parameters', parameter.name, definition(parameter));
    }
  }
  return { text: edited, task: name };
}

/** The pipeline's name in a text; null if it has none yet. */
export function pipelineName(text: string): string | null {
  const found = parseDocument(text).get('name');
  return typeof found === 'string' && found !== '' ? found : null;
}

/** The same text with another name. */
export function renamed(text: string, name: string): string {
  return withText(text, 'name', name);
}

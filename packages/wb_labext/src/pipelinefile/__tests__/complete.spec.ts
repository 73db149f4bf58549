import type { JSONObject } from '@lumino/coreutils';
import { describe, expect, it } from 'vitest';

import { complete } from '../complete';

/** A schema with the shapes of the server's. */
const SCHEMA: JSONObject = {
  type: 'object',
  properties: {
    name: { type: 'string', description: 'The name.' },
    labels: { type: 'array', items: { type: 'string' } },
    concurrency: { enum: ['queue', 'skip'], type: 'string' },
    schedule: { anyOf: [{ $ref: '#/$defs/Schedule' }, { type: 'null' }] },
    parameters: {
      type: 'object',
      patternProperties: { '^[a-z]+$': { type: 'object', properties: { type: {} } } }
    },
    tasks: {
      type: 'object',
      patternProperties: {
        '^[a-z][a-z0-9_]*$': {
          oneOf: [{ $ref: '#/$defs/Sql' }, { $ref: '#/$defs/Notebook' }]
        }
      }
    }
  },
  $defs: {
    Schedule: {
      type: 'object',
      properties: {
        cron: { type: 'string', examples: ['0 6 * * 1-5', '@daily'] },
        paused: { type: 'boolean' }
      }
    },
    Retries: {
      type: 'object',
      properties: { count: { type: 'integer' }, backoff: { enum: ['constant', 'exponential'] } }
    },
    Sql: {
      type: 'object',
      properties: {
        type: { const: 'sql' },
        needs: { type: 'array', items: { type: 'string' } },
        connection: { type: 'string' },
        statement: { type: 'string' }
      }
    },
    Notebook: {
      type: 'object',
      properties: {
        type: { const: 'notebook' },
        needs: { type: 'array', items: { type: 'string' } },
        notebook: { type: 'string' },
        retries: { anyOf: [{ $ref: '#/$defs/Retries' }, { type: 'null' }] }
      }
    }
  }
};

const NAMES = { connection: ['sample', 'warehouse'], notebook: ['a b.ipynb'] };

/** The completions offered at `|`. */
function at(text: string): string[] {
  const offset = text.indexOf('|');
  const found = complete(text.replace('|', ''), offset, SCHEMA, NAMES);
  return found.suggestions.map(item => item.label);
}

const HEAD = 'name: x\nparameters:\n  period: {type: date}\n';

describe('completion', () => {
  it.each([
    [
      'keys of the file that it has not yet',
      'name: x\n|',
      ['labels', 'concurrency', 'schedule', 'parameters', 'tasks']
    ],
    [
      'also above others',
      '|\nname: x\ntasks:',
      ['labels', 'concurrency', 'schedule', 'parameters']
    ],
    ['values of a choice', 'concurrency: |', ['queue', 'skip']],
    ['keys of a part', 'schedule:\n  |', ['cron', 'paused']],
    ['keys in braces, but those that are there', 'schedule: {cron: "@daily", |', ['paused']],
    ['true and false', 'schedule: {paused: |', ['true', 'false']],
    ['examples', 'schedule:\n  cron: |', ['0 6 * * 1-5', '@daily']],
    ['kinds of tasks', 'tasks:\n  a:\n    type: |', ['sql', 'notebook']],
    ['kinds of tasks in braces', 'tasks:\n  a: {type: |', ['sql', 'notebook']],
    [
      'the keys of that kind',
      'tasks:\n  a:\n    type: sql\n    |',
      ['needs', 'connection', 'statement']
    ],
    [
      'the keys of that kind in braces',
      'tasks:\n  a: {type: notebook, |',
      ['needs', 'notebook', 'retries']
    ],
    [
      'keys of all kinds before there is one',
      'tasks:\n  a:\n    |',
      ['type', 'needs', 'connection', 'statement', 'notebook', 'retries']
    ],
    [
      'parts of parts',
      'tasks:\n  a:\n    type: notebook\n    retries: {backoff: |',
      ['constant', 'exponential']
    ],
    ['connections', 'tasks:\n  a:\n    type: sql\n    connection: |', ['sample', 'warehouse']],
    ['notebooks of the folder', 'tasks:\n  a: {type: notebook, notebook: |}', ['a b.ipynb']],
    ['other tasks', 'tasks:\n  a: {type: sql}\n  b: {type: sql, needs: [|', ['a']],
    [
      'other tasks in lines',
      'tasks:\n  a: {type: sql}\n  b:\n    type: sql\n    needs:\n      - |',
      ['a']
    ],
    [
      'other tasks in lines below their key',
      'tasks:\n  a: {type: sql}\n  b:\n    type: sql\n    needs:\n    - |',
      ['a']
    ],
    ['nothing in a comment', 'name: x\n# sch|', []],
    ['nothing inside a text of lines', 'tasks:\n  a:\n    statement: |-\n      sel', []],
    ['nothing of an unknown part', 'nothing:\n  |', []]
  ])('offers %s', (_, text, labels) => {
    // The last but two contains a bar itself: the cursor is at its end.
    const marked = text.includes('|-') ? text.replace('|-', '>-') + '|' : text;
    expect(at(marked)).toEqual(labels);
  });

  it('offers what an expression may use', () => {
    expect(at(`${HEAD}tasks:\n  a: {type: sql, statement: "{{ par|`)).toContain('params.period');
    expect(at(`${HEAD}tasks:\n  a: {type: sql}\n  b: {type: sql, statement: "{{ |`)).toEqual([
      'params.period',
      'tasks.a.outputs.',
      'tasks.b.outputs.',
      'run.id',
      'run.date',
      'run.time',
      'run.trigger',
      'pipeline.name'
    ]);
  });

  it('replaces what is typed, with a colon after a key and quotes where YAML needs them', () => {
    const key = complete('con', 3, SCHEMA);
    expect(key.start).toBe(0);
    expect(key.suggestions.find(item => item.label === 'concurrency')?.insert).toBe(
      'concurrency: '
    );
    expect(key.suggestions.find(item => item.label === 'tasks')?.insert).toBe('tasks:');
    expect(key.suggestions.find(item => item.label === 'name')?.help).toBe('The name.');
    const text = 'schedule: {cron: @d';
    const value = complete(text, text.length, SCHEMA);
    expect(value.start).toBe(text.length - 2);
    expect(value.suggestions.map(item => item.insert)).toEqual(['"0 6 * * 1-5"', '"@daily"']);
  });
});

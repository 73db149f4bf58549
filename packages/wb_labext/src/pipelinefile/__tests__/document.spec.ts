import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';

import {
  UnreadableFile,
  isPipelineFile,
  lastTasks,
  nameFrom,
  nextName,
  pipelineName,
  pipelineText,
  renamed,
  withNotebook
} from '../document';

const FILE = `# The books
name: nightly # of the night
parameters:
  region: {type: text, default: eu}
tasks:
  extract: {type: sql, connection: warehouse, statement: select 1}
  # two that don't wait for each other
  clean: {type: notebook, needs: [extract], notebook: clean.ipynb}
  check: {type: notebook, needs: [extract], notebook: check.ipynb}
`;

const PARAMETERS = [
  { name: 'region', type: 'text', default: 'us' },
  { name: 'months', type: 'integer', default: 3 }
] as const;

describe('names', () => {
  it.each([
    ['Monthly Sales (2).ipynb', 'monthly_sales_2'],
    ['Übersicht.ipynb', 'u_bersicht'],
    ['2026 report.ipynb', 'report'],
    ['日本.ipynb', 'pipeline'],
    [`${'x'.repeat(80)}.ipynb`, 'x'.repeat(63)]
  ])('%s is called %s', (file, name) => {
    expect(nameFrom(file)).toBe(name);
  });

  it('get the next number if one is taken', () => {
    expect(nextName('sales')).toBe('sales_2');
    expect(nextName('sales_9')).toBe('sales_10');
    expect(nextName('x'.repeat(63))).toHaveLength(63);
  });

  it('of files', () => {
    expect(isPipelineFile('a/b.pipeline.yaml')).toBe(true);
    expect(isPipelineFile('a/pipeline.yaml')).toBe(false);
  });
});

describe('a pipeline of a notebook', () => {
  it('has the parameters of the notebook, and passes them on', () => {
    expect(parse(pipelineText('sales', 'Monthly Sales.ipynb', PARAMETERS))).toEqual({
      name: 'sales',
      description: 'Runs Monthly Sales.ipynb',
      parameters: {
        region: { type: 'text', default: 'us' },
        months: { type: 'integer', default: 3 }
      },
      tasks: {
        monthly_sales: {
          type: 'notebook',
          notebook: 'Monthly Sales.ipynb',
          parameters: { region: '{{ params.region }}', months: '{{ params.months }}' }
        }
      }
    });
    expect(parse(pipelineText('sales', 'a.ipynb', []))).not.toHaveProperty('parameters');
  });

  it('can be given another name', () => {
    expect(pipelineName(renamed(FILE, 'daily'))).toBe('daily');
    expect(renamed(FILE, 'daily')).toContain('# The books');
    expect(pipelineName('tasks: {}')).toBeNull();
  });
});

describe('adding a notebook', () => {
  it('comes after the last tasks, keeps comments, and uses existing parameters', () => {
    expect(lastTasks(FILE)).toEqual(['clean', 'check']);
    const { text, task } = withNotebook(FILE, 'Report.ipynb', PARAMETERS);
    expect(task).toBe('report');
    expect(text).toContain('# The books');
    expect(text).toContain("# two that don't wait for each other");
    const file = parse(text) as Record<string, Record<string, unknown>>;
    expect(file.parameters).toEqual({
      region: { type: 'text', default: 'eu' },
      months: { type: 'integer', default: 3 }
    });
    expect(file.tasks.report).toEqual({
      type: 'notebook',
      needs: ['clean', 'check'],
      notebook: 'Report.ipynb',
      parameters: { region: '{{ params.region }}', months: '{{ params.months }}' }
    });
    expect(file.tasks.clean).toEqual({
      type: 'notebook',
      needs: ['extract'],
      notebook: 'clean.ipynb'
    });
  });

  it('finds an unused name', () => {
    expect(withNotebook(FILE, 'check.ipynb', []).task).toBe('check_2');
  });

  it.each(['', 'name: [', 'name: x', '- a', 'tasks: none'])('refuses “%s”', text => {
    expect(() => withNotebook(text, 'a.ipynb', [])).toThrow(UnreadableFile);
  });
});

import type * as nbformat from '@jupyterlab/nbformat';
import { describe, expect, it } from 'vitest';

import { parametersOf, readParameters } from '../parameters';

describe('parameters of a notebook', () => {
  it.each([
    ["region = 'eu'  # which", { type: 'text', default: 'eu' }],
    ['region = "it\'s \\"so\\"\\n"', { type: 'text', default: 'it\'s "so"\n' }],
    ['region = "a # b"', { type: 'text', default: 'a # b' }],
    ['months: int = 1_000', { type: 'integer', default: 1000 }],
    ['share = -.5e1', { type: 'number', default: -5 }],
    ['whole = 3.', { type: 'number', default: 3 }],
    ['full = False;', { type: 'boolean', default: false }],
    ['days = [1, 2,3,]', { type: 'list', items: 'integer', default: [1, 2, 3] }],
    ['days = [1, 2.5]', { type: 'list', items: 'number', default: [1, 2.5] }],
    ["names = ['a', 'b']", { type: 'list', items: 'text', default: ['a', 'b'] }],
    ['none = []', { type: 'list', items: 'text', default: [] }]
  ])('%s', (source, found) => {
    expect(readParameters(source)).toMatchObject([found]);
  });

  it.each([
    'a = b',
    'a = 1 + 1',
    'a = None',
    "a = f'{x}'",
    "a = 'x' 'y'",
    'a = Falsey',
    "a = [1, 'x']",
    'a = [[1]]',
    'a == 1',
    '  a = 1',
    'Upper = 1',
    'a.b = 1',
    'a = 12345678901234567890'
  ])('ignores “%s”', source => {
    expect(readParameters(source)).toEqual([]);
  });

  it('takes the last assignment of a name', () => {
    expect(readParameters('a = 1\na = 2')).toMatchObject([{ name: 'a', default: 2 }]);
  });

  it('come from the cell with the tag', () => {
    const cell = (source: string | string[], tags?: string[]): object => ({
      cell_type: 'code',
      metadata: tags ? { tags } : {},
      source
    });
    const cells = [cell('a = 1'), cell(['b = 2\n', 'c = 3'], ['parameters'])];
    const notebook = { cells } as unknown as nbformat.INotebookContent;
    expect(parametersOf(notebook).map(item => item.name)).toEqual(['b', 'c']);
    expect(parametersOf({ ...notebook, cells: [] })).toEqual([]);
  });
});

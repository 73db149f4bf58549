import { describe, expect, it } from 'vitest';

import type { ColumnInfo } from '../../api/types';
import { columnsOf, differences, doubled, placed, sizeOf, typeFor } from '../loadcolumns';

const FOUND = [
  { name: 'Order Date', suggested: 'order_date', type: 'date' },
  { name: 'name', suggested: 'name', type: 'text' },
  { name: 'Map', suggested: 'map', type: '' }
];

function target(...names: string[]): ColumnInfo[] {
  return names.map(name => ({ name, type: 'text', nullable: name !== 'id', comment: null }));
}

describe('the columns of a file', () => {
  it('get the suggested names in a new table, except those that can’t be loaded', () => {
    const columns = columnsOf(FOUND, [], null);
    expect(columns.map(({ name, used }) => [name, used])).toEqual([
      ['order_date', true],
      ['name', true],
      ['map', false]
    ]);
  });

  it('keep what was changed when the file is read again with the same columns', () => {
    const [first, ...others] = columnsOf(FOUND, [], null);
    const changed = [{ ...first, name: 'day', used: false, as: 'VARCHAR' }, ...others];
    expect(columnsOf(FOUND, changed, null)[0]).toMatchObject({
      name: 'day',
      used: false,
      as: 'VARCHAR'
    });
    expect(columnsOf(FOUND.slice(0, 2), changed, null)[0].name).toBe('order_date');
  });

  it('go to the columns of a table with equal names, then with similar ones', () => {
    const columns = columnsOf(FOUND, [], target('NAME', 'name', 'order-date', 'id'));
    expect(columns.map(({ name }) => name)).toEqual(['order-date', 'name', '']);
    expect(placed(columns, target('NAME')).map(({ name, used }) => [name, used])).toEqual([
      ['', false],
      ['NAME', true],
      ['', false]
    ]);
    expect(placed(columns, null)[0].name).toBe('order_date');
  });

  it('are read as what the table’s columns are, if they look like text', () => {
    const table = [{ name: 'name', type: 'date', nullable: true, comment: null }];
    const [, name] = columnsOf(FOUND, [], table);
    expect([name.type, name.as]).toEqual(['text', 'DATE']);
    const again = FOUND.map(column => ({ ...column, type: column.type && 'date' }));
    const [, read] = columnsOf(again, columnsOf(FOUND, [], table), table);
    expect([read.type, read.found, read.as]).toEqual(['date', 'text', 'DATE']);
    expect(placed([read], null)[0].as).toBe('');
    expect(placed([read], table, false)[0].as).toBe('');
    expect(
      ['numeric(18,2)', 'numeric', 'int(11)', 'datetime(6)', 'character varying(9)'].map(type =>
        typeFor('longtext', type)
      )
    ).toEqual(['DECIMAL(18,2)', '', 'INTEGER', 'TIMESTAMP', '']);
    expect(typeFor('bigint', 'date')).toBe('');
  });

  it('are compared with those of the table', () => {
    const table = target('id', 'name', 'more');
    const { unfilled, leftOut } = differences(columnsOf(FOUND, [], table), table);
    expect(unfilled.map(({ name }) => name)).toEqual(['id', 'more']);
    expect(leftOut).toEqual(['Order Date', 'Map']);
  });

  it('have each name once', () => {
    const columns = columnsOf(FOUND, [], null);
    expect(doubled(columns).size).toBe(0);
    expect([...doubled(columns.map(column => ({ ...column, name: 'a' })))]).toEqual(['a']);
  });
});

describe('a size', () => {
  it('has a unit that fits', () => {
    expect([1, 1023, 1536, 2 ** 20, 5 * 2 ** 30].map(sizeOf)).toEqual([
      '1 B',
      '1,023 B',
      '1.5 KiB',
      '1 MiB',
      '5 GiB'
    ]);
  });
});

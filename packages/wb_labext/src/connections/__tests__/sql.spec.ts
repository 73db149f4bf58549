import { describe, expect, it } from 'vitest';

import { cellText, quoteIdentifier } from '../sql';

describe('quoteIdentifier', () => {
  it.each([
    ['orders', 'orders'],
    ['_a1', '_a1'],
    ['Orders', '"Orders"'],
    ['1st', '"1st"'],
    ['two words', '"two words"'],
    ['naïve', '"naïve"'],
    ['say "hi"', '"say ""hi"""'],
    ['a.b', '"a.b"'],
    ['order', '"order"'],
    ['user', '"user"'],
    ['', '""']
  ])('%s becomes %s', (name, text) => {
    expect(quoteIdentifier(name, 'postgres')).toBe(text);
  });

  it.each([
    ['orders', 'orders'],
    ['user', 'user'],
    ['Orders', '`Orders`'],
    ['two words', '`two words`'],
    ['say "hi"', '`say "hi"`'],
    ['a`b', '`a``b`'],
    ['order', '`order`'],
    ['rank', '`rank`'],
    ['key', '`key`'],
    ['', '``']
  ])('%s becomes %s for MySQL, where double quotes make a text', (name, text) => {
    expect(quoteIdentifier(name, 'mysql')).toBe(text);
  });
});

describe('cellText', () => {
  it("shows a table's first rows", () => {
    const target = { connection: 'warehouse', connector: 'postgres' };
    expect(cellText({ ...target, schema: 'public', table: 'orders' })).toBe(
      '%%sql warehouse\nselect *\nfrom public.orders\nlimit 100'
    );
    expect(cellText({ ...target, schema: 'Sales 2024', table: 'order' }, 5)).toBe(
      '%%sql warehouse\nselect *\nfrom "Sales 2024"."order"\nlimit 5'
    );
    // A schema may be called "files" where it is a real one.
    expect(cellText({ ...target, schema: 'files', table: 'a' })).toContain('from files.a\n');
  });

  it.each(['files', 's3'])('names a file of %s alone', connector => {
    const target = { connection: 'landing', connector, table: 'orders.parquet' };
    const text = '%%sql landing\nselect *\nfrom "orders.parquet"\nlimit 100';
    expect(cellText({ ...target, schema: 'files' })).toBe(text);
    expect(cellText({ ...target, schema: null })).toBe(text);
  });

  it("writes a table of MySQL's in backticks", () => {
    const target = { connection: 'shop', connector: 'mysql', schema: 'shop', table: 'Order Lines' };
    expect(cellText(target)).toBe('%%sql shop\nselect *\nfrom shop.`Order Lines`\nlimit 100');
  });

  it('begins a query where no table is chosen', () => {
    expect(cellText({ connection: 'warehouse', connector: 'postgres' })).toBe(
      '%%sql warehouse\nselect 1'
    );
  });
});

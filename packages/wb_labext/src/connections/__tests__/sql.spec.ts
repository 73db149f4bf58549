import { describe, expect, it } from 'vitest';

import type { SqlInfo } from '../../api/types';
import { cellText, quoteIdentifier } from '../sql';

const POSTGRES: SqlInfo = {
  dialect: 'postgres',
  sqlalchemy: 'postgresql',
  quote_mark: '"',
  reserved_words: ['order', 'user'],
  editor_language: 'text/x-pgsql',
  backslash_escapes: false,
  hash_comments: false,
  nested_comments: true,
  schemas: true
};
const MYSQL: SqlInfo = {
  ...POSTGRES,
  dialect: 'mysql',
  quote_mark: '`',
  reserved_words: ['key', 'order', 'rank']
};
const FILES: SqlInfo = { ...POSTGRES, dialect: 'duckdb', schemas: false };

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
    expect(quoteIdentifier(name, POSTGRES)).toBe(text);
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
  ])('%s becomes %s for MySQL, where double quotes delimit strings', (name, text) => {
    expect(quoteIdentifier(name, MYSQL)).toBe(text);
  });
});

describe('a name in an unknown dialect', () => {
  it('is always quoted', () => expect(quoteIdentifier('orders', null)).toBe('"orders"'));
});

describe('cellText', () => {
  it("shows a table's first rows", () => {
    const target = { connection: 'warehouse', sql: POSTGRES };
    expect(cellText({ ...target, schema: 'public', table: 'orders' })).toBe(
      '%%sql warehouse\nselect *\nfrom public.orders\nlimit 100'
    );
    expect(cellText({ ...target, schema: 'Sales 2024', table: 'order' }, 5)).toBe(
      '%%sql warehouse\nselect *\nfrom "Sales 2024"."order"\nlimit 5'
    );
    // A real schema may be called "files".
    expect(cellText({ ...target, schema: 'files', table: 'a' })).toContain('from files.a\n');
  });

  it('names a file alone', () => {
    const target = { connection: 'landing', sql: FILES, table: 'orders.parquet' };
    const text = '%%sql landing\nselect *\nfrom "orders.parquet"\nlimit 100';
    expect(cellText({ ...target, schema: 'files' })).toBe(text);
    expect(cellText({ ...target, schema: null })).toBe(text);
  });

  it("writes a table of MySQL's in backticks", () => {
    const target = { connection: 'shop', sql: MYSQL, schema: 'shop', table: 'Order Lines' };
    expect(cellText(target)).toBe('%%sql shop\nselect *\nfrom shop.`Order Lines`\nlimit 100');
  });

  it('begins a query if no table is chosen', () => {
    expect(cellText({ connection: 'warehouse', sql: POSTGRES })).toBe('%%sql warehouse\nselect 1');
  });
});

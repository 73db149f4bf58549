-- Tables of the honest statements for DuckDB; these first ones also suit PostgreSQL.
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR, city VARCHAR, born DATE, active BOOLEAN);
INSERT INTO customers VALUES
  (1, 'Ada', 'Oslo', DATE '1985-03-01', TRUE), (2, 'Björn', 'Åre', DATE '1990-12-31', TRUE),
  (3, 'O''Neil', 'Cork', DATE '1978-07-15', FALSE), (4, 'Ça\va', NULL, NULL, TRUE),
  (5, 'eve', 'oslo', DATE '2001-02-28', NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, amount DECIMAL(12, 2), placed TIMESTAMP, status VARCHAR);
INSERT INTO orders VALUES
  (1, 1, 10.50, TIMESTAMP '2026-01-01 08:00:00', 'paid'), (2, 1, 99.99, TIMESTAMP '2026-01-15 23:59:59', 'open'),
  (3, 2, 0.01, TIMESTAMP '2026-02-01 00:00:00', 'paid'), (4, 3, 250.00, TIMESTAMP '2026-02-28 12:30:00', 'void'),
  (5, 3, 75.25, TIMESTAMP '2026-03-10 09:15:30', 'paid'), (6, NULL, 5.00, NULL, NULL),
  (7, 5, 42.00, TIMESTAMP '2026-03-31 18:00:00', 'open'), (8, 1, 10.50, TIMESTAMP '2026-04-01 08:00:00', 'paid');
CREATE TABLE "Mixed Case" ("Ünï" INTEGER, "select" VARCHAR);
INSERT INTO "Mixed Case" VALUES (1, 'x'), (2, NULL);
CREATE TABLE tree (id INTEGER, parent INTEGER, label VARCHAR);
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'left'), (3, 1, 'right'), (4, 2, 'leaf');
-- What only DuckDB has.
CREATE TABLE docs (id INTEGER, body JSON, tags VARCHAR[], s STRUCT(a INTEGER, b VARCHAR), m MAP(VARCHAR, INTEGER));
INSERT INTO docs VALUES
  (1, '{"a": {"b": [1, 2, {"c": "x"}]}, "0": "zero", "k.e": 5}', ['red', 'green'], {'a': 1, 'b': 'x'}, MAP {'k': 1, 'l': 2}),
  (2, '{"a": null, "list": ["p", "q"]}', [], {'a': 2, 'b': NULL}, MAP {}),
  (3, '[{"n": 1}, {"n": 2}]', NULL, NULL, NULL);
-- A shop's books.
CREATE TYPE mood AS ENUM ('low', 'fair', 'high');
CREATE SCHEMA shop;
CREATE TABLE shop.products (sku VARCHAR PRIMARY KEY, title VARCHAR, family VARCHAR, price DECIMAL(10, 2), weight DOUBLE, tags VARCHAR[], feel mood);
INSERT INTO shop.products VALUES
  ('A-1', 'Lamp', 'home', 24.90, 1.2, ['light', 'desk'], 'high'), ('A-2', 'Chair', 'home', 89.00, 6.75, ['wood'], 'fair'),
  ('B-1', 'Pen', 'office', 1.35, 0.02, ['blue', 'desk', 'write'], 'fair'), ('B-2', 'Paper', 'office', 4.20, 2.5, [], 'low'),
  ('C-1', 'Rope', NULL, 12.00, NULL, NULL, NULL);
CREATE TABLE shop.sales (id BIGINT, sku VARCHAR, region VARCHAR, sold_on DATE, quantity INTEGER, price DECIMAL(10, 2), discount DECIMAL(4, 3));
INSERT INTO shop.sales
  SELECT n, ['A-1', 'A-2', 'B-1', 'B-2', 'C-1'][1 + n % 5], ['north', 'south', 'east', NULL][1 + n % 4],
    DATE '2025-01-01' + CAST(n * 7 % 365 AS INTEGER), 1 + n % 9, (10 + n * 37 % 90) / 4, (n % 5) / 20
  FROM range(120) t(n);
CREATE TABLE events (id INTEGER, person VARCHAR, seen TIMESTAMP, kind VARCHAR, payload JSON);
INSERT INTO events
  SELECT n, ['ann', 'bob', 'cy'][1 + n % 3], TIMESTAMP '2026-03-01 08:00:00' + to_minutes(n * n % 97 * 11), ['open', 'click', 'close', 'click'][1 + n % 4],
    json_object('page', '/p/' || n % 6, 'ms', n * 13 % 250, 'tags', json_array('t' || n % 3, 'all'), 'user', json_object('name', ['ann', 'bob', 'cy'][1 + n % 3], 'vip', n % 2 = 0))
  FROM range(60) t(n);
CREATE TABLE prices (sku VARCHAR, valid_from DATE, price DECIMAL(10, 2));
INSERT INTO prices VALUES ('A-1', '2025-01-01', 20), ('A-1', '2025-06-01', 24.9), ('B-1', '2025-03-15', 1.2), ('B-1', '2025-09-01', 1.35);
CREATE TABLE readings (sensor INTEGER, seen TIMESTAMPTZ, celsius DOUBLE);
INSERT INTO readings SELECT n % 4, TIMESTAMPTZ '2026-01-01 00:00:00+00' + to_minutes(n * 17), CASE WHEN n % 11 = 0 THEN NULL ELSE 15 + (n * 7 % 23) / 3.0 END FROM range(200) t(n);
CREATE TABLE quarters (region VARCHAR, q1 INTEGER, q2 INTEGER, q3 INTEGER, q4 INTEGER);
INSERT INTO quarters VALUES ('north', 10, 20, 30, NULL), ('south', 5, 0, 7, 9);
CREATE TABLE accounts (number INTEGER, parent INTEGER, name VARCHAR, kind VARCHAR);
INSERT INTO accounts VALUES (1, NULL, 'Assets', 'a'), (10, 1, 'Cash', 'a'), (11, 1, 'Bank', 'a'), (110, 11, 'Giro', 'a'), (2, NULL, 'Income', 'i'), (20, 2, 'Sales', 'i');
CREATE TABLE entries (id INTEGER, account INTEGER, booked DATE, debit DECIMAL(12, 2), credit DECIMAL(12, 2), memo VARCHAR);
INSERT INTO entries SELECT n, [10, 11, 110, 20][1 + n % 4], DATE '2026-01-01' + CAST(n * 3 % 90 AS INTEGER), CASE WHEN n % 2 = 0 THEN n * 1.25 END, CASE WHEN n % 2 = 1 THEN n * 0.75 END, 'Memo ' || n FROM range(40) t(n);
CREATE VIEW big_sales AS SELECT * FROM shop.sales WHERE quantity > 6;

-- Tables for the good queries, in SQL that PostgreSQL and DuckDB share.
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

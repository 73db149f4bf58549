-- All tables for the good queries, as MySQL and MariaDB write them.
CREATE TABLE customers (id INTEGER PRIMARY KEY, name VARCHAR(50), city VARCHAR(50), born DATE, active BOOLEAN);
INSERT INTO customers VALUES
  (1, 'Ada', 'Oslo', DATE '1985-03-01', TRUE), (2, 'Björn', 'Åre', DATE '1990-12-31', TRUE),
  (3, 'O''Neil', 'Cork', DATE '1978-07-15', FALSE), (4, 'Ça\\va', NULL, NULL, TRUE),
  (5, 'eve', 'oslo', DATE '2001-02-28', NULL);
CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER, amount DECIMAL(12, 2), placed TIMESTAMP, status VARCHAR(50));
INSERT INTO orders VALUES
  (1, 1, 10.50, TIMESTAMP '2026-01-01 08:00:00', 'paid'), (2, 1, 99.99, TIMESTAMP '2026-01-15 23:59:59', 'open'),
  (3, 2, 0.01, TIMESTAMP '2026-02-01 00:00:00', 'paid'), (4, 3, 250.00, TIMESTAMP '2026-02-28 12:30:00', 'void'),
  (5, 3, 75.25, TIMESTAMP '2026-03-10 09:15:30', 'paid'), (6, NULL, 5.00, NULL, NULL),
  (7, 5, 42.00, TIMESTAMP '2026-03-31 18:00:00', 'open'), (8, 1, 10.50, TIMESTAMP '2026-04-01 08:00:00', 'paid');
CREATE TABLE `Mixed Case` (`Ünï` INTEGER, `select` VARCHAR(50));
INSERT INTO `Mixed Case` VALUES (1, 'x'), (2, NULL);
CREATE TABLE tree (id INTEGER, parent INTEGER, label VARCHAR(50));
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'left'), (3, 1, 'right'), (4, 2, 'leaf');
CREATE TABLE docs (id INTEGER, body JSON, flags SET('a', 'b', 'c'), kind ENUM('x', 'y'), raw VARBINARY(20), big BIGINT UNSIGNED, at TIME(3), made YEAR, bits BIT(5), FULLTEXT KEY words (note), note TEXT);
INSERT INTO docs VALUES
  (1, '{"a": {"b": [1, 2, {"c": "x"}]}, "0": "zero", "k.e": 5, "q''s": true}', 'a,c', 'x', x'00ff27', 18446744073709551615, '12:30:00.5', 2026, b'10101', 'the quick brown fox'),
  (2, '{"a": null, "list": ["p", "q"]}', '', 'y', '', 0, '-838:59:59', 1999, b'0', 'jumps over'),
  (3, '[{"n": 1}, {"n": 2}]', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);

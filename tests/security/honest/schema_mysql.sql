-- Tables of the honest statements for MySQL and MariaDB.
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
-- A trader's books, in the style of TPC-H and of an ERP system.
CREATE TABLE region (r_id INT PRIMARY KEY, r_name VARCHAR(25) NOT NULL);
INSERT INTO region VALUES (1, 'EUROPE'), (2, 'ASIA'), (3, 'AMERICA');
CREATE TABLE nation (n_id INT PRIMARY KEY, n_name VARCHAR(25) NOT NULL, r_id INT NOT NULL, KEY by_region (r_id));
INSERT INTO nation VALUES (1, 'NORWAY', 1), (2, 'FRANCE', 1), (3, 'JAPAN', 2), (4, 'INDIA', 2), (5, 'PERU', 3);
CREATE TABLE supplier (s_id INT PRIMARY KEY, s_name VARCHAR(25), n_id INT, s_balance DECIMAL(15, 2), s_comment VARCHAR(101));
INSERT INTO supplier VALUES (1, 'Supplier#1', 1, 5755.94, 'reliable'), (2, 'Supplier#2', 2, 4032.68, 'Customer said Complaints'),
  (3, 'Supplier#3', 3, -192.40, NULL), (4, 'Supplier#4', 4, 4641.08, 'late');
CREATE TABLE part (p_id INT PRIMARY KEY, p_name VARCHAR(55), p_brand CHAR(10), p_type VARCHAR(25), p_size INT, p_price DECIMAL(15, 2));
INSERT INTO part VALUES (1, 'green bolt', 'Brand#13', 'PROMO BURNISHED COPPER', 7, 901.00), (2, 'red nut', 'Brand#13', 'LARGE BRUSHED BRASS', 1, 902.00),
  (3, 'green washer', 'Brand#42', 'STANDARD POLISHED BRASS', 21, 903.00), (4, 'blue pin', 'Brand#34', 'SMALL PLATED BRASS', 14, 904.00);
CREATE TABLE partsupp (p_id INT, s_id INT, ps_qty INT, ps_cost DECIMAL(15, 2), PRIMARY KEY (p_id, s_id));
INSERT INTO partsupp VALUES (1, 1, 3325, 771.64), (1, 2, 8076, 993.49), (2, 2, 8895, 378.49), (2, 3, 4969, 915.27), (3, 3, 3956, 337.09), (3, 4, 4069, 357.84), (4, 1, 8539, 438.37), (4, 4, 3025, 306.39);
CREATE TABLE sales (o_id INT PRIMARY KEY, c_id INT, o_status CHAR(1), o_total DECIMAL(15, 2), o_date DATE, o_priority CHAR(15), o_clerk CHAR(15), KEY by_date (o_date))
  PARTITION BY RANGE (o_id) (PARTITION p0 VALUES LESS THAN (4), PARTITION p1 VALUES LESS THAN MAXVALUE);
INSERT INTO sales VALUES (1, 1, 'O', 1736.65, '2025-01-02', '5-LOW', 'Clerk#1'), (2, 2, 'O', 469.01, '2025-02-11', '1-URGENT', 'Clerk#2'),
  (3, 3, 'F', 1938.46, '2025-02-28', '5-LOW', 'Clerk#1'), (4, 1, 'O', 321.51, '2025-04-30', '2-HIGH', 'Clerk#3'), (5, 5, 'F', 1446.59, '2025-12-31', '1-URGENT', 'Clerk#2'), (6, 2, 'P', 587.49, '2026-01-01', '4-NOT SPECIFIED', 'Clerk#1');
CREATE TABLE lineitem (o_id INT, l_no INT, p_id INT, s_id INT, l_qty DECIMAL(15, 2), l_price DECIMAL(15, 2), l_discount DECIMAL(4, 2), l_tax DECIMAL(4, 2), l_returned CHAR(1), l_status CHAR(1), l_ship DATE, l_commit DATE, l_receipt DATE, l_mode CHAR(10), PRIMARY KEY (o_id, l_no), KEY by_ship (l_ship));
INSERT INTO lineitem VALUES
  (1, 1, 1, 1, 17, 21168.23, 0.04, 0.02, 'N', 'O', '2025-01-13', '2025-01-12', '2025-01-22', 'TRUCK'), (1, 2, 2, 2, 36, 45983.16, 0.09, 0.06, 'N', 'O', '2025-02-12', '2025-02-28', '2025-03-20', 'MAIL'),
  (2, 1, 3, 3, 38, 44694.46, 0.00, 0.05, 'N', 'O', '2025-03-18', '2025-03-14', '2025-03-28', 'RAIL'), (3, 1, 1, 2, 45, 54058.05, 0.06, 0.00, 'R', 'F', '2025-03-02', '2025-02-04', '2025-03-23', 'AIR'),
  (3, 2, 4, 4, 49, 46796.47, 0.10, 0.00, 'R', 'F', '2025-03-09', '2025-02-20', '2025-03-24', 'RAIL'), (4, 1, 2, 3, 30, 30690.90, 0.03, 0.08, 'N', 'O', '2025-05-10', '2025-04-23', '2025-05-16', 'REG AIR'),
  (5, 1, 3, 4, 15, 23678.55, 0.02, 0.04, 'R', 'F', '2026-01-31', '2026-01-31', '2026-02-01', 'AIR'), (6, 1, 4, 1, 37, 38485.18, 0.08, 0.03, 'N', 'O', '2026-01-21', '2026-01-17', '2026-01-28', 'TRUCK');
CREATE TABLE account (acct VARCHAR(10) PRIMARY KEY, title VARCHAR(60), kind ENUM('asset', 'debt', 'income', 'cost'));
INSERT INTO account VALUES ('1000', 'Cash', 'asset'), ('1200', 'Receivables', 'asset'), ('2000', 'Payables', 'debt'), ('4000', 'Revenue', 'income'), ('6000', 'Rent', 'cost');
CREATE TABLE entry (id INT PRIMARY KEY AUTO_INCREMENT, booked DATE, acct VARCHAR(10), debit DECIMAL(18, 4) NOT NULL DEFAULT 0, credit DECIMAL(18, 4) NOT NULL DEFAULT 0, memo VARCHAR(100));
INSERT INTO entry (booked, acct, debit, credit, memo) VALUES
  ('2026-01-05', '1200', 119.0000, 0, 'invoice 1'), ('2026-01-05', '4000', 0, 100.0000, 'invoice 1'), ('2026-01-05', '2000', 0, 19.0000, 'tax 1'),
  ('2026-01-20', '1000', 119.0000, 0, 'paid 1'), ('2026-01-20', '1200', 0, 119.0000, 'paid 1'), ('2026-02-01', '6000', 50.0000, 0, 'rent'), ('2026-02-01', '1000', 0, 50.0000, 'rent'), ('2026-02-28', '1200', 33.3333, 0, NULL);
CREATE TABLE invoice (id INT PRIMARY KEY, customer_id INT, issued DATE, due DATE, paid DATE, net DECIMAL(12, 2), tax_rate DECIMAL(4, 3), currency CHAR(3));
INSERT INTO invoice VALUES (1, 1, '2026-01-01', '2026-01-31', '2026-01-20', 100.00, 0.190, 'EUR'), (2, 1, '2026-01-15', '2026-02-14', NULL, 250.50, 0.190, 'EUR'),
  (3, 2, '2026-02-01', '2026-03-03', NULL, 80.00, 0.070, 'EUR'), (4, 3, '2025-11-01', '2025-12-01', NULL, 1000.00, 0.000, 'USD'), (5, 5, '2026-02-20', '2026-03-22', '2026-03-30', 19.99, 0.190, 'NOK');
CREATE TABLE stock_move (id INT PRIMARY KEY, sku VARCHAR(20), moved DATETIME(3), qty INT, place VARCHAR(20));
INSERT INTO stock_move VALUES (1, 'A', '2026-01-01 08:00:00.000', 10, 'main'), (2, 'A', '2026-01-02 09:30:00.250', -3, 'main'), (3, 'B', '2026-01-02 10:00:00', 5, 'main'),
  (4, 'A', '2026-01-05 11:00:00', 7, 'dock'), (5, 'B', '2026-01-06 12:00:00', -5, 'main'), (6, 'A', '2026-01-09 08:15:30.999', -4, 'dock');
CREATE TABLE login (person INT, at DATETIME, KEY by_person (person));
INSERT INTO login VALUES (1, '2026-01-01 09:00:00'), (1, '2026-01-02 09:00:00'), (1, '2026-01-03 09:00:00'), (1, '2026-01-07 09:00:00'), (1, '2026-01-08 21:00:00'), (2, '2026-01-02 08:00:00'), (2, '2026-01-04 08:00:00'), (2, '2026-01-05 08:00:00');
CREATE TABLE reading (id INT PRIMARY KEY, sensor CHAR(1), at DATETIME, v DOUBLE, ok BOOLEAN);
INSERT INTO reading VALUES (1, 'a', '2026-03-01 00:00:00', 1.5, TRUE), (2, 'a', '2026-03-01 00:10:00', 1.7, TRUE), (3, 'a', '2026-03-01 00:30:00', NULL, FALSE), (4, 'b', '2026-03-01 00:00:00', 20, TRUE), (5, 'b', '2026-03-01 00:10:00', 22.25, TRUE), (6, 'a', '2026-03-01 00:40:00', 2.5, TRUE), (7, 'b', '2026-03-01 01:00:00', -3, NULL);
CREATE TABLE staff (id INT PRIMARY KEY, name VARCHAR(30), boss INT, dept VARCHAR(20), salary DECIMAL(10, 2), hired DATE);
INSERT INTO staff VALUES (1, 'Ada', NULL, 'board', 9000, '2015-01-01'), (2, 'Bo', 1, 'it', 6000, '2018-06-15'), (3, 'Cy', 1, 'sales', 5500, '2019-02-28'), (4, 'Di', 2, 'it', 4200.5, '2020-02-29'), (5, 'Ed', 2, 'it', 4200.5, '2021-12-31'), (6, 'Fay', 3, 'sales', 3900, '2022-07-01'), (7, 'Gus', 6, 'sales', 2500, '2026-01-02');
CREATE TABLE article (id INT PRIMARY KEY, title VARCHAR(100), body TEXT, tags JSON, FULLTEXT KEY words (title, body)) ENGINE = InnoDB;
INSERT INTO article VALUES (1, 'Backups of databases', 'How to make a backup of a database and test the restore.', '["ops", "db"]'), (2, 'Indexes', 'An index makes a query fast; a database without an index is slow.', '["db"]'), (3, 'Cooking', 'Nothing about computers here.', '[]'), (4, 'Restore drills', 'Test each restore, or the backup is worth nothing.', NULL);
CREATE TABLE event (id INT PRIMARY KEY, doc JSON, place POINT);
INSERT INTO event VALUES (1, '{"kind": "order", "user": {"id": 7, "name": "Ada"}, "items": [{"sku": "A", "qty": 2, "price": 9.5}, {"sku": "B", "qty": 1, "price": 20}], "tags": ["new", "vip"], "total": 39.0}', POINT(1, 2)),
  (2, '{"kind": "refund", "user": {"id": 8, "name": "O''Neil"}, "items": [], "tags": [], "total": -5.25}', POINT(0, 0)), (3, '{"kind": "order", "user": {"id": 7, "name": "Ada"}, "items": [{"sku": "C", "qty": 10, "price": 0.1}], "total": 1.0, "note": null}', NULL);
CREATE VIEW open_invoice AS SELECT id, customer_id, due, net * (1 + tax_rate) AS gross FROM invoice WHERE paid IS NULL;

-- Tables of the honest statements for PostgreSQL: a shop, its books, its people, texts and readings.
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
CREATE TABLE tree (id INTEGER, parent INTEGER, label VARCHAR);
INSERT INTO tree VALUES (1, NULL, 'root'), (2, 1, 'left'), (3, 1, 'right'), (4, 2, 'leaf');
CREATE TABLE edges (f INTEGER, t INTEGER, cost NUMERIC);
INSERT INTO edges VALUES (1, 2, 1.5), (2, 3, 2), (3, 1, 0.5), (3, 4, 4), (4, 5, 1), (1, 4, 9);
CREATE TABLE "Mixed Case" ("Ünï" INTEGER, "select" VARCHAR);
INSERT INTO "Mixed Case" VALUES (1, 'x'), (2, NULL);
CREATE TABLE docs (id INTEGER, body JSONB, raw JSON, tags TEXT[], span DATERANGE, addr INET);
INSERT INTO docs VALUES
  (1, '{"a": {"b": [1, 2, {"c": "x"}]}, "0": "zero", "k.e": 5, "q''s": true}', '{"a": {"b": [10, 20]}, "t": "y"}', '{red,green}', '[2026-01-01,2026-02-01)', '10.0.0.1'),
  (2, '{"a": null, "list": ["p", "q"]}', '[1, 2, 3]', '{}', NULL, '10.1.0.0/16'),
  (3, '[{"n": 1}, {"n": 2}]', NULL, NULL, '[2026-03-01,)', NULL),
  (4, '{"order": {"lines": [{"sku": "A1", "qty": 2, "price": 9.5}, {"sku": "B2", "qty": 1, "price": 100}], "paid": true, "at": "2026-03-04"}}', '{"x": 1.5}', '{blue,red,red}', '[2026-01-15,2026-03-15]', '192.168.1.7');
CREATE TABLE grid (id INTEGER, cells INTEGER[][], weights NUMERIC[]);
INSERT INTO grid VALUES (1, '{{1,2,3},{4,5,6}}', '{0.5,1.5,2.5}'), (2, '{{7,8},{9,10}}', NULL), (3, NULL, '{}');
CREATE TABLE articles (id INTEGER PRIMARY KEY, title TEXT, body TEXT, published TIMESTAMPTZ, lang TEXT, search TSVECTOR);
INSERT INTO articles (id, title, body, published, lang) VALUES
  (1, 'The quick brown fox', 'A quick brown fox jumps over the lazy dog while the cats are sleeping.', '2026-01-05 10:00+00', 'english'),
  (2, 'Cats and databases', 'Databases store rows; cats store themselves in boxes. Jumping cats!', '2026-02-10 23:30+00', 'english'),
  (3, 'Ein Hund', 'Der Hund springt über die Katze.', '2026-03-15 04:45+00', 'german'),
  (4, 'Empty', '', NULL, 'simple');
UPDATE articles SET search = setweight(to_tsvector('english', title), 'A') || to_tsvector('english', body);
CREATE TABLE pages (id INTEGER, content XML);
INSERT INTO pages VALUES
  (1, '<rows><row id="1"><name>Ada</name><size>1.5</size></row><row id="2"><name>Bo</name></row></rows>'),
  (2, '<rows/>');
-- Odoo-like: partners, products, sales, invoices, stock, people.
CREATE TABLE res_partner (id INTEGER PRIMARY KEY, name TEXT NOT NULL, parent_id INTEGER, country_code CHAR(2), is_company BOOLEAN, credit_limit NUMERIC(16, 2), create_date TIMESTAMP, email TEXT, properties JSONB);
INSERT INTO res_partner SELECT n, 'Partner ' || n, CASE WHEN n > 10 THEN n % 10 + 1 END,
    (ARRAY['DE','FR','US','NO'])[n % 4 + 1], n <= 10, n * 1000.50,
    TIMESTAMP '2025-01-01' + n * INTERVAL '11 days 3 hours', CASE WHEN n % 5 <> 0 THEN 'p' || n || '@example.org' END,
    jsonb_build_object('tier', n % 3, 'tags', jsonb_build_array('t' || n % 2, 'x')) FROM generate_series(1, 40) n;
CREATE TABLE product_category (id INTEGER PRIMARY KEY, name TEXT, parent_id INTEGER, parent_path TEXT);
INSERT INTO product_category VALUES (1, 'All', NULL, '1/'), (2, 'Goods', 1, '1/2/'), (3, 'Services', 1, '1/3/'), (4, 'Desks', 2, '1/2/4/'), (5, 'Chairs', 2, '1/2/5/');
CREATE TABLE product_product (id INTEGER PRIMARY KEY, default_code TEXT, name JSONB, categ_id INTEGER, list_price NUMERIC(12, 2), active BOOLEAN DEFAULT TRUE, volume DOUBLE PRECISION);
INSERT INTO product_product SELECT n, 'SKU-' || lpad(n::text, 4, '0'), jsonb_build_object('en_US', 'Product ' || n, 'de_DE', 'Produkt ' || n),
    2 + n % 4, n * 12.5, n % 7 <> 0, n / 3.0 FROM generate_series(1, 20) n;
CREATE TABLE sale_order (id INTEGER PRIMARY KEY, name TEXT, partner_id INTEGER, date_order TIMESTAMP, state TEXT, currency TEXT, amount_total NUMERIC(16, 2), user_id INTEGER);
CREATE TABLE sale_order_line (id INTEGER PRIMARY KEY, order_id INTEGER, product_id INTEGER, qty NUMERIC(10, 3), price_unit NUMERIC(12, 4), discount NUMERIC(5, 2), sequence INTEGER);
INSERT INTO sale_order SELECT n, 'S' || lpad(n::text, 5, '0'), n % 40 + 1, TIMESTAMP '2025-06-01 09:00' + n * INTERVAL '1 day 7 hours',
    (ARRAY['draft','sent','sale','sale','done','cancel'])[n % 6 + 1], (ARRAY['EUR','USD'])[n % 2 + 1], 0, n % 3 + 1 FROM generate_series(1, 120) n;
INSERT INTO sale_order_line SELECT n, n % 120 + 1, n % 20 + 1, n % 5 + 0.5, (n % 17) * 3.25, (n % 4) * 5, n % 3 FROM generate_series(1, 400) n;
UPDATE sale_order o SET amount_total = coalesce((SELECT sum(qty * price_unit * (1 - discount / 100)) FROM sale_order_line l WHERE l.order_id = o.id), 0);
CREATE TABLE account_account (id INTEGER PRIMARY KEY, code TEXT, name TEXT, kind TEXT);
INSERT INTO account_account VALUES (1, '100000', 'Cash', 'asset'), (2, '120000', 'Receivable', 'asset'), (3, '200000', 'Payable', 'liability'), (4, '400000', 'Sales', 'income'), (5, '600000', 'Costs', 'expense');
CREATE TABLE account_move_line (id INTEGER PRIMARY KEY, move_id INTEGER, account_id INTEGER, partner_id INTEGER, date DATE, date_maturity DATE, debit NUMERIC(16, 2), credit NUMERIC(16, 2), reconciled BOOLEAN, tax_tags INTEGER[]);
INSERT INTO account_move_line SELECT n, (n + 1) / 2, CASE WHEN n % 2 = 0 THEN 4 ELSE 2 END, n % 40 + 1, DATE '2025-01-01' + n * 3, DATE '2025-01-31' + n * 3,
    CASE WHEN n % 2 = 1 THEN ((n + 1) / 2) * 10.10 ELSE 0 END, CASE WHEN n % 2 = 0 THEN (n / 2) * 10.10 ELSE 0 END, n % 3 = 0, ARRAY[n % 2, n % 5] FROM generate_series(1, 240) n;
CREATE TABLE stock_move (id INTEGER PRIMARY KEY, product_id INTEGER, qty NUMERIC(10, 2), location_from TEXT, location_to TEXT, done_at TIMESTAMPTZ, state TEXT);
INSERT INTO stock_move SELECT n, n % 20 + 1, n % 9 + 1, CASE WHEN n % 3 = 0 THEN 'stock' ELSE 'supplier' END, CASE WHEN n % 3 = 0 THEN 'customer' ELSE 'stock' END,
    TIMESTAMPTZ '2026-01-01 00:00+00' + n * INTERVAL '5 hours 13 minutes', CASE WHEN n % 8 = 0 THEN 'cancel' ELSE 'done' END FROM generate_series(1, 200) n;
CREATE TABLE hr_employee (id INTEGER PRIMARY KEY, name TEXT, manager_id INTEGER, department TEXT, salary NUMERIC(10, 2), hired DATE, fired DATE);
INSERT INTO hr_employee VALUES
  (1, 'Ida', NULL, 'board', 9000, '2015-01-01', NULL), (2, 'Omar', 1, 'sales', 5000, '2018-03-01', NULL), (3, 'Lin', 1, 'dev', 6000, '2017-06-15', NULL),
  (4, 'Max', 2, 'sales', 3500, '2020-02-01', '2024-05-31'), (5, 'Eva', 2, 'sales', 3500, '2021-09-01', NULL), (6, 'Tom', 3, 'dev', 4800, '2019-11-11', NULL), (7, 'Uma', 6, 'dev', 4100, '2023-01-09', NULL);
CREATE TABLE attendance (employee_id INTEGER, check_in TIMESTAMP, check_out TIMESTAMP);
INSERT INTO attendance SELECT e, d + TIME '08:00' + e * INTERVAL '7 minutes', d + TIME '16:30' + e * INTERVAL '3 minutes' FROM generate_series(1, 7) e, generate_series(DATE '2026-03-02', DATE '2026-03-13', INTERVAL '1 day') d WHERE extract(isodow FROM d) < 6 AND (e + extract(day FROM d)::int) % 6 <> 0;
CREATE TABLE logins (user_id INTEGER, day DATE);
INSERT INTO logins SELECT u, DATE '2026-01-01' + d FROM generate_series(1, 4) u, generate_series(0, 30) d WHERE (d * u) % 5 <> 1 AND (d + u) % 7 <> 3;
CREATE TABLE readings (sensor TEXT, at TIMESTAMPTZ, value DOUBLE PRECISION);
INSERT INTO readings SELECT 's' || s, TIMESTAMPTZ '2026-01-01 00:00+00' + n * INTERVAL '17 minutes', CASE WHEN (n + s) % 11 = 0 THEN NULL ELSE round((20 + s + (n % 13) * 0.7)::numeric, 2) END FROM generate_series(1, 3) s, generate_series(1, 150) n;
CREATE TABLE bookings (id INTEGER, room TEXT, during TSRANGE, guests INT4RANGE);
INSERT INTO bookings VALUES (1, 'A', '[2026-01-01 10:00,2026-01-01 12:00)', '[1,4]'), (2, 'A', '[2026-01-01 11:30,2026-01-01 13:00)', '[2,3)'), (3, 'B', '[2026-01-02 09:00,)', 'empty'), (4, 'B', '(,2026-01-01 09:00]', '[5,)');
CREATE TABLE shapes (id INTEGER, spot POINT, area BOX, outline POLYGON, ring CIRCLE, line LSEG);
INSERT INTO shapes VALUES (1, '(1,2)', '(3,3),(0,0)', '((0,0),(4,0),(4,4))', '<(1,1),2>', '[(0,0),(2,2)]'), (2, '(5,5)', '(9,9),(4,4)', '((5,5),(6,5),(6,7))', '<(5,5),1>', '[(5,0),(5,9)]');
CREATE TABLE hosts (id INTEGER, ip INET, net CIDR, mac MACADDR, flags BIT(8), note BYTEA, price MONEY);
INSERT INTO hosts VALUES (1, '192.168.0.10/24', '192.168.0.0/24', '08:00:2b:01:02:03', B'10110001', '\xdeadbeef', '12.50'), (2, '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:04', B'00000001', '\x00', '1,000.00'), (3, '::1', '::/0', NULL, NULL, NULL, NULL);
CREATE TABLE stock (sku TEXT PRIMARY KEY, qty INTEGER, price NUMERIC(10, 2), updated DATE);
INSERT INTO stock VALUES ('A1', 5, 10, '2026-01-01'), ('B2', 0, 20, '2026-01-02'), ('C3', 7, NULL, NULL);
CREATE TABLE deliveries (sku TEXT, qty INTEGER, price NUMERIC(10, 2));
INSERT INTO deliveries VALUES ('A1', 3, 11), ('D4', 4, 40), ('B2', -1, NULL);
CREATE TYPE dimension AS (width INTEGER, height INTEGER, "Öffnungen" TEXT[]);
CREATE TABLE parcels (id INTEGER DEFAULT 0, sizes INTEGER[], dim dimension, dims dimension[], note TEXT DEFAULT 'none');
-- TPC-H and TPC-DS, small.
CREATE TABLE region (r_regionkey INTEGER, r_name TEXT);
INSERT INTO region VALUES (0, 'AFRICA'), (1, 'AMERICA'), (2, 'ASIA'), (3, 'EUROPE'), (4, 'MIDDLE EAST');
CREATE TABLE nation (n_nationkey INTEGER, n_name TEXT, n_regionkey INTEGER);
INSERT INTO nation VALUES (0, 'ALGERIA', 0), (1, 'BRAZIL', 1), (2, 'CHINA', 2), (3, 'FRANCE', 3), (4, 'GERMANY', 3), (5, 'SAUDI ARABIA', 4), (6, 'CANADA', 1);
CREATE TABLE supplier (s_suppkey INTEGER, s_name TEXT, s_address TEXT, s_nationkey INTEGER, s_phone TEXT, s_acctbal NUMERIC(12, 2), s_comment TEXT);
INSERT INTO supplier SELECT n, 'Supplier#' || n, 'street ' || n, n % 7, (10 + n % 7) || '-100-200', n * 77.7 - 100, CASE WHEN n = 3 THEN 'Customer some Complaints' ELSE 'ok' END FROM generate_series(1, 12) n;
CREATE TABLE part (p_partkey INTEGER, p_name TEXT, p_mfgr TEXT, p_brand TEXT, p_type TEXT, p_size INTEGER, p_container TEXT, p_retailprice NUMERIC(12, 2));
INSERT INTO part SELECT n, (ARRAY['forest green','blush red','dim blue','green sky'])[n % 4 + 1], 'Manufacturer#' || n % 3, 'Brand#' || n % 3 + 1 || n % 5, (ARRAY['PROMO BRUSHED BRASS','ECONOMY ANODIZED STEEL','MEDIUM POLISHED TIN','SMALL PLATED BRASS'])[n % 4 + 1], n % 50, (ARRAY['SM CASE','MED BAG','LG BOX','JUMBO PKG'])[n % 4 + 1], 900 + n FROM generate_series(1, 30) n;
CREATE TABLE partsupp (ps_partkey INTEGER, ps_suppkey INTEGER, ps_availqty INTEGER, ps_supplycost NUMERIC(12, 2));
INSERT INTO partsupp SELECT p, s, (p * s * 37) % 999, (p + s) * 1.25 FROM generate_series(1, 30) p, generate_series(1, 12) s WHERE (p + s) % 3 = 0;
CREATE TABLE customer (c_custkey INTEGER, c_name TEXT, c_address TEXT, c_nationkey INTEGER, c_phone TEXT, c_acctbal NUMERIC(12, 2), c_mktsegment TEXT, c_comment TEXT);
INSERT INTO customer SELECT n, 'Customer#' || n, 'road ' || n, n % 7, (10 + n % 7) || '-555-' || n, n * 33.3 - 50, (ARRAY['BUILDING','AUTOMOBILE','MACHINERY'])[n % 3 + 1], 'none' FROM generate_series(1, 30) n;
CREATE TABLE orders_h (o_orderkey INTEGER, o_custkey INTEGER, o_orderstatus CHAR(1), o_totalprice NUMERIC(12, 2), o_orderdate DATE, o_orderpriority TEXT, o_clerk TEXT, o_shippriority INTEGER, o_comment TEXT);
INSERT INTO orders_h SELECT n, n % 25 + 1, (ARRAY['F','O','P'])[n % 3 + 1], n * 101.5, DATE '1993-01-01' + n * 13, (ARRAY['1-URGENT','2-HIGH','3-MEDIUM','5-LOW'])[n % 4 + 1], 'Clerk#' || n % 4, 0, CASE WHEN n % 9 = 0 THEN 'very special packages requests' ELSE 'plain' END FROM generate_series(1, 150) n;
CREATE TABLE lineitem (l_orderkey INTEGER, l_partkey INTEGER, l_suppkey INTEGER, l_linenumber INTEGER, l_quantity NUMERIC(12, 2), l_extendedprice NUMERIC(12, 2), l_discount NUMERIC(4, 2), l_tax NUMERIC(4, 2), l_returnflag CHAR(1), l_linestatus CHAR(1), l_shipdate DATE, l_commitdate DATE, l_receiptdate DATE, l_shipinstruct TEXT, l_shipmode TEXT);
INSERT INTO lineitem SELECT n % 150 + 1, n % 30 + 1, n % 12 + 1, n / 150 + 1, n % 50 + 1, (n % 50 + 1) * 910.5, (n % 11) / 100.0, (n % 9) / 100.0, (ARRAY['A','N','R'])[n % 3 + 1], (ARRAY['F','O'])[n % 2 + 1], DATE '1993-02-01' + n * 4, DATE '1993-02-20' + n * 4 - n % 30, DATE '1993-02-10' + n * 4, (ARRAY['DELIVER IN PERSON','COLLECT COD'])[n % 2 + 1], (ARRAY['AIR','MAIL','SHIP','AIR REG'])[n % 4 + 1] FROM generate_series(1, 450) n;
CREATE TABLE date_dim (d_date_sk INTEGER, d_date DATE, d_year INTEGER, d_moy INTEGER, d_dow INTEGER, d_week_seq INTEGER, d_qoy INTEGER);
INSERT INTO date_dim SELECT n, DATE '2000-01-01' + n, extract(year FROM DATE '2000-01-01' + n), extract(month FROM DATE '2000-01-01' + n), extract(dow FROM DATE '2000-01-01' + n), n / 7, extract(quarter FROM DATE '2000-01-01' + n) FROM generate_series(0, 800) n;
CREATE TABLE item (i_item_sk INTEGER, i_item_id TEXT, i_brand_id INTEGER, i_brand TEXT, i_category TEXT, i_class TEXT, i_current_price NUMERIC(7, 2), i_manufact_id INTEGER);
INSERT INTO item SELECT n, 'AAAA' || n, n % 4, 'brand ' || n % 4, (ARRAY['Books','Music','Sports'])[n % 3 + 1], 'class ' || n % 5, n * 1.99, n % 6 FROM generate_series(1, 24) n;
CREATE TABLE store (s_store_sk INTEGER, s_store_name TEXT, s_state CHAR(2), s_city TEXT);
INSERT INTO store VALUES (1, 'able', 'TN', 'Midway'), (2, 'bar', 'TN', 'Fairview'), (3, 'ese', 'CA', 'Oakland');
CREATE TABLE store_sales (ss_sold_date_sk INTEGER, ss_item_sk INTEGER, ss_store_sk INTEGER, ss_customer_sk INTEGER, ss_ticket_number INTEGER, ss_quantity INTEGER, ss_sales_price NUMERIC(7, 2), ss_ext_sales_price NUMERIC(9, 2), ss_net_profit NUMERIC(9, 2));
INSERT INTO store_sales SELECT (n * 7) % 800, n % 24 + 1, n % 3 + 1, n % 30 + 1, n / 4, n % 10 + 1, (n % 90) + 0.99, (n % 10 + 1) * ((n % 90) + 0.99), (n % 40) - 15 FROM generate_series(1, 600) n;
CREATE TABLE web_sales (ws_sold_date_sk INTEGER, ws_item_sk INTEGER, ws_bill_customer_sk INTEGER, ws_quantity INTEGER, ws_ext_sales_price NUMERIC(9, 2), ws_net_profit NUMERIC(9, 2));
INSERT INTO web_sales SELECT (n * 11) % 800, n % 24 + 1, n % 30 + 1, n % 7 + 1, (n % 70) * 2.5, (n % 30) - 9 FROM generate_series(1, 300) n;
CREATE SCHEMA etl;
CREATE TABLE etl.run_log (step text, rows bigint);
CREATE FUNCTION etl.fx_rate(currency text, day date) RETURNS numeric LANGUAGE sql IMMUTABLE AS 'SELECT CASE currency WHEN ''EUR'' THEN 1 ELSE 1.25 + extract(day FROM day) / 1000 END';
CREATE FUNCTION etl.month_of(day date, months int DEFAULT 0) RETURNS date LANGUAGE sql IMMUTABLE AS 'SELECT (date_trunc(''month'', day) + make_interval(months => months))::date';
CREATE FUNCTION etl.days(first date, last date) RETURNS TABLE (day date, is_weekend boolean) LANGUAGE sql IMMUTABLE AS 'SELECT d::date, extract(isodow FROM d) > 5 FROM generate_series(first, last, interval ''1 day'') d';
CREATE FUNCTION etl.keep_last(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT coalesce($2, $1)';
CREATE AGGREGATE etl.last_text(text) (sfunc = etl.keep_last, stype = text);
CREATE PROCEDURE etl.log_step(step text, n bigint = 0) LANGUAGE sql AS 'INSERT INTO etl.run_log VALUES (step, n)';
CREATE PROCEDURE etl.count_steps(INOUT n bigint) LANGUAGE plpgsql AS 'BEGIN SELECT count(*) + n INTO n FROM etl.run_log; END';
CREATE MATERIALIZED VIEW etl.order_totals AS SELECT o_custkey, sum(o_totalprice) AS total FROM orders_h GROUP BY o_custkey;
CREATE UNIQUE INDEX ON etl.order_totals (o_custkey);
CREATE MATERIALIZED VIEW "Monthly totals" AS SELECT 1 AS n;

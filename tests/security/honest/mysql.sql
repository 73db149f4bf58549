-- orders of each city
SELECT c.city, count(*), sum(o.amount) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.city ORDER BY 1
---
-- running total
SELECT id, sum(amount) OVER (ORDER BY id) AS total FROM orders ORDER BY id
---
-- when it ran
-- varies
SELECT now() AS at, id FROM customers
---
-- a write of one row
INSERT INTO tree VALUES (5, 2, 'bud')
---
-- hard: path of each node
WITH RECURSIVE path AS (
  SELECT id, CAST(label AS char(200)) AS way FROM tree WHERE parent IS NULL
  UNION ALL SELECT t.id, concat(path.way, '/', t.label) FROM tree t JOIN path ON t.parent = path.id
)
SELECT * FROM path ORDER BY way
---
-- TPC-H: pricing summary
SELECT l_returned, l_status, sum(l_qty) AS sum_qty, sum(l_price) AS sum_base_price, sum(l_price * (1 - l_discount)) AS sum_disc_price, sum(l_price * (1 - l_discount) * (1 + l_tax)) AS sum_charge, avg(l_qty) AS avg_qty, avg(l_price) AS avg_price, avg(l_discount) AS avg_disc, count(*) AS count_order FROM lineitem WHERE l_ship <= date '2026-12-01' - interval '90' day GROUP BY l_returned, l_status ORDER BY l_returned, l_status
---
-- TPC-H: minimum cost supplier
SELECT s.s_balance, s.s_name, n.n_name, p.p_id FROM part p, supplier s, partsupp ps, nation n, region r WHERE p.p_id = ps.p_id AND s.s_id = ps.s_id AND p.p_size > 5 AND p.p_type LIKE '%BRASS' AND s.n_id = n.n_id AND n.r_id = r.r_id AND ps.ps_cost = (SELECT min(ps2.ps_cost) FROM partsupp ps2 WHERE ps2.p_id = p.p_id) ORDER BY s.s_balance DESC, n.n_name, s.s_name, p.p_id LIMIT 100
---
-- TPC-H: shipping priority
SELECT l.o_id, sum(l_price * (1 - l_discount)) AS revenue, o_date, o_priority FROM sales o JOIN lineitem l ON l.o_id = o.o_id WHERE o_date < DATE '2025-03-15' AND l_ship > DATE '2025-01-15' GROUP BY l.o_id, o_date, o_priority ORDER BY revenue DESC, o_date LIMIT 10
---
-- TPC-H: order priority check
SELECT o_priority, count(*) AS order_count FROM sales WHERE o_date >= '2025-01-01' AND o_date < '2025-01-01' + INTERVAL 3 MONTH AND EXISTS (SELECT * FROM lineitem WHERE lineitem.o_id = sales.o_id AND l_commit < l_receipt) GROUP BY o_priority ORDER BY o_priority
---
-- TPC-H: local supplier volume
SELECT n_name, sum(l_price * (1 - l_discount)) AS revenue FROM lineitem l INNER JOIN supplier s USING (s_id) INNER JOIN nation n USING (n_id) INNER JOIN region r USING (r_id) WHERE r_name = 'EUROPE' GROUP BY n_name ORDER BY revenue DESC
---
-- TPC-H: forecasting revenue change
SELECT sum(l_price * l_discount) AS revenue FROM lineitem WHERE l_ship >= '2025-01-01' AND l_ship < date_add('2025-01-01', interval 1 year) AND l_discount BETWEEN 0.06 - 0.01 AND 0.06 + 0.01 AND l_qty < 50
---
-- TPC-H: volume shipping
SELECT supp_nation, l_year, sum(volume) AS revenue FROM (SELECT n1.n_name AS supp_nation, extract(year FROM l_ship) AS l_year, l_price * (1 - l_discount) AS volume FROM supplier s, lineitem l, nation n1 WHERE s.s_id = l.s_id AND s.n_id = n1.n_id) AS shipping GROUP BY supp_nation, l_year ORDER BY supp_nation, l_year
---
-- TPC-H: market share
SELECT o_year, sum(CASE WHEN nation = 'JAPAN' THEN volume ELSE 0 END) / sum(volume) AS mkt_share FROM (SELECT year(o_date) AS o_year, l_price * (1 - l_discount) AS volume, n_name AS nation FROM lineitem NATURAL JOIN supplier NATURAL JOIN nation JOIN sales USING (o_id)) AS all_nations GROUP BY o_year ORDER BY o_year
---
-- TPC-H: returned items
SELECT o.c_id, sum(l_price * (1 - l_discount)) AS revenue FROM sales o, lineitem l WHERE l.o_id = o.o_id AND l_returned = 'R' GROUP BY o.c_id ORDER BY revenue DESC LIMIT 20
---
-- TPC-H: important stock
SELECT p_id, sum(ps_cost * ps_qty) AS value FROM partsupp GROUP BY p_id HAVING sum(ps_cost * ps_qty) > (SELECT sum(ps_cost * ps_qty) * 0.1 FROM partsupp) ORDER BY value DESC
---
-- TPC-H: shipping modes
SELECT l_mode, sum(CASE WHEN o_priority = '1-URGENT' OR o_priority = '2-HIGH' THEN 1 ELSE 0 END) AS high, sum(IF(o_priority <> '1-URGENT' && o_priority <> '2-HIGH', 1, 0)) AS low FROM sales JOIN lineitem USING (o_id) WHERE l_mode IN ('MAIL', 'AIR') GROUP BY l_mode ORDER BY l_mode
---
-- TPC-H: customer distribution
SELECT c_count, count(*) AS custdist FROM (SELECT c.id, count(o.o_id) AS c_count FROM customers c LEFT OUTER JOIN sales o ON c.id = o.c_id AND o.o_clerk NOT LIKE '%3%' GROUP BY c.id) AS c_orders GROUP BY c_count
---
-- TPC-H: promotion effect
SELECT 100.00 * sum(CASE WHEN p_type LIKE 'PROMO%' THEN l_price * (1 - l_discount) ELSE 0 END) / sum(l_price * (1 - l_discount)) AS promo_revenue FROM lineitem, part WHERE lineitem.p_id = part.p_id
---
-- TPC-H: top supplier
WITH revenue AS (SELECT s_id, sum(l_price * (1 - l_discount)) AS total FROM lineitem GROUP BY s_id) SELECT s.s_id, s_name, total FROM supplier s JOIN revenue USING (s_id) WHERE total = (SELECT max(total) FROM revenue) ORDER BY s_id
---
-- TPC-H: parts and suppliers
SELECT p_brand, p_type, p_size, count(DISTINCT s_id) AS supplier_cnt FROM partsupp ps, part p WHERE p.p_id = ps.p_id AND p_brand <> 'Brand#45' AND p_type NOT LIKE 'MEDIUM%' AND p_size IN (49, 14, 23, 7, 21) AND ps.s_id NOT IN (SELECT s_id FROM supplier WHERE s_comment LIKE '%Customer%Complaints%') GROUP BY p_brand, p_type, p_size ORDER BY supplier_cnt DESC, p_brand
---
-- TPC-H: small quantities
SELECT sum(l_price) / 7.0 AS avg_yearly FROM lineitem l WHERE l_qty < (SELECT 1.2 * avg(l_qty) FROM lineitem WHERE p_id = l.p_id)
---
-- TPC-H: large volume customers
SELECT c_id, o_id, o_date, o_total FROM sales WHERE o_id IN (SELECT o_id FROM lineitem GROUP BY o_id HAVING sum(l_qty) > 40) ORDER BY o_total DESC, o_date LIMIT 0, 100
---
-- TPC-H: discounted revenue
SELECT sum(l_price * (1 - l_discount)) AS revenue FROM lineitem JOIN part USING (p_id) WHERE (p_brand = 'Brand#13' AND l_qty BETWEEN 1 AND 20) OR (p_brand = 'Brand#34' AND l_mode IN ('AIR', 'RAIL')) OR (p_size BETWEEN 1 AND 5 AND NOT l_returned = 'R')
---
-- TPC-H: waiting suppliers
SELECT s_name, count(*) AS numwait FROM supplier, lineitem l1, sales WHERE supplier.s_id = l1.s_id AND sales.o_id = l1.o_id AND o_status = 'F' AND l1.l_receipt > l1.l_commit AND EXISTS (SELECT 1 FROM lineitem l2 WHERE l2.o_id = l1.o_id AND l2.s_id <> l1.s_id) AND NOT EXISTS (SELECT 1 FROM lineitem l3 WHERE l3.o_id = l1.o_id AND l3.s_id <> l1.s_id AND l3.l_receipt < l3.l_commit) GROUP BY s_name ORDER BY numwait DESC, s_name
---
-- TPC-H: global sales opportunity
SELECT cntry, count(*) AS numcust FROM (SELECT substring(city FROM 1 FOR 2) AS cntry, id FROM customers WHERE substring(city, 1, 2) IN ('Os', 'Co') AND NOT EXISTS (SELECT * FROM sales WHERE c_id = customers.id AND o_status = 'P')) AS custsale GROUP BY cntry ORDER BY cntry
---
-- TPC-DS: ratio within a class
SELECT p_brand, p_name, sum(l_price) AS itemrevenue, sum(l_price) * 100 / sum(sum(l_price)) OVER (PARTITION BY p_brand) AS revenueratio FROM lineitem JOIN part USING (p_id) GROUP BY p_brand, p_name ORDER BY p_brand, revenueratio
---
-- TPC-DS: rank in a group
SELECT * FROM (SELECT n_name, s_name, rank() OVER (PARTITION BY n.r_id ORDER BY s_balance DESC) AS rk FROM supplier s JOIN nation n ON n.n_id = s.n_id) ranked WHERE rk <= 2 ORDER BY n_name
---
-- TPC-DS: year over year
WITH yearly AS (SELECT year(o_date) AS y, sum(o_total) AS total FROM sales GROUP BY year(o_date)) SELECT cur.y, cur.total, cur.total / prev.total AS ratio FROM yearly cur LEFT JOIN yearly prev ON prev.y = cur.y - 1 ORDER BY cur.y
---
-- TPC-DS: channels
SELECT 'late' AS channel, count(*) AS n FROM lineitem WHERE l_receipt > l_commit UNION ALL SELECT 'in time', count(*) FROM lineitem WHERE l_receipt <= l_commit
---
-- TPC-DS: rollup of two levels
SELECT r_name, n_name, count(*) FROM nation JOIN region USING (r_id) GROUP BY r_name, n_name WITH ROLLUP
---
-- TPC-DS: customers of both kinds
SELECT count(*) FROM (SELECT DISTINCT c_id FROM sales WHERE o_status = 'O' INTERSECT SELECT DISTINCT c_id FROM sales WHERE o_status = 'P') AS both_kinds
---
-- TPC-DS: customers of one kind
SELECT count(*) FROM (SELECT DISTINCT c_id FROM sales EXCEPT SELECT DISTINCT c_id FROM sales WHERE o_status = 'F') AS cool_cust
---
-- TPC-DS: moving average
SELECT o_date, o_total, avg(o_total) OVER (ORDER BY o_date ROWS BETWEEN 2 PRECEDING AND CURRENT ROW) AS moving FROM sales ORDER BY o_date
---
-- TPC-DS: cumulative share
SELECT s_name, s_balance, sum(s_balance) OVER (ORDER BY s_id ROWS UNBOUNDED PRECEDING) AS run, cume_dist() OVER (ORDER BY s_balance) AS cd, percent_rank() OVER (ORDER BY s_balance) AS pr, ntile(2) OVER (ORDER BY s_balance) AS half FROM supplier ORDER BY s_id
---
-- TPC-DS: first and last
SELECT DISTINCT c_id, first_value(o_date) OVER w AS f, last_value(o_date) OVER (PARTITION BY c_id ORDER BY o_date RANGE BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS l FROM sales WINDOW w AS (PARTITION BY c_id ORDER BY o_date) ORDER BY c_id
---
-- TPC-DS: pivot by CASE
SELECT year(o_date) AS y, sum(CASE quarter(o_date) WHEN 1 THEN o_total END) AS q1, sum(CASE quarter(o_date) WHEN 2 THEN o_total END) AS q2, sum(CASE WHEN quarter(o_date) > 2 THEN o_total ELSE 0 END) AS rest FROM sales GROUP BY y ORDER BY y
---
-- TPC-DS: buckets by width
SELECT floor(l_qty / 10) * 10 AS bucket, count(*) AS n FROM lineitem GROUP BY bucket HAVING n > 0 ORDER BY bucket
---
-- TPC-DS: three subqueries beside
SELECT (SELECT count(*) FROM sales), (SELECT max(o_date) FROM sales), (SELECT avg(l_qty) FROM lineitem WHERE l_mode = 'AIR')
---
-- TPC-DS: correlated maximum
SELECT o.* FROM sales o WHERE o_date = (SELECT max(i.o_date) FROM sales i WHERE i.c_id = o.c_id) ORDER BY o_id
---
-- TPC-DS: all and any
SELECT p_name FROM part WHERE p_price >= ALL (SELECT p_price FROM part) OR p_size = ANY (SELECT 7 UNION SELECT 1) OR p_size = SOME (SELECT 21) ORDER BY p_name
---
-- ERP: trial balance
SELECT a.acct, a.title, coalesce(sum(e.debit), 0) AS debit, coalesce(sum(e.credit), 0) AS credit, coalesce(sum(e.debit - e.credit), 0) AS balance FROM account a LEFT JOIN entry e ON e.acct = a.acct GROUP BY a.acct, a.title ORDER BY a.acct
---
-- ERP: journal with a running balance
SELECT e.id, e.booked, e.acct, e.debit, e.credit, sum(debit - credit) OVER (PARTITION BY acct ORDER BY booked, id) AS balance FROM entry e ORDER BY e.acct, e.booked, e.id
---
-- ERP: open items by age
SELECT c.name, sum(CASE WHEN datediff('2026-03-15', due) <= 0 THEN net ELSE 0 END) AS not_due, sum(CASE WHEN datediff('2026-03-15', due) BETWEEN 1 AND 30 THEN net ELSE 0 END) AS d30, sum(CASE WHEN datediff('2026-03-15', due) > 30 THEN net ELSE 0 END) AS older FROM invoice i JOIN customers c ON c.id = i.customer_id WHERE paid IS NULL GROUP BY c.name ORDER BY c.name
---
-- ERP: gross by currency
SELECT currency, round(sum(net * (1 + tax_rate)), 2) gross, count(*) n FROM invoice GROUP BY currency ORDER BY gross DESC
---
-- ERP: days sales outstanding
SELECT avg(datediff(coalesce(paid, '2026-03-31'), issued)) AS dso FROM invoice
---
-- ERP: dunning letters
SELECT concat('Dear ', c.name, ', invoice ', lpad(i.id, 6, '0'), ' of ', date_format(i.issued, '%d.%m.%Y'), ' is overdue.') AS letter FROM invoice i JOIN customers c ON c.id = i.customer_id WHERE i.paid IS NULL AND i.due < '2026-02-28' ORDER BY i.id
---
-- ERP: stock on hand
SELECT sku, place, sum(qty) AS on_hand FROM stock_move GROUP BY sku, place HAVING sum(qty) <> 0 ORDER BY sku, place
---
-- ERP: stock as of a date
SELECT sku, sum(qty) FROM stock_move WHERE moved < timestamp '2026-01-05 00:00:00' GROUP BY sku ORDER BY sku
---
-- ERP: stock with a running total
SELECT id, sku, qty, sum(qty) OVER (PARTITION BY sku ORDER BY moved) AS run FROM stock_move ORDER BY id
---
-- ERP: balance by month
SELECT date_format(booked, '%Y-%m') AS month, kind, sum(debit) - sum(credit) AS amount FROM entry JOIN account USING (acct) GROUP BY month, kind ORDER BY month, kind
---
-- ERP: an account and its entries
SELECT a.*, e.memo FROM account AS a, entry AS e WHERE a.acct = e.acct AND a.kind IN ('asset', 'cost') ORDER BY e.id
---
-- ERP: unbalanced days
SELECT booked, sum(debit) <> sum(credit) AS off, abs(sum(debit) - sum(credit)) FROM entry GROUP BY booked ORDER BY booked
---
-- ERP: headcount by department
SELECT dept, count(*) AS heads, min(salary), max(salary), round(avg(salary), 2), std(salary) > 0 AS spread FROM staff GROUP BY dept ORDER BY heads DESC, dept
---
-- ERP: seniority
SELECT name, timestampdiff(YEAR, hired, '2026-06-30') AS years, timestampdiff(month, hired, date '2026-06-30') % 12 AS months FROM staff ORDER BY hired
---
-- ERP: boss and report
SELECT s.name, ifnull(b.name, '-') AS boss FROM staff s LEFT JOIN staff b ON b.id = s.boss ORDER BY s.id
---
-- ERP: pay above the average of a department
SELECT name, dept, salary FROM staff s WHERE salary > (SELECT avg(salary) FROM staff WHERE dept = s.dept) ORDER BY name
---
-- ERP: second highest pay
SELECT DISTINCT salary FROM staff ORDER BY salary DESC LIMIT 1 OFFSET 1
---
-- ERP: top two of each department
SELECT dept, name, salary FROM (SELECT dept, name, salary, row_number() OVER (PARTITION BY dept ORDER BY salary DESC, id) AS rn FROM staff) t WHERE t.rn <= 2 ORDER BY dept, salary DESC, name
---
-- ERP: tax by rate
SELECT tax_rate * 100 AS `rate %`, sum(net) AS net, sum(round(net * tax_rate, 2)) AS tax FROM invoice GROUP BY tax_rate ORDER BY tax_rate
---
-- ERP: a view of open invoices
SELECT customer_id, count(*) n, sum(gross) total FROM open_invoice GROUP BY customer_id ORDER BY customer_id
---
-- ERP: names in one line
SELECT dept, group_concat(name ORDER BY name SEPARATOR ', ') AS people FROM staff GROUP BY dept ORDER BY dept
---
-- ERP: distinct places in one line
SELECT sku, group_concat(DISTINCT place ORDER BY place DESC) FROM stock_move GROUP BY sku ORDER BY sku
---
-- ERP: percent of the total
SELECT name, salary, concat(format(100 * salary / sum(salary) OVER (), 1), ' %') AS share FROM staff ORDER BY salary DESC, name
---
-- ERP: new or gone
SELECT coalesce(a.sku, b.sku) AS sku, a.n, b.n FROM (SELECT sku, count(*) AS n FROM stock_move WHERE moved < '2026-01-03' GROUP BY sku) a RIGHT JOIN (SELECT sku, count(*) AS n FROM stock_move GROUP BY sku) b ON b.sku = a.sku ORDER BY 1
---
-- ERP: invoices by quarter
SELECT concat(year(issued), '-Q', quarter(issued)) AS q, sum(net) FROM invoice GROUP BY q ORDER BY q
---
-- dates: in every spelling
SELECT '2026-01-31' + INTERVAL 1 MONTH, DATE '2026-03-31' - interval 1 month, date_add('2026-01-01', INTERVAL 1 DAY), date_sub('2026-01-01', INTERVAL 1 SECOND), adddate('2026-01-01', 31), subdate('2026-01-01', INTERVAL 1 WEEK), adddate('2026-01-01', INTERVAL 1 QUARTER)
---
-- dates: intervals of two units
SELECT '2026-01-01 00:00:00' + INTERVAL '1 2:3:4' DAY_SECOND, date_sub('2026-01-01', INTERVAL '1-2' YEAR_MONTH), date_add('2026-01-01 00:00:00', INTERVAL '1:30' HOUR_MINUTE), '2026-01-01' + INTERVAL '5.5' SECOND_MICROSECOND
---
-- dates: intervals of expressions
SELECT id, '2026-01-01' + INTERVAL id DAY AS d, '2026-01-01' + INTERVAL id * 2 + 1 HOUR AS h, date_add('2026-01-01', INTERVAL -id MONTH) AS m FROM customers ORDER BY id
---
-- dates: fractions of seconds
SELECT now(6) > '2020-01-01', microsecond('2026-01-01 00:00:00.123456'), cast('12:34:56.789' AS time(2)), sec_to_time(3661), time_to_sec('01:01:01'), maketime(10, 20, 30)
---
-- dates: parts
SELECT year(hired), month(hired), day(hired), dayofweek(hired), dayofyear(hired), weekday(hired), week(hired, 3), yearweek(hired, 1), quarter(hired), last_day(hired), monthname(hired), dayname(hired) FROM staff ORDER BY id
---
-- dates: extract
SELECT extract(YEAR FROM moved), extract(year_month FROM moved), extract(DAY_HOUR FROM moved), extract(microsecond FROM moved), EXTRACT(WEEK FROM moved) FROM stock_move ORDER BY id
---
-- dates: formats
SELECT date_format(moved, '%W, %e. %M %Y %H:%i:%s.%f'), time_format('25:61:00', '%H'), str_to_date('31,12,2026', '%d,%m,%Y'), date_format('2026-01-01', '%x-W%v'), from_unixtime(0), unix_timestamp('1970-01-02') FROM stock_move WHERE id = 1
---
-- dates: differences
SELECT datediff('2026-03-01', '2026-02-01'), timediff('12:00:00', '10:30:00'), timestampdiff(MINUTE, '2026-01-01', '2026-01-02'), timestampadd(HOUR, 5, '2026-01-01'), period_diff(202603, 202512), period_add(202611, 3), to_days('2026-01-01') - to_days('2025-01-01')
---
-- dates: literals
SELECT DATE '2026-01-31' AS d, TIME '10:11:12' AS t, TIMESTAMP '2026-01-31 10:11:12.5' AS ts, {d '2026-01-31'} AS od, {t '10:11:12'} AS ot, {ts '2026-01-31 10:11:12'} AS ots
---
-- dates: zones
SELECT convert_tz('2026-07-01 12:00:00', '+00:00', '+02:00'), utc_timestamp() = now(), curdate() = current_date, current_timestamp() = localtimestamp, curtime() = current_time()
---
-- dates: start and end of a month
SELECT booked, booked - INTERVAL (day(booked) - 1) DAY AS first, last_day(booked) AS last, date_format(booked, '%Y-%m-01') AS text FROM entry ORDER BY id
---
-- dates: age in years
SELECT name, year('2026-06-30') - year(born) - (date_format('2026-06-30', '%m%d') < date_format(born, '%m%d')) AS age FROM customers ORDER BY id
---
-- dates: between with a cast
SELECT count(*) FROM stock_move WHERE moved BETWEEN cast('2026-01-02' AS datetime) AND cast('2026-01-06' AS date)
---
-- dates: null and zero dates
SELECT ifnull(paid, 'open'), paid IS NULL, isnull(paid), paid <=> NULL, nullif(issued, '2026-01-01') FROM invoice ORDER BY id
---
-- dates: make dates
SELECT makedate(2026, 60), makedate(2024, 60), from_days(740000), to_seconds('2026-01-01'), dayofmonth('2026-02-28' + interval 1 day)
---
-- dates: an interval before the date
SELECT INTERVAL 1 DAY + '2026-01-01' AS tomorrow, interval 2 hour + timestamp '2026-01-01 00:00:00' AS later
---
-- text: functions
SELECT upper(name), lower(name), length(name), char_length(name), reverse(name), left(name, 2), right(name, 2), substr(name, 2), substring(name, 1, 3), mid(name, 2, 2), repeat(name, 2), space(2), lpad(name, 10, '.'), rpad(name, 10, '-') FROM customers ORDER BY id
---
-- text: SUBSTRING with words
SELECT substring('abcdef' FROM 3), substring('abcdef' FROM 2 FOR 3), substr('abcdef' from 2 for 2), mid('abcdef' FROM 2 FOR 1), substr('abcdef' FROM -3)
---
-- text: TRIM in every form
SELECT trim('  a '), trim(BOTH FROM '  a '), trim(LEADING 'x' FROM 'xxaxx'), trim(trailing 'x' from 'xxaxx'), trim('x' FROM 'xax'), ltrim(' a'), rtrim('a '), trim(both 'ab' from concat('ab', 'c', 'ab'))
---
-- text: positions
SELECT position('b' IN 'abc'), locate('b', 'abc'), locate('b', 'abcb', 3), instr('abc', 'c'), find_in_set('b', 'a,b,c'), field('b', 'a', 'b'), elt(2, 'a', 'b'), strcmp('a', 'b'), substring_index('a.b.c', '.', 2)
---
-- text: LIKE and its escapes
SELECT name FROM customers WHERE name LIKE '%\_%' OR name LIKE 'Ada' OR name LIKE '%|%%' ESCAPE '|' OR name NOT LIKE '%e%' ORDER BY name
---
-- text: LIKE with a backslash
SELECT name, name LIKE 'Ça\\\\va' AS two, name LIKE '%\\\\%' AS has FROM customers ORDER BY id
---
-- text: strings with backslashes
SELECT 'a\\b', 'a\'b', 'a''b', "a\"b", "a""b", 'tab\there', '\\', 'a\%b', 'nl\nnl'
---
-- text: strings side by side
SELECT 'a' 'b' 'c' AS abc, concat('x' 'y', "z") AS xyz
---
-- text: introducers
SELECT _utf8mb4'a' AS a, _latin1'abc' AS b, _binary'x' AS c, _utf8mb4 'é' COLLATE utf8mb4_bin AS d, n'abc' AS e, N'x' AS f, _utf8mb4 x'41' AS g, _utf8mb4 0x42 AS h
---
-- text: an introducer in a call
SELECT concat(_utf8mb4'a', 'b'), upper(_latin1'abc'), length(_utf8'é')
---
-- text: hexadecimal and bits
SELECT x'414243', X'41', 0x41, 0x41 + 0, b'1010' + 0, 0b11 + 0, hex('abc'), unhex('616263'), hex(255), bin(10), oct(8), conv('ff', 16, 10)
---
-- text: character sets
SELECT convert(name USING utf8mb4), convert('abc' USING latin1), cast(name AS char CHARACTER SET utf8mb4), char(65, 66 USING utf8mb4), char(0x4142 using latin1), charset(name), collation(_utf8mb4'x'), coercibility('x') FROM customers WHERE id = 1
---
-- text: collations
SELECT name COLLATE utf8mb4_bin = 'ada' AS b, name COLLATE utf8mb4_general_ci = 'ada' AS ci FROM customers ORDER BY name COLLATE utf8mb4_bin DESC
---
-- text: binary comparison
SELECT BINARY 'a' = 'A' AS b, 'a' = 'A' AS ci, binary name = 'eve' AS n, cast('a' AS binary) = 'a' AS c FROM customers ORDER BY id
---
-- text: regular expressions
SELECT name FROM customers WHERE name REGEXP '^[A-E]' AND name RLIKE 'a$' OR name NOT REGEXP '[a-z]' OR NOT name RLIKE '.' ORDER BY name
---
-- text: functions of regular expressions
SELECT regexp_replace('a1b22', '[0-9]+', '#'), regexp_substr('a1b22', '[0-9]{2}'), regexp_instr('abc', 'c'), 'abc' REGEXP 'B', 'abc' REGEXP BINARY 'B'
---
-- text: sounds
SELECT soundex('Robert'), 'Robert' SOUNDS LIKE 'Rupert' AS alike, name FROM customers WHERE name SOUNDS LIKE 'Eva' OR soundex(name) = soundex('Ada') ORDER BY name
---
-- text: replace and insert
SELECT replace('aaa', 'a', 'b'), insert('Quadratic', 3, 4, 'What'), concat_ws('-', 'a', NULL, 'b'), quote('it''s'), export_set(5, 'Y', 'N', ',', 4), make_set(1 | 4, 'a', 'b', 'c')
---
-- text: digests
SELECT md5('a'), sha1('a'), sha2('a', 256), crc32('a'), to_base64('abc'), from_base64('YWJj'), uncompress(compress('abc'))
---
-- text: other letters
SELECT 'ß' = 'ss' COLLATE utf8mb4_unicode_ci AS a, length('日本'), char_length('日本語'), upper('äöü'), '🙂' AS face, hex('é')
---
-- text: numbers as text
SELECT format(1234567.891, 2), concat(1, 2.50, TRUE), '10' + 5, '3 apples' * 2, cast(12.5 AS char), concat('a', NULL), 1 = '1'
---
-- text: a name with a backtick
SELECT 1 AS `a``b`, 2 AS `select`, 3 AS `from where`, `Ünï` FROM `Mixed Case` ORDER BY 4
---
-- operators: arithmetic
SELECT 7 / 2, 7 DIV 2, 7 % 2, 7 MOD 2, mod(7, 2), -7 DIV 2, -7 % 2, 2 * 3 + 4, 2 * (3 + 4), - - 3, +5, 1.5e3, .5, 5. + 1, 1e-2
---
-- operators: comparison
SELECT 1 = 1, 1 <> 2, 1 != 2, 1 < 2, 2 >= 2, NULL <=> NULL, 1 <=> NULL, NOT 1, NOT NULL IS NULL, !0, !1 + 1
---
-- operators: logic
SELECT 1 AND 0, 1 && 1, 1 OR 0, 0 || 1, 1 XOR 1, NOT 0 AND 0, NOT (0 AND 0), 1 OR 1 AND 0, TRUE XOR FALSE XOR TRUE
---
-- operators: bits
SELECT 5 & 3, 5 | 3, 5 ^ 3, ~5 & 7, 1 << 4, 256 >> 4, bit_count(255), 6 & 3 | 8, 1 | 2 ^ 3
---
-- operators: IS
SELECT 1 IS TRUE, 0 IS FALSE, NULL IS UNKNOWN, 1 IS NOT NULL, (1 = 2) IS NOT TRUE, NULL IS NOT FALSE
---
-- operators: IN
SELECT 1 IN (1, 2), 3 NOT IN (1, 2), NULL IN (1), (1, 2) IN ((1, 2), (3, 4)), 'a' IN ('A', 'b'), row(1, 2) = row(1, 2), (1, 2) < (1, 3)
---
-- operators: BETWEEN
SELECT 5 BETWEEN 1 AND 10, 5 NOT BETWEEN 1 AND 10, NOT 5 BETWEEN 1 AND 3, 5 BETWEEN 1 AND 3 OR TRUE
---
-- operators: precedence of NOT
SELECT NOT 1 BETWEEN 2 AND 3, NOT 1 = 2, ! 1 = 2, NOT 'a' LIKE 'b', NOT 1 IN (2)
---
-- operators: CASE
SELECT CASE WHEN amount > 50 THEN 'big' WHEN amount > 5 THEN 'mid' ELSE 'small' END, CASE status WHEN 'paid' THEN 1 WHEN 'open' THEN 2 END, IF(amount > 50, 'x', NULL), ifnull(status, '?'), nullif(status, 'void'), coalesce(NULL, status, 'none') FROM orders ORDER BY id
---
-- operators: greatest, least and interval
SELECT greatest(1, 5, 3), least('b', 'a'), interval(23, 1, 15, 17, 30, 44, 200), interval(10, 1, 10, 100), sign(-3), abs(-3)
---
-- operators: mathematics
SELECT round(2.5), round(-1.55, 1), truncate(1.999, 2), ceil(1.2), ceiling(-1.2), floor(-1.2), sqrt(16), pow(2, 10), power(2, 0.5) > 1.4, exp(0), ln(1), log(2, 8), log10(100), log2(8), pi(), degrees(pi()), radians(180) > 3, sin(0), cos(0), tan(0), atan2(1, 1), cot(1) > 0, rand(3) BETWEEN 0 AND 1
---
-- operators: casts
SELECT cast('12' AS signed), cast('12' AS unsigned), cast(-1 AS signed integer), cast('12.345' AS decimal(10, 2)), cast(1.5 AS decimal), cast('2026-01-31' AS date), cast('2026-01-31 10:11:12' AS datetime), cast('10:11:12' AS time), cast(65 AS char), cast('abc' AS char(2)), cast('abc' AS binary(5)), cast(1 AS double), convert('12', signed), convert('12.5', decimal(5, 1)), convert('2026-01-31', date), convert(12, char)
---
-- operators: NULL and truth
SELECT NULL + 1, NULL AND FALSE, NULL OR TRUE, TRUE + TRUE, FALSE = 0, null, true, false
---
-- operators: big numbers
SELECT 18446744073709551615 AS u, 9223372036854775807 AS i, -9223372036854775808 AS m, 12345678901234567890123456789.123456789 AS d, big FROM docs ORDER BY id
---
-- operators: columns of many types
SELECT id, flags, kind, raw, at, made, bits + 0, flags + 0, kind + 0, hex(raw) FROM docs ORDER BY id
---
-- operators: negative literals in lists
SELECT id FROM orders WHERE id IN (-1, +2, 3 - 1, 4 * 1) OR amount > -0.5 AND amount < 1e2 ORDER BY id
---
-- joins: every kind
SELECT c.name, o.id FROM customers c JOIN orders o ON o.customer_id = c.id LEFT JOIN invoice i ON i.customer_id = c.id AND i.paid IS NULL CROSS JOIN (SELECT 1 AS one) x WHERE o.amount > 10 ORDER BY o.id, i.id
---
-- joins: USING and NATURAL
SELECT s_name, n_name, r_name FROM supplier NATURAL JOIN nation NATURAL LEFT JOIN region ORDER BY s_name
---
-- joins: STRAIGHT_JOIN between tables
SELECT s.s_name, n.n_name FROM supplier s STRAIGHT_JOIN nation n ON n.n_id = s.n_id ORDER BY s.s_id
---
-- joins: STRAIGHT_JOIN after SELECT
SELECT STRAIGHT_JOIN s.s_name, n.n_name FROM supplier s JOIN nation n USING (n_id) ORDER BY s.s_id
---
-- joins: nested brackets
SELECT a.n_name, b.s_name FROM (nation a LEFT JOIN (supplier b JOIN region c ON TRUE) ON b.n_id = a.n_id AND c.r_id = a.r_id) ORDER BY 1, 2
---
-- joins: three tables with commas
SELECT p_name, s_name, ps_cost FROM part p, partsupp ps, supplier s WHERE p.p_id = ps.p_id AND ps.s_id = s.s_id ORDER BY ps_cost
---
-- joins: itself
SELECT a.name AS one, b.name AS two FROM staff a JOIN staff b ON a.dept = b.dept AND a.id < b.id ORDER BY a.id, b.id
---
-- joins: USE INDEX
SELECT count(*) FROM lineitem USE INDEX (by_ship) WHERE l_ship > '2025-06-01'
---
-- joins: FORCE INDEX with an alias
SELECT count(*) FROM lineitem AS l FORCE INDEX (PRIMARY) WHERE l.o_id > 2
---
-- joins: IGNORE INDEX in a join
SELECT count(*) FROM sales s IGNORE INDEX FOR JOIN (by_date) JOIN lineitem l USE KEY FOR ORDER BY (by_ship) ON l.o_id = s.o_id
---
-- joins: USE INDEX of nothing
SELECT count(*) FROM nation USE INDEX () WHERE r_id = 1
---
-- joins: partitions
SELECT count(*) FROM sales PARTITION (p0)
---
-- joins: two partitions with an alias
SELECT s.o_id FROM sales PARTITION (p0, p1) AS s WHERE s.o_total > 1000 ORDER BY 1
---
-- joins: DUAL
SELECT 1 FROM dual
---
-- joins: DUAL with a condition
SELECT 'yes' AS answer FROM DUAL WHERE 1 = 1
---
-- joins: a condition without a table
SELECT 1 AS one WHERE EXISTS (SELECT 1 FROM staff WHERE salary > 8000)
---
-- joins: LIMIT in both forms
(SELECT id FROM staff ORDER BY id LIMIT 2, 3) UNION ALL (SELECT id FROM staff ORDER BY id DESC LIMIT 1 OFFSET 1)
---
-- joins: modifiers
SELECT SQL_NO_CACHE SQL_BUFFER_RESULT DISTINCT dept FROM staff ORDER BY dept
---
-- joins: SQL_SMALL_RESULT and SQL_BIG_RESULT
SELECT SQL_SMALL_RESULT dept, count(*) FROM staff GROUP BY dept UNION SELECT SQL_BIG_RESULT DISTINCT 'x', 0 FROM staff ORDER BY 1
---
-- joins: DISTINCTROW
SELECT DISTINCTROW city FROM customers ORDER BY city
---
-- joins: ORDER BY an expression
SELECT name FROM customers ORDER BY field(id, 3, 1, 2) DESC, name
---
-- joins: ORDER BY NULLs last
SELECT city FROM customers ORDER BY city IS NULL, city, id
---
-- joins: GROUP BY a position and an alias
SELECT year(placed) AS y, month(placed), count(*) FROM orders GROUP BY y, 2 ORDER BY 1, 2
---
-- joins: HAVING without GROUP BY
SELECT count(*) AS n FROM orders HAVING n > 3
---
-- joins: a table of another name with quotes
SELECT m.`select` FROM `Mixed Case` m WHERE m.`Ünï` = 1
---
-- sets: UNION in its forms
SELECT 1 AS n UNION SELECT 2 UNION ALL SELECT 2 UNION DISTINCT SELECT 3 ORDER BY n DESC LIMIT 3
---
-- sets: UNION in brackets
(SELECT name FROM staff WHERE dept = 'it' ORDER BY id LIMIT 1) UNION (SELECT name FROM customers ORDER BY id LIMIT 1) ORDER BY 1
---
-- sets: INTERSECT and EXCEPT
SELECT n_id FROM nation INTERSECT SELECT n_id FROM supplier EXCEPT SELECT 4 ORDER BY 1
---
-- sets: a union in FROM
SELECT kind, sum(n) FROM (SELECT 'a' AS kind, count(*) AS n FROM staff UNION ALL SELECT 'b', count(*) FROM part) u GROUP BY kind ORDER BY kind
---
-- sets: titles of a union
SELECT 1 + 1, count(*) FROM staff UNION SELECT 2, 3 ORDER BY 1, 2
---
-- sets: VALUES
VALUES (1, 'a'), (2, 'b')
---
-- sets: VALUES in FROM
SELECT * FROM (VALUES (1, 'x'), (2, 'y')) AS v
---
-- sets: VALUES in WITH
WITH v (id, word) AS (VALUES (1, 'x'), (2, 'y')) SELECT word, id FROM v ORDER BY id
---
-- sets: VALUES in a UNION
SELECT 1 AS n UNION ALL VALUES (2), (3) ORDER BY n
---
-- sets: VALUES in IN
SELECT id FROM staff WHERE id IN (VALUES (1), (3)) ORDER BY id
---
-- subqueries: scalar in every place
SELECT (SELECT max(id) FROM staff) + 1 AS next, name FROM staff WHERE id = (SELECT min(id) FROM staff) OR salary > (SELECT avg(salary) FROM staff) ORDER BY (SELECT 1), id
---
-- subqueries: EXISTS
SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) AND NOT EXISTS (SELECT 1 FROM invoice i WHERE i.customer_id = c.id AND i.currency = 'NOK') ORDER BY name
---
-- subqueries: rows
SELECT id FROM orders WHERE (customer_id, amount) IN (SELECT customer_id, max(amount) FROM orders GROUP BY customer_id) ORDER BY id
---
-- subqueries: a row against a query
SELECT (1, 10.50) = (SELECT customer_id, amount FROM orders WHERE id = 1) AS same
---
-- subqueries: in a derived table of a derived table
SELECT x.n FROM (SELECT y.n FROM (SELECT count(*) AS n FROM staff) AS y) AS x
---
-- subqueries: in SELECT with a correlation
SELECT name, (SELECT group_concat(o.id ORDER BY o.id) FROM orders o WHERE o.customer_id = c.id) AS orders, (SELECT count(*) FROM orders) FROM customers c ORDER BY id
---
-- subqueries: titles of derived tables
SELECT * FROM (SELECT count(*), max(amount) + 1, 'x', 5 FROM orders) AS t
---
-- subqueries: a title of a derived table by name
SELECT `count(*)` FROM (SELECT count(*) FROM orders) AS t
---
-- subqueries: IN with NULLs
SELECT id FROM orders WHERE customer_id NOT IN (SELECT id FROM customers WHERE id > 2) ORDER BY id
---
-- titles: of expressions
SELECT 1+1, 1 + 1, 1  +  1, count(*), COUNT( * ), max( amount ), upper('a'), 'text', "dq", 1.50, .5, NULL, (1), ((2)), (amount), amount*2 FROM orders GROUP BY amount ORDER BY amount LIMIT 1
---
-- titles: of words that the parser changes
SELECT 'a' REGEXP 'b', 'a' RLIKE 'b', 1 != 2, 7 MOD 2, NOT 1, !1, 1 && 0, position('a' IN 'ba'), substr('abc' from 2), isnull(1), 'a' sounds like 'b', binary 'a', cast(1 as signed integer), convert(1, char)
---
-- titles: of a long expression
SELECT concat('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa', 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', 'cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc', 'dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd') IS NULL
---
-- titles: with a comment
SELECT 1 /* one */ + /* two */ 2, 3 /* three */, 4 # four
---
-- titles: of strings
SELECT 'it''s', 'a\\b', ' lead', 'trail ', 'é', '🙂', 'Ünï', concat('🙂', 'x')
---
-- titles: with aliases of every kind
SELECT 1 a, 2 AS b, 3 'c d', 4 AS "e", 5 `f`, 6 AS count, 7 AS rank_, amount AS `total (EUR)` FROM orders LIMIT 1
---
-- titles: of columns
SELECT o.amount, o.ID, Amount, o.* FROM orders o WHERE o.id = 1
---
-- titles: of hexadecimal and dates
SELECT x'41', 0x41, b'1', date '2026-01-01', TIME'10:00:00', interval 1 day + '2026-01-01', {d '2026-01-01'}
---
-- titles: of subqueries
SELECT (select 1), (SELECT count(*) FROM staff) + 1, exists(select 1), case when 1 then 2 else 3 end, if(1,2,3)
---
-- titles: of windows
SELECT row_number() over (order by id), sum(id) OVER(PARTITION BY dept), rank() over w FROM staff window w as (order by salary) ORDER BY id
---
-- writes: a row
INSERT INTO entry (booked, acct, debit) VALUES ('2026-03-01', '1000', 5), (current_date, '1200', 1 + 1)
---
-- writes: from a query
INSERT INTO region (r_id, r_name) SELECT n_id + 100, n_name FROM nation WHERE r_id = 1
---
-- writes: by SET
INSERT INTO region SET r_id = 9, r_name = upper('oceania')
---
-- writes: defaults
INSERT INTO entry VALUES (DEFAULT, '2026-01-01', '1000', DEFAULT, DEFAULT, 'x')
---
-- writes: ignoring doubles
INSERT IGNORE INTO region VALUES (1, 'again'), (7, 'new')
---
-- writes: or updating
INSERT INTO region VALUES (1, 'EU'), (8, 'X') ON DUPLICATE KEY UPDATE r_name = concat(VALUES(r_name), '!')
---
-- writes: or updating with an expression
INSERT INTO partsupp VALUES (1, 1, 10, 1.5) ON DUPLICATE KEY UPDATE ps_qty = ps_qty + VALUES(ps_qty), ps_cost = greatest(ps_cost, VALUES(ps_cost))
---
-- writes: an update
UPDATE staff SET salary = salary * 1.1, dept = 'IT' WHERE dept = 'it' AND hired < '2021-01-01'
---
-- writes: an update of a join
UPDATE invoice i JOIN customers c ON c.id = i.customer_id SET i.paid = i.due, i.currency = 'SEK' WHERE c.name = 'Ada'
---
-- writes: an update in an order
UPDATE stock_move SET qty = qty + 1 WHERE sku = 'A' ORDER BY id DESC LIMIT 2
---
-- writes: an update by a subquery
UPDATE staff SET salary = (SELECT max(s_balance) FROM supplier) WHERE boss IN (SELECT r_id FROM region)
---
-- writes: a delete
DELETE FROM login WHERE person = 1 AND at < '2026-01-03'
---
-- writes: a delete of a join
DELETE l FROM lineitem l JOIN sales s ON s.o_id = l.o_id WHERE s.o_status = 'F'
---
-- writes: a delete in an order
DELETE FROM login ORDER BY at DESC LIMIT 3
---
-- writes: a delete with a subquery
DELETE FROM invoice WHERE customer_id NOT IN (SELECT id FROM customers WHERE active)
---
-- writes: JSON into a column
UPDATE event SET doc = json_set(doc, '$.seen', true, '$.user.name', 'Eve') WHERE json_unquote(json_extract(doc, '$.kind')) = 'order'
---
-- aggregates: plain
SELECT count(*), count(v), count(DISTINCT sensor), sum(v), avg(v), min(v), max(v), std(v) > 0, stddev_pop(v) > 0, stddev_samp(v) > 0, var_pop(v) > 0, var_samp(v) > 0, variance(v) > 0 FROM reading
---
-- aggregates: bits
SELECT bit_and(id), bit_or(id), bit_xor(id) FROM reading
---
-- aggregates: distinct pairs
SELECT count(DISTINCT sensor, ok) FROM reading
---
-- aggregates: conditional
SELECT sensor, sum(v > 2), sum(ok), sum(ok IS NULL), avg(CASE WHEN ok THEN v END), count(IF(ok, 1, NULL)) FROM reading GROUP BY sensor ORDER BY sensor
---
-- aggregates: GROUP_CONCAT of two columns
SELECT group_concat(name, ':', dept ORDER BY salary DESC, name SEPARATOR ' | ') FROM staff
---
-- aggregates: GROUP_CONCAT of an expression
SELECT group_concat(concat(upper(left(name, 1)), id) ORDER BY id DESC) FROM staff
---
-- aggregates: GROUP_CONCAT without a separator
SELECT group_concat(sensor ORDER BY id SEPARATOR '') FROM reading
---
-- aggregates: JSON aggregates
SELECT dept, json_arrayagg(name) IS NOT NULL, json_objectagg(name, salary) IS NOT NULL FROM staff GROUP BY dept ORDER BY dept
---
-- aggregates: ROLLUP
SELECT dept, count(*), sum(salary) FROM staff GROUP BY dept WITH ROLLUP
---
-- aggregates: HAVING with an aggregate and an alias
SELECT dept, avg(salary) AS pay FROM staff GROUP BY dept HAVING pay > 4000 AND count(*) > 1 ORDER BY pay
---
-- aggregates: the sum of nothing
SELECT sum(salary), count(*), max(name), ifnull(sum(salary), 0) FROM staff WHERE FALSE
---
-- session: who and where
SELECT database() = schema(), version() IS NOT NULL, current_user() IS NOT NULL, current_user IS NOT NULL
---
-- session: names of the database and of the login
SELECT database() IS NOT NULL AS d, length(current_user()) > 0 AS u
---
-- layout: tables
SELECT table_name, table_type FROM information_schema.tables WHERE table_schema = database() AND table_name LIKE 's%' ORDER BY table_name
---
-- layout: columns
SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_schema = database() AND table_name = 'staff' ORDER BY ordinal_position
---
-- layout: keys
SELECT index_name, column_name FROM information_schema.statistics WHERE table_schema = database() AND table_name = 'lineitem' ORDER BY index_name, seq_in_index
---
-- layout: constraints
SELECT constraint_name, constraint_type FROM information_schema.table_constraints WHERE table_schema = database() AND table_name = 'partsupp'
---
-- hard: JSON: paths by arrows in calls
SELECT json_length(json_extract(doc, '$.items')) AS n, upper(json_unquote(json_extract(doc, '$.user.name'))) FROM event ORDER BY id
---
-- hard: JSON: JSON_VALUE and JSON_QUERY
SELECT json_value(doc, '$.user.name'), json_value(doc, '$.items[0].sku'), json_extract(doc, '$.items[*].sku') FROM event ORDER BY id
---
-- hard: JSON: building
SELECT json_object('a', 1, 'b', json_array(1, 'x', NULL, TRUE)), json_quote('it''s'), json_merge_patch('{"a": 1}', '{"b": 2}'), json_set('{"a": 1}', '$.b', 2), json_insert('{}', '$.a', 1), json_replace('{"a": 1}', '$.a', 2), json_remove('{"a": 1, "b": 2}', '$.a')
---
-- hard: JSON: searching
SELECT id, json_contains(doc, '"vip"', '$.tags'), json_contains_path(doc, 'one', '$.note', '$.x'), json_search(doc, 'one', 'Ada'), json_keys(doc, '$.user'), json_type(json_extract(doc, '$.total')), json_depth(doc), json_valid(doc) FROM event ORDER BY id
---
-- hard: JSON: keys with dots and spaces
SELECT json_extract(body, '$."k.e"'), json_unquote(json_extract(body, '$."q''s"')), json_extract(body, '$.a.b[2].c') FROM docs ORDER BY id
---
-- hard: JSON: JSON_TABLE of rows
SELECT e.id, j.sku, j.qty, j.qty * j.price AS amount FROM event e, json_table(e.doc, '$.items[*]' COLUMNS (sku varchar(10) PATH '$.sku', qty int PATH '$.qty', price decimal(10, 2) PATH '$.price')) AS j ORDER BY e.id, j.sku
---
-- hard: JSON: JSON_TABLE with everything
SELECT j.* FROM event e JOIN json_table(e.doc, '$' COLUMNS (n FOR ORDINALITY, kind varchar(20) PATH '$.kind', note varchar(20) PATH '$.note' DEFAULT 'none' ON EMPTY DEFAULT 'bad' ON ERROR, has int EXISTS PATH '$.tags', NESTED PATH '$.items[*]' COLUMNS (line FOR ORDINALITY, sku char(5) PATH '$.sku' NULL ON EMPTY))) j ON TRUE ORDER BY e.id, j.line
---
-- hard: JSON: JSON_TABLE in a LEFT JOIN
SELECT e.id, t.tag FROM event e LEFT JOIN json_table(e.doc, '$.tags[*]' COLUMNS (tag varchar(20) PATH '$')) t ON t.tag <> 'new' ORDER BY e.id, t.tag
---
-- hard: JSON: JSON_TABLE of a literal
SELECT t.n AS v, `t`.`a b` FROM json_table('[{"n": 4}, {"n": 5, "a b": "x"}]', '$[*]' columns (n int path '$.n', `a b` text path '$."a b"')) t ORDER BY 1
---
-- hard: JSON: JSON_TABLE aggregated
SELECT j.sku, sum(j.qty) AS total FROM event, json_table(doc, '$.items[*]' COLUMNS (sku varchar(10) PATH '$.sku', qty int PATH '$.qty')) j GROUP BY j.sku HAVING total > 1 ORDER BY total DESC
---
-- hard: JSON: JSON_TABLE in a CTE
WITH items AS (SELECT e.id, j.* FROM event e CROSS JOIN json_table(e.doc, '$.items[*]' COLUMNS (sku varchar(10) PATH '$.sku', price double PATH '$.price')) j) SELECT id, max(price) FROM items GROUP BY id ORDER BY id
---
-- hard: JSON: JSON_TABLE in EXISTS
SELECT id FROM event WHERE EXISTS (SELECT 1 FROM json_table(event.doc, '$.tags[*]' COLUMNS (tag varchar(20) PATH '$')) t WHERE t.tag = 'vip')
---
-- hard: variables: row numbers
SELECT @rn := @rn + 1 AS rn, s.name FROM staff s, (SELECT @rn := 0) r ORDER BY s.id
---
-- hard: variables: row numbers of groups
SELECT dept, name, @n := if(@d = dept, @n + 1, 1) AS n, @d := dept AS d FROM (SELECT dept, name FROM staff ORDER BY dept, name) t CROSS JOIN (SELECT @n := 0, @d := '') v
---
-- hard: variables: running total
SELECT id, amount, (@total := @total + amount) AS total FROM orders JOIN (SELECT @total := 0.00) init ORDER BY id
---
-- hard: variables: previous row
SELECT id, qty, @prev AS before_, @prev := qty AS now_ FROM stock_move, (SELECT @prev := NULL) p ORDER BY id
---
-- hard: variables: dense rank
SELECT name, salary, @rank := @rank + (salary <> @last) AS rank_, @last := salary FROM (SELECT name, salary FROM staff ORDER BY salary DESC, id) s, (SELECT @rank := 0, @last := -1) v
---
-- hard: variables: islands of days
SELECT min(d) AS first, max(d) AS last, count(*) AS days FROM (SELECT d, @g := if(d = @p + INTERVAL 1 DAY, @g, @g + 1) AS g, @p := d FROM (SELECT DISTINCT date(at) AS d FROM login WHERE person = 1 ORDER BY d) x, (SELECT @g := 0, @p := DATE '1970-01-01') v) y GROUP BY g ORDER BY first
---
-- hard: variables: a counter in CASE
SELECT id, CASE WHEN qty > 0 THEN @c := @c + 1 ELSE @c END AS ups FROM stock_move, (SELECT @c := 0) v ORDER BY id
---
-- hard: variables: names in quotes
SELECT @`my var` := 5 AS a, @"other one" := @`my var` + 1 AS b, @'third' := 7 AS c
---
-- hard: variables: a series of numbers
SELECT @i := @i + 1 AS i FROM staff, (SELECT @i := 0) z LIMIT 5
---
-- hard: variables: every second row
SELECT id FROM (SELECT id, @r := @r + 1 AS r FROM staff, (SELECT @r := 0) v ORDER BY id) t WHERE r % 2 = 0
---
-- hard: variables: in a condition
SELECT id FROM orders, (SELECT @seen := 0) v WHERE (@seen := @seen + 1) <= 3
---
-- hard: variables: a string built up
SELECT id, @s := concat(@s, label) AS s FROM tree, (SELECT @s := '') v ORDER BY id
---
-- hard: gaps: islands of logins
WITH days AS (SELECT DISTINCT person, date(at) AS d FROM login), numbered AS (
  SELECT person, d, date_sub(d, INTERVAL row_number() OVER (PARTITION BY person ORDER BY d) DAY) AS island FROM days)
SELECT person, min(d) AS first, max(d) AS last, count(*) AS n FROM numbered GROUP BY person, island ORDER BY person, first
---
-- hard: gaps: missing days
SELECT a.person, date(a.at) + INTERVAL 1 DAY AS gap_from, min(date(b.at)) - INTERVAL 1 DAY AS gap_to FROM login a
JOIN login b ON b.person = a.person AND b.at > a.at WHERE NOT EXISTS (SELECT 1 FROM login c WHERE c.person = a.person AND date(c.at) = date(a.at) + INTERVAL 1 DAY)
GROUP BY a.person, a.at HAVING gap_to >= gap_from ORDER BY 1, 2
---
-- hard: gaps: sessions of half an hour
SELECT sensor, session, count(*) AS n, min(at) AS begin_, max(at) AS end_ FROM (
  SELECT sensor, at, sum(fresh) OVER (PARTITION BY sensor ORDER BY at) AS session FROM (
    SELECT sensor, at, coalesce(timestampdiff(MINUTE, lag(at) OVER (PARTITION BY sensor ORDER BY at), at) > 15, 1) AS fresh FROM reading) f) s
GROUP BY sensor, session ORDER BY sensor, session
---
-- hard: calendar of a year
WITH RECURSIVE d (day) AS (SELECT DATE '2026-01-01' UNION ALL SELECT day + INTERVAL 1 DAY FROM d WHERE day < '2026-12-31')
SELECT month(day) AS m, count(*) AS days, sum(weekday(day) < 5) AS workdays FROM d GROUP BY m ORDER BY m
---
-- hard: calendar of more than a thousand days
WITH RECURSIVE d AS (SELECT DATE '2020-01-01' AS day UNION ALL SELECT day + INTERVAL 1 DAY FROM d WHERE day < '2026-12-31')
SELECT count(*), max(day) FROM d
---
-- hard: calendar filled with amounts
WITH RECURSIVE m AS (SELECT cast('2026-01-01' AS date) AS m UNION ALL SELECT date_add(m, INTERVAL 1 MONTH) FROM m WHERE m < '2026-06-01')
SELECT date_format(m.m, '%b %Y') AS month, coalesce(sum(e.debit), 0) AS debit FROM m LEFT JOIN entry e ON e.booked >= m.m AND e.booked < m.m + INTERVAL 1 MONTH GROUP BY m.m ORDER BY m.m
---
-- hard: recursion: chain of command
WITH RECURSIVE chain (id, name, level, path) AS (
  SELECT id, name, 0, cast(name AS char(200)) FROM staff WHERE boss IS NULL
  UNION ALL SELECT s.id, s.name, c.level + 1, concat(c.path, ' > ', s.name) FROM staff s JOIN chain c ON c.id = s.boss)
SELECT concat(repeat('  ', level), name) AS who, path FROM chain ORDER BY path
---
-- hard: recursion: sums up a tree
WITH RECURSIVE under AS (SELECT id AS top, id FROM staff UNION ALL SELECT u.top, s.id FROM under u JOIN staff s ON s.boss = u.id)
SELECT t.name, count(*) - 1 AS below, sum(s.salary) AS cost FROM under u JOIN staff s ON s.id = u.id JOIN staff t ON t.id = u.top GROUP BY t.id, t.name ORDER BY t.id
---
-- hard: recursion: Fibonacci and factorials
WITH RECURSIVE f (n, a, b, fact) AS (SELECT 1, 0, 1, cast(1 AS decimal(30, 0)) UNION ALL SELECT n + 1, b, a + b, fact * (n + 1) FROM f WHERE n < 20)
SELECT n, a, fact FROM f ORDER BY n
---
-- hard: recursion: a string in pieces
WITH RECURSIVE p (word, rest) AS (SELECT cast('' AS char(50)), 'a,bb,ccc,' UNION ALL
  SELECT substring_index(rest, ',', 1), substr(rest, locate(',', rest) + 1) FROM p WHERE rest <> '') SELECT word FROM p WHERE word <> '' ORDER BY word
---
-- hard: recursion: two CTEs, one of them recursive
WITH RECURSIVE base AS (SELECT 3 AS n), down AS (SELECT n FROM base UNION ALL SELECT n - 1 FROM down WHERE n > 0) SELECT d.n, b.n AS top FROM down d, base b ORDER BY d.n
---
-- hard: full text: in natural language
SELECT id, title FROM article WHERE MATCH (title, body) AGAINST ('backup restore') ORDER BY id
---
-- hard: full text: in boolean mode
SELECT id FROM article WHERE MATCH (title, body) AGAINST ('+database -index "make a backup"' IN BOOLEAN MODE) ORDER BY id
---
-- hard: full text: without brackets
SELECT id FROM article WHERE MATCH title, body AGAINST ('restore' IN NATURAL LANGUAGE MODE) ORDER BY id
---
-- hard: full text: with query expansion
SELECT count(*) > 0 AS found FROM article WHERE match(title, body) against ('drills' with query expansion)
---
-- hard: full text: its score
SELECT id, round(MATCH (article.title, article.body) AGAINST ('index'), 1) >= 0 AS score FROM article ORDER BY MATCH (title, body) AGAINST ('index') DESC, id
---
-- hard: full text: expansion in natural language
SELECT count(*) >= 1 FROM article a WHERE MATCH (a.title, a.body) AGAINST ('backup' IN NATURAL LANGUAGE MODE WITH QUERY EXPANSION)
---
-- hard: GROUP_CONCAT: with a limit
SELECT group_concat(name ORDER BY salary DESC, id LIMIT 2) AS top FROM staff
---
-- hard: GROUP_CONCAT: with a limit and a separator
SELECT dept, group_concat(DISTINCT name ORDER BY name SEPARATOR '/' LIMIT 1) AS one FROM staff GROUP BY dept ORDER BY dept
---
-- hard: GROUP_CONCAT: with an offset
SELECT group_concat(id ORDER BY id LIMIT 1, 2) AS a, group_concat(id ORDER BY id LIMIT 2 OFFSET 3) AS b FROM staff
---
-- hard: GROUP_CONCAT: as the first of a group
SELECT dept, substring_index(group_concat(name ORDER BY salary DESC, id), ',', 1) AS best FROM staff GROUP BY dept ORDER BY dept
---
-- hard: windows: every frame
SELECT id, sum(amount) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING) a, sum(amount) OVER (ORDER BY id ROWS 2 PRECEDING) b, count(*) OVER (ORDER BY id RANGE BETWEEN 2 PRECEDING AND CURRENT ROW) c, max(amount) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) d FROM orders ORDER BY id
---
-- hard: windows: named windows that build on each other
SELECT name, rank() OVER w AS r, dense_rank() OVER w AS dr, row_number() OVER (w2 ORDER BY hired) AS rn FROM staff WINDOW w2 AS (PARTITION BY dept), w AS (w2 ORDER BY salary DESC) ORDER BY id
---
-- hard: windows: lag and lead
SELECT sensor, at, v - lag(v) OVER (PARTITION BY sensor ORDER BY at) AS diff, lead(v, 2) OVER (PARTITION BY sensor ORDER BY at) AS after_, nth_value(v, 2) OVER (PARTITION BY sensor ORDER BY at) AS second_ FROM reading ORDER BY id
---
-- hard: windows: over aggregates
SELECT dept, sum(salary) AS s, rank() OVER (ORDER BY sum(salary) DESC) AS r, sum(sum(salary)) OVER (ORDER BY dept) AS run FROM staff GROUP BY dept ORDER BY dept
---
-- hard: windows: median by hand
SELECT sensor, avg(v) AS median FROM (SELECT sensor, v, row_number() OVER (PARTITION BY sensor ORDER BY v) AS rn, count(*) OVER (PARTITION BY sensor) AS n FROM reading WHERE v IS NOT NULL) t WHERE rn IN (floor((n + 1) / 2), ceil((n + 1) / 2)) GROUP BY sensor ORDER BY sensor
---
-- hard: windows: percent of the group
SELECT dept, name, round(100 * salary / sum(salary) OVER (PARTITION BY dept), 1) AS pct FROM staff ORDER BY dept, pct DESC, name
---
-- hard: windows: last value that is known
SELECT id, at, v, max(v) OVER (PARTITION BY sensor, grp) AS filled FROM (SELECT r.*, count(v) OVER (PARTITION BY sensor ORDER BY at) AS grp FROM reading r) x ORDER BY id
---
-- hard: hard: deduplicated by the newest
SELECT * FROM (SELECT s.*, row_number() OVER (PARTITION BY sku ORDER BY moved DESC) AS rn FROM stock_move s) x WHERE rn = 1 ORDER BY sku
---
-- hard: hard: as-of join
SELECT o.id, (SELECT m.qty FROM stock_move m WHERE m.sku = 'A' AND m.moved <= '2026-01-05' + INTERVAL o.id HOUR ORDER BY m.moved DESC LIMIT 1) AS q FROM orders o ORDER BY o.id
---
-- hard: hard: overlapping periods
SELECT a.id, b.id FROM invoice a JOIN invoice b ON a.id < b.id AND a.issued <= b.due AND b.issued <= a.due ORDER BY 1, 2
---
-- hard: hard: relational division
SELECT s_id FROM partsupp WHERE p_id IN (1, 4) GROUP BY s_id HAVING count(DISTINCT p_id) = 2
---
-- hard: hard: all pairs without order
SELECT group_concat(concat(a.name, '+', b.name) ORDER BY a.id, b.id SEPARATOR ';') AS pairs FROM staff a JOIN staff b ON a.id < b.id WHERE a.dept = b.dept
---
-- hard: hard: numbers without a table
SELECT t.n * 10 + u.n AS x FROM (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2) t, (SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3) u WHERE t.n * 10 + u.n BETWEEN 2 AND 21 ORDER BY x
---
-- hard: hard: words of a text counted
SELECT id, char_length(body) - char_length(replace(body, ' ', '')) + 1 AS words FROM article ORDER BY id
---
-- hard: hard: ABC analysis
SELECT p_name, value, CASE WHEN run / total <= 0.7 THEN 'A' WHEN run / total <= 0.9 THEN 'B' ELSE 'C' END AS class FROM (SELECT p_name, sum(ps_cost * ps_qty) AS value, sum(sum(ps_cost * ps_qty)) OVER (ORDER BY sum(ps_cost * ps_qty) DESC) AS run, sum(sum(ps_cost * ps_qty)) OVER () AS total FROM partsupp JOIN part USING (p_id) GROUP BY p_name) t ORDER BY value DESC
---
-- hard: hard: cohorts
WITH f AS (SELECT person, min(date(at)) AS first FROM login GROUP BY person) SELECT f.first, datediff(date(l.at), f.first) AS day_, count(DISTINCT l.person) AS people FROM login l JOIN f USING (person) GROUP BY f.first, day_ ORDER BY 1, 2
---
-- hard: hard: first in, first out
WITH inn AS (SELECT sku, id, sum(qty) OVER (PARTITION BY sku ORDER BY moved) AS cum, qty FROM stock_move WHERE qty > 0), outt AS (SELECT sku, -sum(qty) AS gone FROM stock_move WHERE qty < 0 GROUP BY sku) SELECT i.sku, i.id, greatest(least(i.qty, i.cum - o.gone), 0) AS remaining FROM inn i JOIN outt o USING (sku) ORDER BY i.id
---
-- hard: hard: a condition of rows and nested CASE
SELECT id, CASE WHEN (customer_id, status) IN ((1, 'paid'), (3, 'paid')) THEN CASE WHEN amount > 50 THEN 'x' ELSE 'y' END ELSE 'z' END AS k FROM orders ORDER BY id
---
-- hard: hard: comments of every kind
SELECT /* block */ id, -- line
  name # other
FROM staff /* more; ' " ` */ WHERE id = 1 -- end
---
-- hard: hard: geometry
SELECT id, st_x(place), st_y(place), st_astext(place), st_distance(place, point(0, 0)), st_within(place, st_geomfromtext('POLYGON((-1 -1, 5 -1, 5 5, -1 5, -1 -1))')) FROM event ORDER BY id
---
-- hard: hard: deep brackets
SELECT ((((1 + 2)) * (3 - (4 / (2)))) % (5)) AS x, (((SELECT (max(id)) FROM staff))) AS y
---
-- hard: hard: a long OR
SELECT count(*) FROM orders WHERE id = 1 OR id = 2 OR id = 3 OR id = 4 OR (id = 5 AND status = 'paid') OR (status IS NULL AND NOT (amount < 1)) OR amount IN (10.5, 42) OR status LIKE 'o%'
---
-- SHOW: tables
SHOW TABLES
---
-- SHOW: tables like
show tables like 's%'
---
-- SHOW: full tables
SHOW FULL TABLES LIKE 'open\_%'
---
-- SHOW: columns
SHOW COLUMNS FROM staff
---
-- SHOW: columns like
show fields in lineitem like 'l\_%';
---
-- SHOW: index
SHOW INDEX FROM nation
---
-- SHOW: databases
SHOW DATABASES LIKE 'inform%'
---
-- SHOW: describe
DESCRIBE staff
---
-- SHOW: desc a column
desc staff salary
---
-- SHOW: describe like
DESCRIBE `Mixed Case` 'sel%'
---
-- SHOW: explain a table
EXPLAIN customers
---
-- plan: of a query
-- varies
EXPLAIN SELECT * FROM staff WHERE id = 1
---
-- plan: of a join
-- varies
explain select s.name from staff s join orders o on o.id = s.id
---
-- hard: not everywhere: digests
SELECT md5('a'), sha('b'), sha1('c')
---
-- hard: not everywhere: MariaDB's own
SELECT nvl(NULL, 1), nvl2(1, 2, 3), chr(65), json_query('{"a": [1]}', '$.a'), json_exists('{"a": 1}', '$.a'), json_compact('{"a":  1}'), add_months('2026-01-31', 1), to_char(DATE '2026-01-31', 'YYYY-MM')
---
-- hard: not everywhere: percentiles
SELECT DISTINCT dept, percentile_cont(0.5) WITHIN GROUP (ORDER BY salary) OVER (PARTITION BY dept) AS p, median(salary) OVER (PARTITION BY dept) AS m FROM staff ORDER BY dept
---
-- hard: not everywhere: overlaps
SELECT json_overlaps('[1, 2]', '[2, 3]'), st_distance_sphere(point(0, 0), point(0, 1)) > 0
---
-- more: an aggregate of a CASE of a window
SELECT dept, max(CASE WHEN rn = 1 THEN name END) AS newest, count(*) FROM (SELECT s.*, row_number() OVER (PARTITION BY dept ORDER BY hired DESC) AS rn FROM staff s) t GROUP BY dept ORDER BY dept
---
-- more: two levels of WITH
WITH a AS (WITH b AS (SELECT dept, sum(salary) AS s FROM staff GROUP BY dept) SELECT max(s) AS m FROM b) SELECT m FROM a
---
-- more: a join on an expression
SELECT o.id, i.id FROM orders o JOIN invoice i ON year(o.placed) = year(i.issued) AND month(o.placed) = month(i.issued) ORDER BY 1, 2
---
-- more: an order by a subquery's title
SELECT dept, count(*) FROM staff GROUP BY dept ORDER BY count(*) DESC, dept
---
-- more: a filter on a window
SELECT * FROM (SELECT id, amount, amount - avg(amount) OVER () AS off FROM orders) t WHERE off > 0 ORDER BY id
---
-- more: rows of a year by month, with zero
SELECT m.m, ifnull(sum(o.o_total), 0) AS total FROM (SELECT 1 AS m UNION SELECT 2 UNION SELECT 3 UNION SELECT 4) m LEFT JOIN sales o ON month(o.o_date) = m.m GROUP BY m.m ORDER BY m.m
---
-- more: a set column
SELECT id, find_in_set('a', flags) > 0, flags & 1 FROM docs WHERE flags LIKE '%a%' ORDER BY id
---
-- more: an enum in an order
SELECT kind, count(*) FROM account GROUP BY kind ORDER BY kind, kind + 0
---
-- more: a time past a day
SELECT addtime('23:59:59', '02:00:00'), subtime('01:00:00', '02:00:00'), timediff('2026-01-02 00:00:00', '2026-01-01 12:00:00')
---
-- more: the remainder of a negative
SELECT -7 % 3, mod(-7, 3), -7 DIV 3, 7 % (2), (7) % (2 + 1)
---
-- more: bits in a condition
SELECT id FROM docs WHERE bits & b'00101' = 5 OR big & 1 ORDER BY id
---
-- hard: more: a bill of materials
WITH RECURSIVE bom (item, part, qty, level) AS (SELECT 'car', 'wheel', 4, 1 UNION ALL SELECT 'car', 'bolt', qty * 5, level + 1 FROM bom WHERE part = 'wheel' AND level < 2) SELECT part, sum(qty) FROM bom GROUP BY part ORDER BY part
---
-- hard: more: the longest run of increases
SELECT max(n) FROM (SELECT count(*) AS n FROM (SELECT id, sum(down) OVER (ORDER BY id) AS g FROM (SELECT id, coalesce(amount <= lag(amount) OVER (ORDER BY id), 0) AS down FROM orders) a) b GROUP BY g) c
---
-- hard: more: a histogram in text
SELECT dept, repeat('#', count(*)) AS bar, rpad(dept, 6, '.') AS label FROM staff GROUP BY dept ORDER BY count(*) DESC, dept
---
-- hard: more: a matrix by GROUP_CONCAT
SELECT r.r_name, group_concat(concat(n.n_name, '=', ifnull(s.cnt, 0)) ORDER BY n.n_id SEPARATOR ' ') AS m FROM region r LEFT JOIN nation n USING (r_id) LEFT JOIN (SELECT n_id, count(*) AS cnt FROM supplier GROUP BY n_id) s USING (n_id) GROUP BY r.r_id, r.r_name ORDER BY r.r_id
---
-- joins: JOIN without a condition before NATURAL JOIN
SELECT count(*) FROM staff a JOIN nation b NATURAL JOIN region c
---
-- hard: joins: commas bind less than JOIN
SELECT count(*), min(n.n_id) FROM region r JOIN nation n JOIN supplier s USING (n_id), part p INNER JOIN partsupp ps ON ps.p_id = p.p_id
---
-- titles: of introducers
SELECT _utf8mb4'q', N'x', _latin1 'abc', concat(_utf8mb4'a', 'b')
---
-- BINARY with brackets: compared byte by byte
SELECT id, binary(city), binary (city) = 'X' AS same, (binary(city)) LIKE 'V%' AS likes, cast(city AS binary(2)) AS cut, convert(city, binary(2)) FROM customers WHERE NOT binary(city) = 'vienna' GROUP BY id, binary(city) ORDER BY binary(city), id
---
-- NOT IN on the right of a comparison
SELECT id, amount > 20 = status NOT IN ('paid') AS same, 1 = amount NOT BETWEEN 1 AND 50 AS far FROM orders ORDER BY id
---
-- whole numbers of a division, twice
SELECT id, amount DIV 2 DIV 3, 100 DIV id MOD 7 FROM orders ORDER BY id
---
-- comparisons of both kinds beside each other
SELECT id FROM orders WHERE status NOT LIKE 'p%' AND status LIKE 'o%' OR amount NOT BETWEEN 1 AND 50 AND status NOT IN ('void') ORDER BY status NOT LIKE 'p%', id IN (1, 2), id
---
-- CASE between two comparisons
SELECT CASE WHEN status NOT LIKE 'p%' THEN id IN (1) ELSE id NOT IN (2) END AS a, status NOT LIKE 'x' = (status LIKE 'p%') AS b FROM orders ORDER BY id
---
-- titles: a text after a literal of time
SELECT timestamp '2026-01-31 10:00:00' "5", date '2026-01-31' 'day', time '10:11:12' '3'
---
-- statistics after a load
analyze table orders_h
---
-- statistics of several tables
ANALYZE TABLE `customer`, orders_h;

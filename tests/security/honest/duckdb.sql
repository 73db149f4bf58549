-- orders of each city
SELECT c.city, count(*) AS n, sum(o.amount) AS total FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.city ORDER BY 1 NULLS LAST
---
-- running total
SELECT id, sum(amount) OVER (ORDER BY id) AS total FROM orders ORDER BY id
---
-- when it ran
-- varies
SELECT now() AS at, id FROM customers
---
-- last order of each customer
SELECT customer_id, placed FROM orders QUALIFY row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC NULLS LAST) = 1 ORDER BY 1 NULLS FIRST
---
-- hard: path of each node
WITH RECURSIVE path AS (
  SELECT id, label::text AS way FROM tree WHERE parent IS NULL
  UNION ALL SELECT t.id, path.way || '/' || t.label FROM tree t JOIN path ON t.parent = path.id
)
SELECT * FROM path ORDER BY way
---
-- TPC-H 1: pricing summary
SELECT region, sku, sum(quantity) AS sum_qty, sum(price) AS sum_base, sum(price * (1 - discount)) AS sum_disc, avg(quantity) AS avg_qty, count(*) AS n FROM shop.sales WHERE sold_on <= DATE '2025-12-01' - INTERVAL '90' DAY GROUP BY region, sku ORDER BY region, sku
---
-- TPC-H 3: unshipped orders
SELECT o.id, sum(o.amount) AS revenue, o.placed FROM customers c, orders o WHERE c.id = o.customer_id AND o.placed < TIMESTAMP '2026-03-15' GROUP BY o.id, o.placed ORDER BY revenue DESC, o.placed LIMIT 10
---
-- TPC-H 4: orders with a late line
SELECT status, count(*) AS n FROM orders o WHERE EXISTS (SELECT * FROM customers c WHERE c.id = o.customer_id AND c.active) GROUP BY status ORDER BY status
---
-- TPC-H 6: forecast
SELECT sum(price * discount) AS revenue FROM shop.sales WHERE sold_on >= DATE '2025-01-01' AND sold_on < DATE '2025-01-01' + INTERVAL 1 YEAR AND discount BETWEEN 0.05 AND 0.15 AND quantity < 8
---
-- TPC-H 8: share of a region by year
SELECT year(sold_on) AS y, sum(CASE WHEN region = 'north' THEN price ELSE 0 END) / sum(price) AS share FROM shop.sales GROUP BY y ORDER BY y
---
-- TPC-H 12: counts by a condition
SELECT region, sum(CASE WHEN sku = 'A-1' OR sku = 'A-2' THEN 1 ELSE 0 END) AS high, sum(CASE WHEN sku <> 'A-1' AND sku <> 'A-2' THEN 1 ELSE 0 END) AS low FROM shop.sales WHERE region IN ('north', 'south') GROUP BY region ORDER BY region
---
-- TPC-H 13: distribution of customers
SELECT c_count, count(*) AS custdist FROM (SELECT c.id, count(o.id) FROM customers c LEFT OUTER JOIN orders o ON c.id = o.customer_id AND o.status NOT LIKE '%oi%' GROUP BY c.id) AS c_orders (c_id, c_count) GROUP BY c_count ORDER BY custdist DESC, c_count DESC
---
-- TPC-H 15: top supplier by WITH
WITH revenue AS (SELECT sku, sum(price * (1 - discount)) AS total FROM shop.sales GROUP BY sku) SELECT p.sku, p.title, total FROM shop.products p, revenue r WHERE p.sku = r.sku AND total = (SELECT max(total) FROM revenue)
---
-- TPC-H 16: not in a subquery
SELECT family, count(DISTINCT sku) AS n FROM shop.products WHERE sku NOT IN (SELECT sku FROM shop.sales WHERE quantity > 100) GROUP BY family ORDER BY n DESC, family
---
-- TPC-H 17: below a fifth of the average
SELECT sum(price) / 7.0 AS avg_yearly FROM shop.sales s WHERE quantity < (SELECT 0.9 * avg(quantity) FROM shop.sales i WHERE i.sku = s.sku)
---
-- TPC-H 18: large volumes
SELECT c.name, o.id, o.amount FROM customers c JOIN orders o ON o.customer_id = c.id WHERE o.id IN (SELECT id FROM orders GROUP BY id HAVING sum(amount) > 50) ORDER BY o.amount DESC
---
-- TPC-H 19: a disjunction of ranges
SELECT sum(price * (1 - discount)) AS revenue FROM shop.sales WHERE (sku = 'A-1' AND quantity BETWEEN 1 AND 5) OR (sku = 'B-1' AND quantity BETWEEN 3 AND 8 AND region IN ('north', 'east')) OR (sku LIKE 'C%' AND NOT quantity > 4)
---
-- TPC-H 22: codes of countries
SELECT cntry, count(*) AS n FROM (SELECT substring(name FROM 1 FOR 1) AS cntry, id FROM customers WHERE substring(name FROM 1 FOR 1) IN ('A', 'B', 'O')) t WHERE NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = t.id AND amount > 1000) GROUP BY cntry ORDER BY cntry
---
-- TPC-DS: rollup of sales
SELECT region, sku, sum(price) AS total, grouping(region) + grouping(sku) AS level FROM shop.sales GROUP BY ROLLUP (region, sku) ORDER BY level DESC, region NULLS LAST, sku NULLS LAST
---
-- TPC-DS: rank inside of a class
SELECT * FROM (SELECT region, sku, sum(price) AS s, rank() OVER (PARTITION BY region ORDER BY sum(price) DESC) AS r FROM shop.sales GROUP BY region, sku) WHERE r <= 2 ORDER BY region NULLS FIRST, r, sku
---
-- TPC-DS: year over year
WITH y AS (SELECT month(sold_on) AS m, sum(price) AS s FROM shop.sales GROUP BY 1) SELECT a.m, a.s, b.s AS before, a.s - b.s AS delta FROM y a LEFT JOIN y b ON b.m = a.m - 1 ORDER BY a.m
---
-- TPC-DS: ratio to the class
SELECT sku, region, sum(price) AS s, sum(price) * 100.0 / sum(sum(price)) OVER (PARTITION BY region) AS ratio FROM shop.sales GROUP BY sku, region ORDER BY region, ratio, sku
---
-- TPC-DS: grouping sets
SELECT region, sku, count(*) AS n FROM shop.sales GROUP BY GROUPING SETS ((region), (sku), ()) ORDER BY ALL
---
-- TPC-DS: cube with having
SELECT region, sku, max(quantity) AS top FROM shop.sales GROUP BY CUBE (region, sku) HAVING count(*) > 5 ORDER BY ALL
---
-- TPC-DS: intersect of buyers
SELECT sku FROM shop.sales WHERE region = 'north' INTERSECT SELECT sku FROM shop.sales WHERE region = 'south' ORDER BY sku
---
-- TPC-DS: except of buyers
SELECT sku FROM shop.products EXCEPT SELECT sku FROM shop.sales WHERE quantity > 8 ORDER BY 1
---
-- profit and loss by account tree
WITH RECURSIVE tree AS (SELECT number, parent, name, name AS path FROM accounts WHERE parent IS NULL UNION ALL SELECT a.number, a.parent, a.name, t.path || ' > ' || a.name FROM accounts a JOIN tree t ON a.parent = t.number) SELECT t.path, sum(coalesce(e.debit, 0) - coalesce(e.credit, 0)) AS balance FROM tree t LEFT JOIN entries e ON e.account = t.number GROUP BY t.path ORDER BY t.path
---
-- trial balance
SELECT a.number, a.name, sum(e.debit) AS debit, sum(e.credit) AS credit, coalesce(sum(e.debit), 0) - coalesce(sum(e.credit), 0) AS balance FROM accounts a JOIN entries e ON e.account = a.number GROUP BY ALL ORDER BY a.number
---
-- running balance of an account
SELECT id, booked, sum(coalesce(debit, 0) - coalesce(credit, 0)) OVER (PARTITION BY account ORDER BY booked, id ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS balance FROM entries ORDER BY account, booked, id
---
-- open items by age
SELECT CASE WHEN date_diff('day', booked, DATE '2026-04-01') <= 30 THEN '0-30' WHEN date_diff('day', booked, DATE '2026-04-01') <= 60 THEN '31-60' ELSE 'older' END AS bucket, count(*) AS n, sum(debit) AS total FROM entries GROUP BY bucket ORDER BY bucket
---
-- gaps in numbers
SELECT id + 1 AS missing_from, next - 1 AS missing_to FROM (SELECT id, lead(id) OVER (ORDER BY id) AS next FROM orders WHERE id NOT IN (3, 4)) WHERE next > id + 1
---
-- islands of dates
WITH d AS (SELECT DISTINCT booked FROM entries), g AS (SELECT booked, booked - CAST(row_number() OVER (ORDER BY booked) AS INTEGER) AS grp FROM d) SELECT min(booked) AS first, max(booked) AS last, count(*) AS days FROM g GROUP BY grp ORDER BY first
---
-- sessions of half an hour
SELECT person, session, min(seen) AS began, count(*) AS n FROM (SELECT *, sum(CASE WHEN seen - before <= INTERVAL '30 minutes' THEN 0 ELSE 1 END) OVER (PARTITION BY person ORDER BY seen, id) AS session FROM (SELECT *, lag(seen) OVER (PARTITION BY person ORDER BY seen, id) AS before FROM events)) GROUP BY person, session ORDER BY person, session
---
-- calendar of a month
SELECT CAST(d AS DATE) AS day, dayname(d) AS name, isodow(d) AS dow, weekofyear(d) AS week, last_day(d) AS month_end FROM generate_series(TIMESTAMP '2026-02-01', TIMESTAMP '2026-02-28', INTERVAL 1 DAY) AS t(d) ORDER BY d
---
-- calendar with sales on days without any
SELECT c.day, coalesce(sum(s.price), 0) AS total FROM (SELECT CAST(range AS DATE) AS day FROM range(DATE '2025-01-01', DATE '2025-01-15', INTERVAL 1 DAY)) c LEFT JOIN shop.sales s ON s.sold_on = c.day GROUP BY c.day ORDER BY c.day
---
-- months between two dates
SELECT strftime(m, '%Y-%m') AS month FROM range(DATE '2025-11-01', DATE '2026-03-01', INTERVAL '1 month') r(m)
---
-- first and last of a quarter
SELECT date_trunc('quarter', sold_on) AS q, min(sold_on), max(sold_on) FROM shop.sales GROUP BY q ORDER BY q
---
-- moving average of seven rows
SELECT sold_on, avg(price) OVER (ORDER BY sold_on, id ROWS BETWEEN 3 PRECEDING AND 3 FOLLOWING) AS ma FROM shop.sales ORDER BY sold_on, id
---
-- moving sum of seven days
SELECT sold_on, id, sum(price) OVER (ORDER BY sold_on RANGE BETWEEN INTERVAL 7 DAYS PRECEDING AND CURRENT ROW) AS week FROM shop.sales ORDER BY sold_on, id
---
-- hourly buckets
SELECT time_bucket(INTERVAL '1 hour', seen) AS hour, avg(celsius) AS mean, count(celsius) AS n FROM readings GROUP BY hour ORDER BY hour
---
-- filling holes with the last value
SELECT sensor, seen, last_value(celsius IGNORE NULLS) OVER (PARTITION BY sensor ORDER BY seen) AS filled FROM readings ORDER BY sensor, seen LIMIT 30
---
-- linear filling of holes
SELECT sensor, seen, fill(celsius) OVER (PARTITION BY sensor ORDER BY seen) AS filled FROM readings ORDER BY sensor, seen LIMIT 30
---
-- percentiles
SELECT sensor, quantile_cont(celsius, 0.5) AS p50, quantile_cont(celsius, [0.25, 0.75]) AS iqr, mad(celsius) AS mad FROM readings GROUP BY sensor ORDER BY sensor
---
-- median without a name
SELECT sensor, median(celsius), mode(celsius), stddev_samp(celsius), var_pop(celsius) FROM readings GROUP BY sensor ORDER BY sensor
---
-- regression
SELECT regr_slope(quantity, price) AS slope, regr_intercept(quantity, price) AS intercept, corr(quantity, price) AS r FROM shop.sales
---
-- ABC analysis
WITH r AS (SELECT sku, sum(price * quantity) AS v FROM shop.sales GROUP BY sku), c AS (SELECT sku, v, sum(v) OVER (ORDER BY v DESC, sku) / sum(v) OVER () AS share FROM r) SELECT sku, CASE WHEN share <= 0.7 THEN 'A' WHEN share <= 0.9 THEN 'B' ELSE 'C' END AS class FROM c ORDER BY sku
---
-- new and returning buyers
SELECT person, min(seen) OVER (PARTITION BY person) = seen AS is_new, count(*) FILTER (WHERE kind = 'click') OVER (PARTITION BY person) AS clicks FROM events ORDER BY person, seen, id
---
-- funnel
SELECT count(DISTINCT person) FILTER (WHERE kind = 'open') AS opened, count(DISTINCT person) FILTER (WHERE kind = 'click') AS clicked, count(DISTINCT person) FILTER (kind = 'close') AS closed FROM events
---
-- cohort by month
SELECT date_trunc('month', first) AS cohort, count(*) AS n FROM (SELECT customer_id, min(placed) AS first FROM orders GROUP BY customer_id) GROUP BY cohort ORDER BY cohort
---
-- top row of each group by DISTINCT ON
SELECT DISTINCT ON (customer_id) customer_id, id, amount FROM orders ORDER BY customer_id, amount DESC, id
---
-- top two by QUALIFY
SELECT region, sku, price FROM shop.sales QUALIFY row_number() OVER (PARTITION BY region ORDER BY price DESC, id) <= 2 ORDER BY ALL
---
-- QUALIFY with an alias
SELECT id, price, dense_rank() OVER (ORDER BY price DESC) AS r FROM shop.sales QUALIFY r = 1 ORDER BY id
---
-- QUALIFY in brackets
SELECT id FROM shop.sales QUALIFY (row_number() OVER (ORDER BY id) < 4) ORDER BY id
---
-- a named window
SELECT id, row_number() OVER w, sum(amount) OVER w FROM orders WINDOW w AS (PARTITION BY customer_id ORDER BY id) ORDER BY id
---
-- two named windows
SELECT id, first_value(amount) OVER a AS f, last_value(amount) OVER b AS l FROM orders WINDOW a AS (ORDER BY id), b AS (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) ORDER BY id
---
-- ntile and percent rank
SELECT id, ntile(3) OVER (ORDER BY amount, id) AS third, percent_rank() OVER (ORDER BY amount) AS pr, cume_dist() OVER (ORDER BY amount) AS cd FROM orders ORDER BY id
---
-- lead with offset and default
SELECT id, lead(amount, 2, 0) OVER (ORDER BY id) AS two_on, nth_value(amount, 2) OVER (ORDER BY id) AS second FROM orders ORDER BY id
---
-- hard: frame in groups without ties
SELECT id, sum(quantity) OVER (ORDER BY price GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING EXCLUDE TIES) AS s FROM shop.sales ORDER BY id
---
-- hard: frame without the current row
SELECT id, avg(amount) OVER (ORDER BY id ROWS BETWEEN 2 PRECEDING AND 2 FOLLOWING EXCLUDE CURRENT ROW) FROM orders ORDER BY id
---
-- hard: lag that skips nulls, inside the brackets
SELECT sensor, seen, lag(celsius, 1 IGNORE NULLS) OVER (PARTITION BY sensor ORDER BY seen) AS before FROM readings ORDER BY sensor, seen LIMIT 40
---
-- hard: order inside a window function
SELECT id, first_value(id ORDER BY amount DESC, id) OVER () AS dearest FROM orders ORDER BY id
---
-- semi join
SELECT c.name FROM customers c SEMI JOIN orders o ON o.customer_id = c.id ORDER BY c.name
---
-- anti join
SELECT c.name FROM customers c ANTI JOIN orders o ON (o.customer_id = c.id) ORDER BY c.name
---
-- semi join with USING
SELECT sku FROM shop.products SEMI JOIN shop.sales USING (sku) ORDER BY sku
---
-- asof join
SELECT s.id, s.sku, p.price FROM shop.sales s ASOF JOIN prices p ON s.sku = p.sku AND s.sold_on >= p.valid_from ORDER BY s.id
---
-- asof left join
SELECT s.id, p.valid_from FROM shop.sales s ASOF LEFT JOIN prices p ON s.sku = p.sku AND s.sold_on >= p.valid_from ORDER BY s.id
---
-- positional join
SELECT a.id, b.id AS other FROM customers a POSITIONAL JOIN tree b ORDER BY a.id
---
-- natural join
SELECT count(*) FROM shop.products NATURAL JOIN (SELECT DISTINCT sku FROM shop.sales)
---
-- full join
SELECT c.id, o.id AS order_id FROM customers c FULL OUTER JOIN orders o ON o.customer_id = c.id ORDER BY c.id NULLS LAST, o.id NULLS LAST
---
-- cross join of ranges
SELECT a.i, b.j, a.i * b.j AS product FROM range(1, 4) a(i) CROSS JOIN range(1, 4) b(j) ORDER BY 1, 2
---
-- self join of a hierarchy
SELECT a.name AS child, p.name AS parent FROM accounts a LEFT JOIN accounts p ON p.number = a.parent ORDER BY a.number
---
-- lateral subquery
SELECT c.name, l.amount FROM customers c, LATERAL (SELECT amount FROM orders o WHERE o.customer_id = c.id ORDER BY amount DESC LIMIT 1) l ORDER BY c.name
---
-- left join lateral
SELECT c.name, l.n FROM customers c LEFT JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE o.customer_id = c.id) l ON TRUE ORDER BY c.name
---
-- lateral without the word
SELECT t.x, u.y FROM range(3) t(x), (SELECT t.x * 2 AS y) u ORDER BY t.x
---
-- correlated scalar subquery
SELECT name, (SELECT max(amount) FROM orders o WHERE o.customer_id = c.id) AS top FROM customers c ORDER BY name
---
-- any and all
SELECT id FROM orders WHERE amount > ALL (SELECT price FROM prices) AND customer_id = ANY (SELECT id FROM customers) ORDER BY id
---
-- hard: any of a list
SELECT id FROM orders WHERE status = ANY (['paid', 'void']) ORDER BY id
---
-- in a list of rows
SELECT id FROM orders WHERE (customer_id, status) IN ((1, 'paid'), (3, 'void')) ORDER BY id
---
-- hard: IN without brackets, over a column
SELECT sku FROM shop.products WHERE 'desk' IN tags ORDER BY sku
---
-- hard: IN over a list
SELECT id FROM orders WHERE status IN ['paid', 'open'] ORDER BY id
---
-- hard: NOT IN over a list
SELECT id FROM orders WHERE status NOT IN ['paid', 'open'] ORDER BY id
---
-- union of columns by name
SELECT id, name FROM customers UNION ALL BY NAME SELECT id, label AS name, parent FROM tree ORDER BY id, name
---
-- hard: union by name in brackets
(SELECT 1 AS a) UNION ALL BY NAME (SELECT 2 AS b) ORDER BY a
---
-- union by name without ALL
SELECT 1 AS a, 2 AS b UNION BY NAME SELECT 2 AS b, 1 AS a
---
-- intersect all
SELECT status FROM orders INTERSECT ALL SELECT status FROM orders WHERE id > 3 ORDER BY 1
---
-- except all
SELECT status FROM orders EXCEPT ALL SELECT status FROM orders WHERE id > 6 ORDER BY 1
---
-- union in brackets with a limit
(SELECT id FROM orders ORDER BY id DESC LIMIT 2) UNION ALL (SELECT id FROM customers ORDER BY id LIMIT 1) ORDER BY 1
---
-- three unions
SELECT 1 AS x UNION SELECT 2 UNION ALL SELECT 2 EXCEPT SELECT 1 ORDER BY x
---
-- values as a query
VALUES (1, 'a'), (2, 'b')
---
-- values as a table
SELECT x, y FROM (VALUES (1, 'a'), (2, 'b')) AS t(x, y) ORDER BY x DESC
---
-- values in WITH
WITH t(x, y) AS (VALUES (1, 2), (3, 4)) SELECT sum(x * y) FROM t
---
-- hard: values without brackets
SELECT * FROM VALUES (1, 'a'), (2, 'b') t(x, y) ORDER BY x
---
-- table statement
TABLE tree ORDER BY id
---
-- FROM alone
FROM tree ORDER BY id
---
-- FROM first
FROM orders SELECT status, count(*) AS n GROUP BY status ORDER BY ALL
---
-- hard: FROM first with a join
FROM orders o JOIN customers c ON c.id = o.customer_id SELECT c.name, sum(o.amount) AS total GROUP BY c.name ORDER BY c.name
---
-- hard: FROM first with USING
FROM shop.sales JOIN shop.products USING (sku) SELECT count(*), max(weight)
---
-- hard: FROM first with a comma
FROM customers c, orders o SELECT c.name, o.id WHERE c.id = o.customer_id ORDER BY o.id
---
-- hard: FROM first with a semi join and a filter
FROM customers c SEMI JOIN orders o ON c.id = o.customer_id SELECT name WHERE active ORDER BY name
---
-- hard: FROM first in a subquery
SELECT (FROM orders SELECT count(*)) AS n, (FROM range(3) SELECT sum(range)) AS s
---
-- hard: FROM first with three joins
FROM shop.sales s LEFT JOIN shop.products p USING (sku) LEFT JOIN prices q ON q.sku = s.sku AND q.valid_from < s.sold_on SELECT s.region, count(q.price) GROUP BY ALL ORDER BY ALL
---
-- hard: FROM first in WITH and in a union
WITH a AS (FROM tree WHERE parent IS NULL), b AS (FROM tree SELECT id, parent, label WHERE parent = 1) FROM a UNION ALL FROM b ORDER BY id
---
-- hard: lateral joins in FROM first
FROM range(3) t(i), range(2) u(j) SELECT i, j ORDER BY i, j
---
-- JSON path of text
SELECT id, payload ->> '$.user.name' AS name FROM events ORDER BY id LIMIT 5
---
-- hard: JSON arrow in a comparison
SELECT id FROM events WHERE payload ->> 'page' = '/p/1' ORDER BY id
---
-- hard: JSON arrow in IN
SELECT count(*) FROM events WHERE payload ->> 'page' IN ('/p/1', '/p/2')
---
-- hard: JSON arrow in NOT IN
SELECT count(*) FROM events WHERE payload ->> 'page' NOT IN ('/p/1', '/p/2')
---
-- hard: JSON arrow in LIKE
SELECT count(*) FROM events WHERE payload ->> 'page' LIKE '/p/%'
---
-- hard: JSON arrow in NOT LIKE
SELECT count(*) FROM events WHERE payload ->> 'page' NOT LIKE '%1'
---
-- hard: JSON arrow in ILIKE with a pattern
SELECT count(*) FROM events WHERE payload ->> 'page' ILIKE '/P/_'
---
-- hard: JSON arrow in a call
SELECT upper(payload ->> 'page'), length(payload ->> 'page') FROM events ORDER BY id LIMIT 3
---
-- hard: JSON arrow in a call of two arguments
SELECT concat(payload ->> 'page', '!'), coalesce(payload ->> 'none', 'missing') FROM events ORDER BY id LIMIT 3
---
-- hard: chain of JSON arrows
SELECT payload -> 'user' ->> 'name', payload -> 'tags' -> 0, payload -> 'tags' ->> 1 FROM events ORDER BY id LIMIT 4
---
-- hard: JSON arrow and a cast
SELECT (payload ->> 'ms')::INTEGER + 1 AS ms, CAST(payload ->> 'ms' AS DOUBLE) / 2 AS half FROM events ORDER BY id LIMIT 4
---
-- hard: JSON arrow in an aggregate
SELECT payload ->> 'page' AS page, sum((payload ->> 'ms')::INT) AS ms, max(payload ->> 'ms') AS top FROM events GROUP BY page ORDER BY page
---
-- hard: JSON arrow in GROUP BY and ORDER BY
SELECT count(*) FROM events GROUP BY payload ->> 'page' ORDER BY payload ->> 'page'
---
-- hard: JSON arrow without a name
SELECT payload -> 'user', payload ->> 'page' FROM events ORDER BY id LIMIT 2
---
-- hard: JSON arrow is null
SELECT count(*) FROM events WHERE payload ->> 'none' IS NULL
---
-- hard: JSON arrow is not null
SELECT count(*) FROM events WHERE payload ->> 'page' IS NOT NULL
---
-- hard: JSON arrow between
SELECT count(*) FROM events WHERE (payload ->> 'ms')::INT BETWEEN 10 AND 100
---
-- hard: JSON arrow in CASE
SELECT CASE WHEN payload ->> 'page' = '/p/1' THEN 'one' ELSE payload ->> 'page' END AS p FROM events ORDER BY id LIMIT 5
---
-- hard: JSON arrow in a join
SELECT count(*) FROM events e JOIN (VALUES ('/p/1'), ('/p/3')) p(page) ON e.payload ->> 'page' = p.page
---
-- hard: JSON arrow in a window
SELECT id, row_number() OVER (PARTITION BY payload ->> 'page' ORDER BY id) AS n FROM events ORDER BY id LIMIT 6
---
-- hard: JSON arrow in a filter
SELECT count(*) FILTER (WHERE payload ->> 'page' = '/p/2') AS n FROM events
---
-- hard: JSON arrow in a list and in a struct
SELECT [payload ->> 'page', 'x'], {'p': payload ->> 'page'} FROM events ORDER BY id LIMIT 2
---
-- hard: JSON arrow with concatenation
SELECT payload ->> 'page' || '?' FROM events ORDER BY id LIMIT 2
---
-- hard: JSON arrow with a key that has a point
SELECT body ->> 'k.e', body -> '$."k.e"', body -> '/a/b' FROM docs ORDER BY id
---
-- hard: JSON arrow with an index from behind
SELECT body ->> '$.a.b[#-1]', body -> 0 ->> 'n' FROM docs ORDER BY id
---
-- hard: JSON literal
SELECT JSON '{"a": [1, 2]}' -> 'a' ->> 1 AS x, '{"a": 1}'::json ->> 'a' AS y
---
-- JSON functions
SELECT json_extract(payload, '$.user.vip') AS vip, json_extract_string(payload, ['$.page', '$.ms']) AS two, json_type(payload, '$.tags') AS t, json_array_length(payload, '$.tags') AS n FROM events ORDER BY id LIMIT 3
---
-- JSON made
SELECT json_object('id', id, 'name', name) AS j, to_json({'a': id, 'b': [1, 2]}) AS k, json_array(1, 'a', NULL) AS l FROM customers ORDER BY id
---
-- JSON aggregated
SELECT json_group_array(id) AS ids, json_group_object(label, id) AS o FROM tree
---
-- JSON to a struct
SELECT from_json(payload, '{"page": "VARCHAR", "ms": "INTEGER"}') AS s FROM events ORDER BY id LIMIT 2
---
-- hard: JSON to a struct by a cast
SELECT (JSON '{"page": "x", "ms": 5}'::STRUCT(page VARCHAR, ms INTEGER)).page AS page
---
-- JSON each
SELECT e.id, k.key, k.type FROM events e, json_each(e.payload) k WHERE e.id < 2 ORDER BY 1, 2
---
-- JSON tree
SELECT fullkey, atom FROM json_tree('{"a": [1, {"b": 2}]}') ORDER BY fullkey
---
-- hard: lambda with an arrow
SELECT list_transform([1, 2, 3], x -> x + 1) AS l
---
-- hard: lambda with two parameters
SELECT list_transform([4, 5, 6], (x, i) -> x * i) AS l, list_reduce([1, 2, 3], (a, b) -> a + b) AS s
---
-- hard: lambda with the new syntax
SELECT list_filter([1, 2, 3, 4], lambda x: x % 2 = 0) AS l, list_reduce([1, 2, 3], lambda a, b: a * b, 10) AS p
---
-- hard: lambda without a name
SELECT list_transform(tags, t -> upper(t)), list_filter(tags, lambda t: t LIKE 'd%') FROM shop.products ORDER BY sku
---
-- hard: lambda with a comparison and AND
SELECT list_filter([1, 5, 9], x -> x > 1 AND x < 9) AS l
---
-- hard: lambda with NOT and IS NULL
SELECT list_filter([1, NULL, 3], x -> x IS NOT NULL) AS l, list_filter([TRUE, FALSE], x -> NOT x) AS n
---
-- hard: lambda in a lambda
SELECT list_transform([[1, 2], [3]], x -> list_transform(x, y -> y + len(x))) AS l
---
-- hard: lambda over a column of JSON
SELECT list_transform(from_json(payload -> 'tags', '["VARCHAR"]'), t -> t || '!') AS l FROM events ORDER BY id LIMIT 2
---
-- hard: lambda that makes a struct
SELECT list_transform([1, 2], x -> {'v': x, 'sq': x ** 2}) AS l
---
-- hard: lambda with CASE and IN
SELECT list_transform(['a', 'b'], x -> CASE WHEN x IN ('a', 'c') THEN 1 ELSE 0 END) AS l
---
-- list comprehension
SELECT [x * 2 FOR x IN [1, 2, 3]] AS l
---
-- hard: list comprehension with a condition and an index
SELECT [x + i FOR x, i IN [10, 20, 30] IF x > 10] AS l
---
-- hard: list comprehension over a column
SELECT sku, [upper(t) FOR t IN tags IF t <> 'desk'] AS l FROM shop.products ORDER BY sku
---
-- list slices
SELECT [1, 2, 3, 4, 5][2:4] AS a, [1, 2, 3, 4, 5][:2] AS b, [1, 2, 3, 4, 5][3:] AS c, [1, 2, 3][-1] AS d
---
-- hard: list slices with a step
SELECT [1, 2, 3, 4, 5][1:5:2] AS a, [1, 2, 3, 4, 5][-1:1:-1] AS b, [1, 2, 3, 4, 5][:-:2] AS c
---
-- hard: list slices of columns by columns
SELECT l[a:b] AS s, l[a + 1] AS e FROM (SELECT [10, 20, 30] AS l, 1 AS a, 2 AS b)
---
-- hard: subscripts without a name
SELECT [1, 2, 3][1], [1, 2, 3][1 + 1], tags[1], tags[1:2], title[1:3] FROM shop.products ORDER BY sku
---
-- string slices
SELECT 'duckdb'[1:4] AS a, 'duckdb'[-2:] AS b, title[2] AS c FROM shop.products ORDER BY sku
---
-- list functions
SELECT list_sort([3, 1, 2]) AS a, list_distinct([1, 1, 2]) AS b, list_contains([1, 2], 2) AS c, list_concat([1], [2]) AS d, flatten([[1], [2, 3]]) AS e, list_zip([1, 2], ['a', 'b']) AS f, array_to_string(['a', 'b'], '-') AS g, list_position(['a', 'b'], 'b') AS h
---
-- list aggregates
SELECT list_sum([1, 2, 3]) AS s, list_avg([1, 2]) AS a, list_aggregate(['a', 'b'], 'string_agg', '|') AS t, list_unique([1, 1]) AS u, list_max([1, 5]) AS m
---
-- lists of a group
SELECT region, list(sku ORDER BY sku) AS skus, array_agg(DISTINCT quantity ORDER BY quantity) AS q FROM shop.sales WHERE id < 20 GROUP BY region ORDER BY region
---
-- unnest in SELECT
SELECT sku, unnest(tags) AS tag FROM shop.products ORDER BY sku, tag
---
-- unnest in FROM
SELECT p.sku, t.tag FROM shop.products p, unnest(p.tags) t(tag) ORDER BY 1, 2
---
-- unnest in a cross join
SELECT p.sku, tag FROM shop.products p CROSS JOIN unnest(p.tags) AS u(tag) ORDER BY 1, 2
---
-- hard: unnest recursively
SELECT unnest([{'a': 1, 'b': {'c': 2}}, {'a': 3, 'b': {'c': 4}}], recursive := true)
---
-- hard: unnest to a depth
SELECT unnest([[[1], [2]], [[3]]], max_depth := 2) AS x
---
-- struct literals
SELECT {'a': 1, 'b': {'c': 'x'}} AS s, {a: 1, "b c": 2} AS t, struct_pack(k := 1, v := 'z') AS p, row(1, 'a') AS r
---
-- struct access
SELECT s.a, s['b'], (s).b, d.s.a AS x FROM docs d ORDER BY id
---
-- hard: nested access
SELECT ({'a': {'b': [1, 2]}}).a.b[2] AS x, {'a': {'b': 5}}.a.b AS y
---
-- hard: star of a struct
SELECT id, s.* FROM docs ORDER BY id
---
-- struct functions
SELECT struct_insert({'a': 1}, b := 2) AS i, struct_extract({'a': 7}, 'a') AS e, struct_keys_are FROM (SELECT 1 AS struct_keys_are)
---
-- maps
SELECT MAP {'x': 1, 'y': 2} AS m, MAP {'x': 1}['x'] AS v, map_keys(m) AS k, map_values(m) AS vs, cardinality(m) AS n FROM docs ORDER BY id
---
-- hard: map of two lists
SELECT map([1, 2], ['a', 'b']) AS m, map(['k'], [[1, 2]])['k'] AS v
---
-- hard: map without a name
SELECT map(['k'], [1]), MAP {'a': [1]}
---
-- maps from entries
SELECT map_from_entries([(1, 'a'), (2, 'b')]) AS m, map_entries(MAP {'k': 1}) AS e, map_concat(MAP {'a': 1}, MAP {'b': 2}) AS c
---
-- hard: union values
SELECT union_tag(u) AS t, u.num AS n FROM (SELECT 1::UNION(num INTEGER, str VARCHAR) AS u UNION ALL SELECT 'x') ORDER BY t
---
-- arrays of a fixed size
SELECT [1, 2, 3]::INTEGER[3] AS a, array_distance([1.0, 2.0]::DOUBLE[2], [1.0, 4.0]::DOUBLE[2]) AS d, array_value(1, 2) AS v
---
-- ARRAY with the word
SELECT ARRAY[1, 2, 3] AS a, ARRAY(SELECT id FROM tree ORDER BY id) AS b
---
-- hard: ARRAY without a name
SELECT ARRAY[1, 2], array_length(ARRAY[1, 2])
---
-- hard: TRY
SELECT TRY(CAST('x' AS INTEGER)) AS n, try(ln(-1)) AS l
---
-- try_cast
SELECT try_cast('12' AS INTEGER) AS a, TRY_CAST('x' AS DATE) AS b
---
-- casts of numbers
SELECT 1::TINYINT, 2::SMALLINT, 3::INT, 4::BIGINT, 5::HUGEINT, 6::UTINYINT, 7::USMALLINT, 8::UINTEGER, 9::UBIGINT, 10::UHUGEINT, 1.5::FLOAT, 2.5::DOUBLE, 3.25::DECIMAL(10, 2), 1::BOOLEAN
---
-- casts by other names of types
SELECT 1::INT4, 2::INT8, 3::INT2, 4::INT1, 5::LONG, 6::SHORT, '7'::STRING, '8'::TEXT, 9::REAL, 1::NUMERIC(5, 1), 'x'::BPCHAR
---
-- hard: casts to enums
SELECT 'high'::mood AS m, 'low'::mood < 'high'::mood AS lower, feel::VARCHAR AS t FROM shop.products ORDER BY sku
---
-- hard: casts to an enum of one's own
SELECT 'b'::ENUM('a', 'b') AS e, enum_range(NULL::mood) AS r
---
-- hard: casts to nested types
SELECT [1, 2]::VARCHAR[] AS l, {'a': 1}::STRUCT(a VARCHAR) AS s, MAP {'a': 1}::MAP(VARCHAR, DOUBLE) AS m, [[1]]::INT[][] AS n
---
-- hard: casts to rare types
SELECT '101'::BIT AS b, '12345678901234567890123'::BIGNUM AS v, 'ab'::BLOB AS bl, '550e8400-e29b-41d4-a716-446655440000'::UUID AS u
---
-- casts of times
SELECT '2026-01-02'::DATE, '10:11:12'::TIME, '2026-01-02 10:11:12'::TIMESTAMP, '2026-01-02 10:11:12+00'::TIMESTAMPTZ, '1 day'::INTERVAL, '2026-01-02 10:11:12.123'::TIMESTAMP_MS, '2026-01-02 10:11:12'::TIMESTAMP_S, '2026-01-02 10:11:12.123456789'::TIMESTAMP_NS
---
-- times with zones
SELECT '10:00:00+02'::TIMETZ AS t, '2026-01-02 10:00:00+01'::TIMESTAMP WITH TIME ZONE AS tz, TIMESTAMP '2026-01-02 10:00' AT TIME ZONE 'UTC' AS z
---
-- hard: a typed literal with a further cast
SELECT TIMESTAMP '2026-01-02 10:00:00'::VARCHAR AS a, DATE '2026-01-02'::VARCHAR AS b, INTEGER '5'::VARCHAR AS c
---
-- typed literals
SELECT DATE '2026-01-02' AS d, TIME '10:11' AS t, TIMESTAMP '2026-01-02 10:11:12' AS ts, INTERVAL '3 days' AS i, TIMESTAMPTZ '2026-01-02 00:00:00+00' AS tz
---
-- intervals
SELECT INTERVAL 1 DAY AS a, INTERVAL '2' HOURS AS b, INTERVAL (1 + 2) MONTH AS c, INTERVAL '1 year 2 months' AS d, to_days(3) AS e
---
-- hard: intervals with a short alias
SELECT INTERVAL '2 hours' d, INTERVAL '7 days' w, INTERVAL 3 MONTH m
---
-- hard: intervals without a name
SELECT INTERVAL 3 DAY, INTERVAL '3' DAY, INTERVAL '3 days', DATE '2026-01-01' + INTERVAL 1 MONTH
---
-- dates and numbers
SELECT DATE '2026-01-31' + 1 AS a, DATE '2026-03-01' - DATE '2026-02-01' AS b, DATE '2026-01-31' + INTERVAL 1 MONTH AS c, age(DATE '2026-03-01', DATE '2025-01-15') AS d
---
-- parts of dates
SELECT year(placed), month(placed), day(placed), date_part('hour', placed), dayofweek(placed), quarter(placed), yearweek(placed), epoch(placed) FROM orders WHERE placed IS NOT NULL ORDER BY id
---
-- hard: EXTRACT without a name
SELECT extract(year FROM placed), EXTRACT('month' FROM placed), extract(epoch FROM placed), extract(isodow FROM placed) FROM orders ORDER BY id
---
-- several parts at once
SELECT date_part(['year', 'month'], DATE '2026-02-03') AS p
---
-- differences of dates
SELECT date_diff('month', DATE '2025-01-31', DATE '2026-02-01') AS a, datesub('month', DATE '2025-01-31', DATE '2026-02-01') AS b, date_trunc('week', DATE '2026-02-04') AS c
---
-- formats of dates
SELECT strftime(placed, '%d.%m.%Y %H:%M') AS a, strptime('03/02/2026', '%d/%m/%Y') AS b, try_strptime('x', '%Y') AS c FROM orders ORDER BY id LIMIT 3
---
-- dates made
SELECT make_date(2026, 2, 3) AS a, make_timestamp(2026, 2, 3, 4, 5, 6.5) AS b, make_time(1, 2, 3) AS c, epoch_ms(1700000000000) AS d, to_timestamp(0) AS e
---
-- current date and time
-- varies
SELECT current_date AS d, current_timestamp AS t, now() AS n, today() AS td, localtimestamp AS l
---
-- hard: current date without a name
-- varies
SELECT current_date, current_time, CURRENT_TIMESTAMP
---
-- who and what
SELECT current_user, version(), current_schema()
---
-- hard: names that are words
SELECT 1 AS user, 2 AS end, 3 AS left, 4 AS "order", 5 AS date, 6 AS values
---
-- hard: columns named like types
SELECT date, text, "time", range FROM (SELECT DATE '2026-01-01' AS date, 'x' AS text, 5 AS "time", 7 AS range) WHERE range < 8 AND date > DATE '2025-01-01'
---
-- hard: lists named like types
SELECT str[1], list[2], date[1], text[1:1] FROM (SELECT [1] AS str, [2, 3] AS list, [4] AS date, 'ab' AS text)
---
-- columns without some
SELECT * EXCLUDE (body, m) FROM docs ORDER BY id
---
-- hard: columns without one, without brackets
SELECT * EXCLUDE body FROM docs ORDER BY id
---
-- columns with another value
SELECT * REPLACE (upper(label) AS label) FROM tree ORDER BY id
---
-- hard: columns without, with another value and another name
SELECT * EXCLUDE (parent) REPLACE (id * 10 AS id) FROM tree ORDER BY id
---
-- hard: columns with other names
SELECT * RENAME (id AS node, label AS name) FROM tree ORDER BY node
---
-- columns of one table without some
SELECT o.* EXCLUDE (placed), c.name FROM orders o JOIN customers c ON c.id = o.customer_id ORDER BY o.id
---
-- columns by a pattern
SELECT COLUMNS('q[12]') FROM quarters ORDER BY region
---
-- hard: a sum over columns by a pattern
SELECT sum(COLUMNS('q.')) FROM quarters
---
-- hard: columns by a lambda
SELECT COLUMNS(c -> c LIKE 'q%') FROM quarters ORDER BY region
---
-- hard: columns by a lambda in the new syntax
SELECT COLUMNS(lambda c: c IN ('q1', 'q2')) FROM quarters ORDER BY region
---
-- hard: columns of a list
SELECT COLUMNS(['region', 'q4']) FROM quarters ORDER BY region
---
-- hard: columns unpacked
SELECT coalesce(*COLUMNS('q[34]')) AS v FROM quarters ORDER BY region
---
-- hard: columns in WHERE
SELECT region FROM quarters WHERE COLUMNS('q[13]') > 5 ORDER BY region
---
-- hard: star with LIKE
SELECT * LIKE 'q%' FROM quarters ORDER BY region
---
-- hard: renamed columns by a pattern
SELECT COLUMNS('(q)(\d)') AS 'x_\2' FROM quarters ORDER BY 1
---
-- hard: minimum and count of all columns
SELECT min(COLUMNS(*)), count(COLUMNS(* EXCLUDE (region))) FROM quarters
---
-- group by all
SELECT region, sku, sum(quantity) AS q FROM shop.sales GROUP BY ALL ORDER BY ALL
---
-- order by all, descending
SELECT region, q1 FROM quarters ORDER BY ALL DESC
---
-- order by place and by expression
SELECT id, amount FROM orders ORDER BY 2 DESC, id % 2, 1
---
-- an alias in the same SELECT
SELECT amount * 2 AS twice, twice + 1 AS more FROM orders WHERE twice > 50 ORDER BY more
---
-- an alias in HAVING and GROUP BY
SELECT date_trunc('month', placed) AS month, count(*) AS n FROM orders GROUP BY month HAVING n > 1 ORDER BY month
---
-- hard: alias before the value
SELECT total: sum(amount), n: count(*) FROM orders
---
-- hard: alias before a table
SELECT o.id FROM o: orders ORDER BY o.id
---
-- hard: places of columns
SELECT #1, #3 FROM quarters ORDER BY #1
---
-- hard: commas at the end
SELECT id, label, FROM tree ORDER BY id
---
-- underscores in numbers
SELECT 1_000_000 AS a, 1e3 AS c, .5 AS d
---
-- hard: numbers without a name
SELECT .5, 1.50, 1e-3, -2, +3
---
-- division and power
SELECT 7 / 2 AS a, 7 // 2 AS b, 7 % 3 AS c, 2 ** 10 AS d, 2 ^ 3 AS e, -7 // 2 AS f
---
-- hard: operators without a name
SELECT 7 // 2, 2 ** 3, 7 % 4, 5 & 3, 5 | 3, xor(5, 3), 1 << 4, 16 >> 2, ~5
---
-- sign and absolute value
SELECT -amount AS a, abs(-amount) AS b, sign(amount - 20) AS c, +id AS d FROM orders ORDER BY id
---
-- starts with
SELECT label FROM tree WHERE label ^@ 'l' OR starts_with(label, 'r') ORDER BY id
---
-- patterns
SELECT name LIKE 'A%' AS a, name ILIKE 'a%' AS b, name NOT LIKE '%a' AS c, name GLOB '[AB]*' AS d, name SIMILAR TO '[A-Z].*' AS e, name ~ '^.da$' AS f FROM customers ORDER BY id
---
-- hard: negated patterns
SELECT name NOT ILIKE 'a%', name NOT SIMILAR TO 'A.*', name !~ 'x', name !~~ 'A%', name ~~ 'A%', name ~~* 'a%' FROM customers ORDER BY id
---
-- escape in LIKE
SELECT 'a_b' LIKE 'a\_b' ESCAPE '\' AS a, 'a%b' NOT LIKE 'a$%b' ESCAPE '$' AS b
---
-- regular expressions
SELECT regexp_extract(sku, '(\w)-(\d)', 2) AS n, regexp_replace(title, '[aeiou]', '*', 'g') AS r, regexp_matches(title, '^L') AS m, regexp_split_to_array('a,b', ',') AS s, regexp_extract_all('a1b2', '\d') AS x FROM shop.products ORDER BY sku
---
-- texts
SELECT upper(name), lower(name), length(name), reverse(name), left(name, 2), right(name, 2), lpad(name, 6, '.'), repeat('x', 2), replace(name, 'a', 'b'), split_part('a-b', '-', 2), strpos(name, 'd') FROM customers ORDER BY id
---
-- hard: functions with a grammar of their own
SELECT trim(both 'x' from 'xax'), trim(leading from '  a'), trim(trailing 'b' from 'abb'), position('b' in 'abc'), substring('abcdef' from 2 for 3), trim('  a ')
---
-- concatenation with null
SELECT 'a' || NULL AS a, concat('a', NULL) AS b, concat_ws('-', 'a', NULL, 'b') AS c
---
-- similarity
SELECT levenshtein('duck', 'dock') AS a, jaccard('duck', 'luck') AS b, hamming('duck', 'luck') AS c
---
-- formats
SELECT format('{} is {:.2f}', 'x', 1.5) AS a, printf('%05d', 42) AS b, format_bytes(16000) AS c
---
-- hard: chained calls
SELECT ('duck').upper().concat('!').length() AS n, title.upper().left(2) AS t FROM shop.products ORDER BY sku
---
-- hard: chained list functions
SELECT ([3, 1, 2]).list_sort().list_transform(x -> x * 2) AS l, tags.list_filter(lambda t: len(t) > 4) AS f FROM shop.products ORDER BY sku
---
-- hard: functions with their schema
SELECT main.upper('a'), main.abs(-1)
---
-- strings with dollars
SELECT $$it's$$ AS a, $tag$a $$ b$tag$ AS b
---
-- hard: strings with escapes
SELECT E'a\nb\t\'c' AS a, e'\x41' AS b, 'a\n' AS c, 'it''s' AS d
---
-- Unicode
SELECT 'Ünï ☃' AS "Ünï", length('☃') AS n FROM "Mixed Case" ORDER BY "Ünï"
---
-- comments of all kinds
SELECT 1 -- one
  /* two /* nested */ still */ + 2 AS three
---
-- null tests
SELECT amount IS NULL AS a, amount IS NOT NULL AS b, status ISNULL AS c, status NOTNULL AS d FROM orders ORDER BY id
---
-- hard: null tests without a name
SELECT status IS NULL, status IS NOT NULL, NOT status IS NULL, active IS TRUE, active IS NOT FALSE, active IS NOT TRUE FROM orders JOIN customers ON customers.id = orders.id ORDER BY orders.id
---
-- distinct from
SELECT status IS DISTINCT FROM 'paid' AS a, status IS NOT DISTINCT FROM NULL AS b FROM orders ORDER BY id
---
-- hard: NOT in all places
SELECT NOT active, NOT (active AND id > 1), id NOT BETWEEN 2 AND 3, NOT id BETWEEN 2 AND 3, id NOT IN (1, 2), NOT id IN (1, 2) FROM customers ORDER BY id
---
-- conditions
SELECT CASE status WHEN 'paid' THEN 1 WHEN 'open' THEN 2 END AS a, if(amount > 50, 'big', 'small') AS b, coalesce(status, '-') AS c, nullif(status, 'void') AS d, ifnull(status, '?') AS e FROM orders ORDER BY id
---
-- greatest and least
SELECT greatest(1, 3, 2) AS g, least('b', 'a') AS l
---
-- aggregates with order and limit of rows
SELECT string_agg(name, ', ' ORDER BY name) AS names, first(name ORDER BY id) AS f, last(name ORDER BY id) AS l, arg_max(name, id) AS am, arg_min(name, id, 2) AS two, max(id, 2) AS top, min_by(name, born) AS eldest FROM customers
---
-- hard: aggregates without a name
SELECT count(*), count(DISTINCT status), sum(amount) FILTER (WHERE status = 'paid'), list(id ORDER BY id DESC), string_agg(status, ',' ORDER BY id NULLS LAST), any_value(status), bool_or(amount > 50) FROM orders
---
-- hard: order inside an aggregate, with nulls
SELECT list(status ORDER BY status DESC NULLS LAST, id), first(status ORDER BY amount NULLS FIRST) FROM orders
---
-- hard: within group
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount), percentile_disc(0.9) WITHIN GROUP (ORDER BY amount DESC), mode() WITHIN GROUP (ORDER BY status) FROM orders
---
-- approximate aggregates
SELECT approx_count_distinct(sku) AS n, approx_quantile(price, 0.5) > 0 AS q, histogram(quantity) AS h, entropy(region) AS e, product(1 + discount) > 1 AS p, kahan_sum(discount) AS k, bit_or(quantity) AS b FROM shop.sales
---
-- count of pairs
SELECT count(DISTINCT (region, sku)) AS n, count(*) - count(region) AS without FROM shop.sales
---
-- sums of conditions
SELECT count_if(amount > 20) AS n, sum(if(status = 'paid', amount, 0)) AS paid, avg(amount) FILTER (status = 'open') AS o FROM orders
---
-- limit and offset
SELECT id FROM orders ORDER BY id LIMIT 3 OFFSET 2
---
-- hard: limit in percent
SELECT id FROM orders ORDER BY id LIMIT 50%
---
-- hard: limit in percent of an expression
SELECT id FROM orders ORDER BY id LIMIT (20 + 5)%
---
-- hard: limit by a subquery
SELECT id FROM orders ORDER BY id LIMIT (SELECT count(*) // 4 FROM orders)
---
-- fetch first
SELECT id FROM orders ORDER BY id OFFSET 1 ROWS FETCH FIRST 2 ROWS ONLY
---
-- sample of rows
-- varies
SELECT * FROM shop.sales USING SAMPLE 10 ROWS
---
-- hard: sample in percent with a seed
SELECT count(*) >= 0 AS ok FROM shop.sales USING SAMPLE 20 PERCENT (bernoulli, 42)
---
-- hard: sample of a table
SELECT count(*) >= 0 AS ok FROM shop.sales TABLESAMPLE reservoir(20%) REPEATABLE (7)
---
-- hard: sample with a method before
-- varies
SELECT id FROM shop.sales USING SAMPLE reservoir(5 ROWS) REPEATABLE (100)
---
-- a materialized WITH
WITH t AS MATERIALIZED (SELECT sku, sum(price) AS s FROM shop.sales GROUP BY sku), u AS NOT MATERIALIZED (SELECT * FROM t) SELECT count(*), sum(s) FROM u JOIN t USING (sku, s)
---
-- WITH over WITH
WITH a AS (SELECT 1 AS x), b AS (SELECT x + 1 AS y FROM a) SELECT (WITH c AS (SELECT y * 2 AS z FROM b) SELECT z FROM c) AS r
---
-- recursive numbers
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT list(i) FROM n
---
-- recursive paths with a list
WITH RECURSIVE p AS (SELECT id, [label] AS path FROM tree WHERE parent IS NULL UNION ALL SELECT t.id, list_append(p.path, t.label) FROM tree t, p WHERE t.parent = p.id) SELECT * FROM p ORDER BY id
---
-- hard: recursion with a key
WITH RECURSIVE best(node, cost) USING KEY (node) AS (SELECT 1, 0 UNION SELECT t.id, b.cost + 1 FROM best b JOIN tree t ON t.parent = b.node) SELECT node, cost FROM best ORDER BY node
---
-- Fibonacci
WITH RECURSIVE f(a, b) AS (VALUES (0, 1) UNION ALL SELECT b, a + b FROM f WHERE b < 50) SELECT a FROM f ORDER BY a
---
-- hard: pivot by a list
PIVOT shop.sales ON region IN ('north', 'south') USING sum(quantity) GROUP BY sku ORDER BY sku
---
-- hard: pivot of all values
PIVOT shop.sales ON region USING sum(quantity) AS q GROUP BY sku ORDER BY sku
---
-- hard: pivot on two columns
PIVOT (SELECT region, sku, quantity FROM shop.sales WHERE region IS NOT NULL AND sku < 'B') ON region, sku USING count(*)
---
-- hard: pivot with two aggregates
PIVOT shop.sales ON region IN ('north', 'east') USING sum(quantity) AS q, max(price) AS p GROUP BY sku ORDER BY sku LIMIT 3
---
-- hard: pivot on an expression
PIVOT shop.sales ON year(sold_on) USING count(*) GROUP BY region ORDER BY region
---
-- hard: pivot behind WITH
WITH s AS (SELECT sku, region, quantity FROM shop.sales WHERE quantity > 3) PIVOT s ON region IN ('north', 'south') USING sum(quantity) ORDER BY sku
---
-- hard: pivot in FROM
SELECT sku, north FROM (PIVOT shop.sales ON region IN ('north', 'south') USING sum(quantity) GROUP BY sku) p WHERE north > 1 ORDER BY sku
---
-- hard: pivot in the standard's way
SELECT * FROM (SELECT sku, region, quantity FROM shop.sales) PIVOT (sum(quantity) FOR region IN ('north', 'south') GROUP BY sku) ORDER BY sku
---
-- hard: pivot in a join
FROM (PIVOT quarters ON region USING sum(q1)) a POSITIONAL JOIN (SELECT 1 AS one) b
---
-- hard: unpivot
UNPIVOT quarters ON q1, q2, q3, q4 INTO NAME quarter VALUE amount ORDER BY ALL
---
-- hard: unpivot of a pattern
UNPIVOT quarters ON COLUMNS('q.') INTO NAME quarter VALUE amount ORDER BY region, quarter
---
-- hard: unpivot of all but one
UNPIVOT quarters ON COLUMNS(* EXCLUDE (region)) INTO NAME quarter VALUE amount ORDER BY region, quarter
---
-- hard: unpivot of pairs
UNPIVOT quarters ON (q1, q2) AS first, (q3, q4) AS second INTO NAME half VALUE a, b ORDER BY region, half
---
-- hard: unpivot in the standard's way
SELECT * FROM quarters UNPIVOT (amount FOR quarter IN (q1, q2, q3, q4)) ORDER BY region, quarter
---
-- hard: unpivot with nulls
SELECT * FROM quarters UNPIVOT INCLUDE NULLS (amount FOR quarter IN (q1, q4)) ORDER BY region, quarter
---
-- hard: unpivot in FROM
SELECT region, sum(amount) AS s FROM (UNPIVOT quarters ON q1, q2 INTO NAME q VALUE amount) GROUP BY region ORDER BY region
---
-- hard: summarize a table
SUMMARIZE quarters
---
-- hard: summarize a query
SUMMARIZE SELECT q1, q2 FROM quarters
---
-- hard: summarize in FROM
SELECT column_name, min, max FROM (SUMMARIZE quarters) ORDER BY column_name
---
-- hard: describe a table
DESCRIBE orders
---
-- hard: describe a query
DESCRIBE SELECT id, amount * 2 AS twice FROM orders
---
-- hard: describe in FROM
SELECT column_name, column_type FROM (DESCRIBE docs) WHERE column_type LIKE 'S%'
---
-- hard: show a table
SHOW tree
---
-- hard: show tables
SHOW TABLES
---
-- the catalog's tables
SELECT table_schema, table_name, table_type FROM information_schema.tables WHERE table_schema = 'shop' ORDER BY table_name
---
-- the catalog's columns
SELECT column_name, data_type, is_nullable FROM information_schema.columns WHERE table_name = 'orders' ORDER BY ordinal_position
---
-- explain
-- varies
EXPLAIN SELECT status, count(*) FROM orders GROUP BY status
---
-- hard: explain of FROM first
-- varies
EXPLAIN FROM orders JOIN customers ON customers.id = orders.customer_id SELECT count(*)
---
-- a view
SELECT region, count(*) AS n FROM big_sales GROUP BY region ORDER BY region
---
-- table functions
SELECT i, i * i AS sq FROM generate_series(1, 5) g(i) WHERE i % 2 = 1
---
-- range as a value and as a table
SELECT range(3) AS a, generate_series(1, 3) AS b, (SELECT count(*) FROM range(10)) AS n
---
-- rows with numbers
SELECT row_number() OVER () AS n, label FROM tree ORDER BY n
---
-- tuples compared
SELECT (1, 2) < (1, 3) AS a, row(1, 'a') = row(1, 'a') AS b
---
-- collations
SELECT name FROM customers ORDER BY name COLLATE NOCASE, id
---
-- hard: collations without a name
SELECT name COLLATE NOCASE = 'ADA' FROM customers ORDER BY id
---
-- generated columns of row ids
SELECT rowid, id FROM tree ORDER BY rowid
---
-- hashes
SELECT md5('a') AS a, sha256('a') AS b, hash('a') IS NOT NULL AS c, base64('a'::BLOB) AS d, to_hex(255) AS e
---
-- bits
SELECT bit_count(5) AS a, '101'::BIT & '110'::BIT AS b, bit_length('abc') AS c
---
-- numbers
SELECT round(2.567, 2) AS a, ceil(1.2) AS b, floor(-1.2) AS c, sqrt(16) AS d, log10(100) AS e, gcd(12, 18) AS f, factorial(5) AS g, pi() > 3 AS h
---
-- money to the cent
SELECT sum(price * quantity * (1 - discount)) AS net, round(sum(price * quantity), 2) AS gross, typeof(sum(price)) AS t FROM shop.sales
---
-- decimals without a name
SELECT 0.1 + 0.2, 1.10 * 3, 10::DECIMAL(18, 3) / 3, 12345678901234567890.12
---
-- having without group by
SELECT sum(amount) FROM orders HAVING count(*) > 3
---
-- group by nothing
SELECT count(*) AS n FROM orders GROUP BY ()
---
-- distinct
SELECT DISTINCT region, sku FROM shop.sales ORDER BY ALL
---
-- exists and not exists
SELECT id FROM customers c WHERE EXISTS (FROM orders o WHERE o.customer_id = c.id) AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = 'void') ORDER BY id
---
-- subquery in FROM without alias
SELECT n FROM (SELECT count(*) AS n FROM orders)
---
-- subquery as a list
SELECT list(x) FROM (SELECT unnest([3, 1, 2]) AS x ORDER BY x)
---
-- hard: a row of a table as a value
SELECT t.label, t FROM tree t ORDER BY t.id
---
-- hard: a join on brackets
SELECT count(*) FROM (customers c JOIN orders o ON o.customer_id = c.id) LEFT JOIN tree t ON t.id = c.id
---
-- hard: two joins with USING and their columns
SELECT sku, s.quantity, p.title FROM shop.sales s JOIN shop.products p USING (sku) LEFT JOIN prices USING (sku) WHERE s.id < 5 ORDER BY ALL
---
-- columns with odd names
SELECT "Ünï", "select" FROM "Mixed Case" ORDER BY 1
---
-- names in other cases
SELECT ID, Label FROM TREE ORDER BY Id
---
-- equality with two signs
SELECT count(*) FROM orders WHERE status == 'paid' AND id != 1 AND id <> 3
---
-- hard: comparisons without a name
SELECT id = 1, id == 1, id != 1, id <> 1, id >= 2 FROM tree ORDER BY id
---
-- boolean arithmetic
SELECT (TRUE AND FALSE) OR NOT FALSE AS a, TRUE::INT + 1 AS b, active = TRUE AS c FROM customers ORDER BY id
---
-- sequences of dates with gaps
SELECT d::DATE AS d, count(e.id) AS n FROM range(DATE '2026-01-01', DATE '2026-01-10', INTERVAL 1 DAY) r(d) LEFT JOIN entries e ON e.booked = r.d GROUP BY d ORDER BY d
---
-- share of total without window
SELECT region, sum(price) / (SELECT sum(price) FROM shop.sales) AS share FROM shop.sales GROUP BY region ORDER BY share DESC
---
-- difference to the day before
SELECT booked, sum(debit) AS s, s - lag(s) OVER (ORDER BY booked) AS delta FROM entries GROUP BY booked ORDER BY booked
---
-- search in texts
SELECT title FROM shop.products WHERE contains(lower(title), 'a') OR title ILIKE '%e%' ORDER BY title
---
-- duplicates
SELECT amount, count(*) AS n, list(id) AS ids FROM orders GROUP BY amount HAVING n > 1
---
-- a matrix of counts
SELECT region, count(*) FILTER (sku = 'A-1') AS a1, count(*) FILTER (sku = 'B-1') AS b1 FROM shop.sales GROUP BY region ORDER BY region
---
-- weighted average
SELECT sku, sum(price * quantity) / sum(quantity) AS wavg FROM shop.sales GROUP BY sku ORDER BY sku
---
-- z-scores
SELECT id, (amount - avg(amount) OVER ()) / stddev(amount) OVER () AS z FROM orders ORDER BY id
---
-- hard: a window over an aggregate with a filter
SELECT region, sum(count(*)) FILTER (WHERE region IS NOT NULL) OVER (ORDER BY region) AS c FROM shop.sales GROUP BY region ORDER BY region
---
-- even and odd
SELECT id, CASE WHEN id % 2 = 0 THEN 'even' ELSE 'odd' END AS parity, id & 1 AS bit FROM tree ORDER BY id
---
-- a pivot of a join, whose columns name their tables
pivot (select a.k % 3 as third, b.n, a.k from (select unnest(range(12)) as k) a join (values (0, 'x'), (1, 'y')) b(i, n) on a.k % 2 = b.i) on n using sum(k) as s, count(*) as c group by third order by third
---
-- an unpivot of a join
unpivot (select a.k, a.k * 2 as twice, b.n from (select unnest(range(3)) as k) a cross join (select 'x' as n) b) on k, twice into name which value amount
---
-- hard: pivots in a query, with values given
with p as (pivot (select v.a, v.b from (values ('x', 1), ('y', 2), ('x', 3)) v(a, b)) on a in ('x', 'y') using max(b)) select p.x, p.y from p

SELECT 1
---
SELECT id, name FROM customers WHERE active ORDER BY id;
---
select * from customers where name like 'A%' or city ilike '%OS%' order by id
---
SELECT count(*), count(DISTINCT city), count(city) FROM customers -- a comment; with a semicolon
---
SELECT /* inner; comment */ status, sum(amount) AS total FROM orders GROUP BY status HAVING sum(amount) > 10 ORDER BY total DESC NULLS LAST
---
SELECT c.name, o.amount FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY o.id
---
SELECT c.name, o.amount FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id AND o.status = 'paid' ORDER BY c.id, o.id
---
SELECT c.id, o.id AS oid FROM customers c RIGHT OUTER JOIN orders o ON o.customer_id = c.id ORDER BY oid
---
SELECT c.id, o.id AS oid FROM customers c FULL JOIN orders o ON o.customer_id = c.id ORDER BY 1 NULLS FIRST, 2 NULLS LAST
---
SELECT a.id, b.id FROM customers a CROSS JOIN customers b WHERE a.id < b.id ORDER BY 1, 2
---
SELECT id, orders.amount FROM orders JOIN (SELECT id FROM customers) AS x USING (id) ORDER BY id
---
SELECT count(*) FROM customers NATURAL JOIN (SELECT id FROM orders) q
---
WITH paid AS (SELECT * FROM orders WHERE status = 'paid'), per AS (SELECT customer_id, sum(amount) AS s FROM paid GROUP BY 1) SELECT * FROM per ORDER BY customer_id
---
WITH RECURSIVE up(id, parent, depth) AS (SELECT id, parent, 0 FROM tree WHERE parent IS NULL UNION ALL SELECT t.id, t.parent, u.depth + 1 FROM tree t JOIN up u ON t.parent = u.id) SELECT * FROM up ORDER BY id
---
WITH orders AS (SELECT * FROM orders WHERE id < 3) SELECT count(*) FROM orders
---
SELECT id, row_number() OVER (PARTITION BY customer_id ORDER BY placed DESC, id) AS rn FROM orders ORDER BY id
---
SELECT id, sum(amount) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS r, avg(amount) OVER w AS a FROM orders WINDOW w AS (PARTITION BY status ORDER BY id) ORDER BY id
---
SELECT id, lag(amount, 1, 0) OVER (ORDER BY id), lead(amount) OVER (ORDER BY id), first_value(amount) OVER (ORDER BY id), ntile(3) OVER (ORDER BY id) FROM orders ORDER BY id
---
SELECT id, sum(amount) OVER (ORDER BY id RANGE BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING EXCLUDE CURRENT ROW) FROM orders ORDER BY id
---
SELECT id, count(*) OVER (ORDER BY id GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING) FROM orders ORDER BY id
---
SELECT status, customer_id, sum(amount) FROM orders GROUP BY GROUPING SETS ((status), (customer_id), ()) ORDER BY 1 NULLS FIRST, 2 NULLS FIRST, 3
---
SELECT status, customer_id, sum(amount), grouping(status) FROM orders GROUP BY ROLLUP (status, customer_id) ORDER BY 1 NULLS FIRST, 2 NULLS FIRST, 3, 4
---
SELECT status, customer_id, count(*) FROM orders GROUP BY CUBE (status, customer_id) ORDER BY 1 NULLS FIRST, 2 NULLS FIRST, 3
---
SELECT count(*) FILTER (WHERE status = 'paid') AS paid, sum(amount) FILTER (WHERE status <> 'paid') AS other FROM orders
---
SELECT DISTINCT ON (customer_id) customer_id, id FROM orders ORDER BY customer_id, id DESC
---
SELECT DISTINCT status FROM orders ORDER BY status NULLS FIRST
---
SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY amount) AS median FROM orders
---
SELECT mode() WITHIN GROUP (ORDER BY status) FROM orders WHERE status IS NOT NULL AND status <> 'open' AND status <> 'void'
---
SELECT string_agg(name, ', ' ORDER BY name DESC) FROM customers WHERE id < 4
---
SELECT array_agg(id ORDER BY id DESC) FROM customers
---
SELECT CASE WHEN amount > 100 THEN 'big' WHEN amount > 10 THEN 'mid' ELSE 'small' END AS size, CASE status WHEN 'paid' THEN 1 ELSE 0 END AS p FROM orders ORDER BY id
---
SELECT coalesce(city, 'none'), nullif(name, 'eve'), greatest(1, 2, 3), least(1, 2) FROM customers ORDER BY id
---
SELECT id::varchar, CAST(amount AS integer), amount::numeric(10, 1), '5'::int + 1, DATE '2026-01-01', TIMESTAMP '2026-01-01 10:00:00' FROM orders ORDER BY id
---
SELECT date_trunc('month', placed) AS m, sum(amount) FROM orders WHERE placed IS NOT NULL GROUP BY 1 ORDER BY 1
---
SELECT extract(year FROM placed), extract(month FROM placed), date_part('day', placed) FROM orders WHERE id < 6 ORDER BY id
---
SELECT placed + INTERVAL '1 day', placed - INTERVAL '2 hours 30 minutes', placed + INTERVAL '1' MONTH FROM orders WHERE id = 1
---
SELECT born + INTERVAL '1 year 2 months 3 days' FROM customers ORDER BY id
---
SELECT born - 7, born + 30, DATE '2026-03-01' - born FROM customers WHERE born IS NOT NULL ORDER BY id
---
SELECT placed BETWEEN TIMESTAMP '2026-01-01' AND TIMESTAMP '2026-02-01', placed NOT BETWEEN '2026-01-01' AND '2026-02-01' FROM orders ORDER BY id
---
SELECT upper(name), lower(name), length(name), substring(name, 1, 2), substring(name FROM 2 FOR 2), trim(both 'A' FROM name), trim(name), ltrim(name, 'A'), replace(name, 'a', 'b'), position('a' IN name), strpos(name, 'a'), left(name, 2), right(name, 2), name || '!' FROM customers ORDER BY id
---
SELECT split_part('a-b-c', '-', 2), repeat('x', 3), reverse('abc'), lpad('7', 3, '0'), concat('a', NULL, 'b'), concat_ws('-', 'a', NULL, 'b'), chr(65), ascii('A'), md5('x')
---
SELECT regexp_replace(name, '[aeiou]', '*', 'g'), regexp_replace(name, '(.)(.)', '\2\1') FROM customers ORDER BY id
---
SELECT round(amount, 1), floor(amount), ceil(amount), abs(-amount), mod(id, 3), id % 3, power(2, id), sqrt(amount), 7 / 2.0, 2 * (3 + 4), -id, - -id FROM orders ORDER BY id
---
SELECT 1 + 2 * 3 - 4, (1 + 2) * 3, 10 - (5 - 2), 8.0 / (4.0 / 2.0), NOT TRUE OR TRUE, NOT (TRUE OR TRUE), 1 = 1 AND NOT 2 = 3
---
SELECT 5 & 3, 5 | 3, 1 << 4, 16 >> 2, ~5
---
SELECT id FROM customers WHERE id IN (SELECT customer_id FROM orders) AND id NOT IN (4) ORDER BY id
---
SELECT name FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) AND NOT EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id AND o.status = 'void') ORDER BY id
---
SELECT name, (SELECT max(amount) FROM orders o WHERE o.customer_id = c.id) AS top FROM customers c ORDER BY id
---
SELECT id FROM orders WHERE amount > ALL (SELECT amount FROM orders WHERE status = 'open') ORDER BY id
---
SELECT id FROM orders WHERE customer_id = ANY (SELECT id FROM customers WHERE active) ORDER BY id
---
SELECT c.name, x.amount FROM customers c, LATERAL (SELECT amount FROM orders o WHERE o.customer_id = c.id ORDER BY amount DESC LIMIT 1) x ORDER BY c.id
---
SELECT c.name, x.n FROM customers c LEFT JOIN LATERAL (SELECT count(*) AS n FROM orders o WHERE o.customer_id = c.id) AS x ON TRUE ORDER BY c.id
---
SELECT id FROM customers UNION SELECT customer_id FROM orders ORDER BY 1 NULLS FIRST
---
SELECT id FROM customers UNION ALL (SELECT id FROM orders ORDER BY id LIMIT 2) ORDER BY 1
---
SELECT customer_id FROM orders EXCEPT ALL SELECT id FROM customers ORDER BY 1 NULLS LAST
---
SELECT id FROM customers INTERSECT SELECT customer_id FROM orders ORDER BY id
---
(SELECT id FROM customers WHERE id < 3) UNION ALL (SELECT 10 EXCEPT SELECT 11) ORDER BY 1
---
SELECT id FROM customers ORDER BY id LIMIT 2 OFFSET 1
---
SELECT id FROM orders ORDER BY id FETCH FIRST 3 ROWS ONLY
---
SELECT id FROM orders ORDER BY amount DESC, id ASC OFFSET 2
---
VALUES (1, 'a'), (2, 'b')
---
SELECT * FROM (VALUES (1, 'one'), (2, 'two')) AS t(n, word) ORDER BY n
---
SELECT "Ünï", "select" FROM "Mixed Case" ORDER BY "Ünï"
---
SELECT m."Ünï" AS größe, m."select" AS "Quoted ""Alias""" FROM "Mixed Case" AS m ORDER BY 1
---
SELECT 'it''s', 'a;b', '--no comment', '/* neither */', 'back\slash', 'ünï ☃ 日本', ''
---
SELECT $$it's dollar; 'quoted'$$ AS a, $tag$with $$ inside$tag$ AS b
---
SELECT E'tab\there', E'quote\'s', E'back\\slash', E'line\nfeed'
---
SELECT TRUE AND FALSE, NULL IS NULL, 1 IS NOT NULL, NULL IS DISTINCT FROM 1, 1 IS NOT DISTINCT FROM 1, TRUE IS TRUE, FALSE IS NOT TRUE
---
SELECT name FROM customers WHERE name LIKE '%\%' OR name NOT LIKE 'A!_%' ESCAPE '!' OR name SIMILAR TO 'A.*' ORDER BY id
---
SELECT name ~ '^A', name ~ 'A.*' FROM customers WHERE id = 99
---
SELECT t.* FROM customers t WHERE (t.id, t.name) = (1, 'Ada')
---
SELECT id FROM customers WHERE (id, active) IN ((1, TRUE), (2, FALSE)) ORDER BY id
---
SELECT g FROM generate_series(1, 5) AS t(g) ORDER BY g
---
SELECT x FROM unnest(ARRAY[3, 1, 2]) AS t(x) ORDER BY x
---
SELECT (ARRAY[10, 20, 30])[2], (ARRAY[10, 20, 30])[1:2], (ARRAY[10, 20, 30])[1 + 1], array_length(ARRAY[1, 2], 1)
---
SELECT a.arr[id], a.arr[2:3], a.arr[2:] FROM (SELECT id, ARRAY[10, 20, 30, 40, 50] AS arr FROM customers) a ORDER BY id
---
SELECT sum(CASE WHEN status = 'paid' THEN amount ELSE 0 END) / nullif(count(*), 0) FROM orders
---
SELECT stddev_samp(amount), var_pop(amount), corr(id, amount), bool_and(amount > 0), bool_or(amount > 200), min(placed), max(placed) FROM orders
---
SELECT current_date IS NOT NULL, current_timestamp IS NOT NULL, now() >= TIMESTAMP '2020-01-01', localtimestamp IS NOT NULL
---
SELECT count(*) FROM information_schema.tables WHERE table_name = 'customers'
---
SELECT 1e3, 1.5e-2, .5, 123456789012345678901234567890
---
SELECT a.id, b.id FROM customers a JOIN (customers b JOIN orders o ON o.customer_id = b.id) ON a.id = b.id ORDER BY 1, 2, o.id
---
SELECT a.id FROM customers a JOIN customers b ON a.id = b.id LEFT JOIN orders o ON o.customer_id = b.id AND (o.amount > 10 OR o.status IN ('paid', 'open')) WHERE o.id IS NOT NULL ORDER BY 1
---
SELECT to_timestamp(0) IS NOT NULL
---
SELECT id AS "user", name AS "order" FROM customers ORDER BY "user"
---
SELECT max(amount) - min(amount) AS spread, avg(amount)::int FROM orders WHERE NOT status = 'void' AND NOT (amount < 1)
---
SELECT id FROM customers WHERE name = 'x' IS NOT TRUE AND active IS NOT FALSE AND active IS NOT NULL ORDER BY id
---
SELECT count(*) FROM orders WHERE (status = 'paid' OR status = 'open') AND amount > 10 AND NOT (customer_id IS NULL)

TABLE customers
---
SELECT * FROM ONLY customers ORDER BY id
---
SELECT body -> 'a' -> 'b' ->> 0, body #> '{a,b}', body #>> '{a,b,2,c}', body -> '0', body -> 'k.e', body -> 'q''s', body ->> 'missing' FROM docs ORDER BY id
---
SELECT body -> 0 -> 'n', body -> -1, (body -> 'list') ->> 1, body['a']['b'][0] FROM docs ORDER BY id
---
SELECT raw -> 'a' -> 'b' -> 1, raw ->> 't', raw -> 0 FROM docs ORDER BY id
---
SELECT body -> label FROM docs, (VALUES ('a'), ('k.e')) AS l(label) WHERE id = 1 ORDER BY label
---
SELECT id FROM docs WHERE body @> '{"a": null}' OR body ? 'k.e' ORDER BY id
---
SELECT body ?| ARRAY['a', 'z'], body ?& ARRAY['a', 'list'], body @? '$.a.b[*] ? (@ == 2)', body @@ '$.a.b[0] == 1' FROM docs WHERE id < 3 ORDER BY id
---
SELECT body - 'a', body #- '{a,b}', body || '{"z": 1}', jsonb_set(body, '{a}', '1') FROM docs WHERE id < 3 ORDER BY id
---
SELECT (body ->> 'k.e')::int + 1 = 6, body ->> 'k.e' = '5', NOT body ? 'x' AND body ->> 'k.e' IS NOT NULL FROM docs WHERE id = 1
---
SELECT id, e.value, e.ordinality FROM docs, jsonb_array_elements(body -> 'list') WITH ORDINALITY AS e(value, ordinality) WHERE id = 2 ORDER BY 3
---
SELECT d.id, kv.key, kv.value FROM docs d CROSS JOIN LATERAL jsonb_each(d.body) AS kv WHERE d.id < 3 ORDER BY 1, 2
---
SELECT * FROM jsonb_to_recordset('[{"a": 1, "b": "x"}, {"a": 2}]') AS r(a int, b text) ORDER BY a
---
SELECT jsonb_build_object('n', count(*), 'ids', jsonb_agg(id ORDER BY id)), json_agg(name ORDER BY id), json_object_agg(id, name ORDER BY id) FROM customers
---
SELECT to_jsonb(c), row_to_json(c) FROM customers c ORDER BY id
---
SELECT jsonb_path_query_array(body, '$.a.b[*]'), jsonb_typeof(body), jsonb_pretty(body -> 'a') FROM docs ORDER BY id
---
SELECT tags[1], tags[1:1], tags || ARRAY['blue'], 'red' = ANY (tags), cardinality(tags), array_to_string(tags, '/'), tags @> ARRAY['red'], tags && ARRAY['red', 'x']::text[], tags <@ ARRAY['red', 'green', 'blue'] FROM docs ORDER BY id
---
SELECT ARRAY(SELECT id FROM customers ORDER BY id), array_position(ARRAY[1, 2, 3], 2), ARRAY[[1, 2], [3, 4]], (ARRAY[[1, 2], [3, 4]])[2][1], '{1,2}'::int[], ARRAY[]::text[]
---
SELECT span @> DATE '2026-01-15', lower(span), upper_inf(span), span && daterange('2026-01-20', '2026-02-20'), span -|- daterange('2026-02-01', '2026-02-02') FROM docs ORDER BY id
---
SELECT addr << '10.0.0.0/8'::inet, host(addr), masklen(addr) FROM docs ORDER BY id
---
SELECT d::date FROM generate_series(DATE '2026-01-01', DATE '2026-01-05', INTERVAL '1 day') AS g(d) ORDER BY d
---
SELECT generate_series(1, 3), generate_series(10, 1, -3)
---
SELECT * FROM generate_series('2026-01-01'::timestamp, '2026-01-02', '6 hours') AS t ORDER BY 1
---
SELECT * FROM ROWS FROM (generate_series(1, 3), unnest(ARRAY['a', 'b'])) AS t(n, s)
---
SELECT u.v, u.n FROM unnest(ARRAY['x', 'y']) WITH ORDINALITY AS u(v, n) ORDER BY n
---
SELECT * FROM unnest(ARRAY[1, 2], ARRAY['a', 'b']) AS t(n, s) ORDER BY n
---
SELECT w FROM regexp_split_to_table('a b  c', '\s+') AS w ORDER BY w
---
SELECT string_to_array('a,b', ','), string_to_table('x|y', '|')
---
SELECT name ~ '^[A-B]', name ~* '^a', name !~ 'a', name !~* 'A' FROM customers ORDER BY id
---
SELECT regexp_match(name, '(.)a'), regexp_matches(name, '[A-Z]', 'g') FROM customers ORDER BY id
---
SELECT name NOT LIKE 'A%', name NOT ILIKE 'a%', name NOT IN ('Ada'), name ~ 'a' IS TRUE FROM customers ORDER BY id
---
SELECT to_char(placed, 'YYYY-MM-DD HH24:MI:SS'), to_char(amount, 'FM999990.00'), to_date('31.12.2026', 'DD.MM.YYYY'), to_timestamp('2026-01-01 05', 'YYYY-MM-DD HH24'), to_char(placed, 'Dy, Mon "of" Q') FROM orders ORDER BY id
---
SELECT placed AT TIME ZONE 'Europe/Oslo' AT TIME ZONE 'UTC', timezone('UTC', placed), date_bin('15 minutes', placed, TIMESTAMP '2026-01-01') FROM orders ORDER BY id
---
SELECT age(TIMESTAMP '2026-03-01', placed), justify_hours(INTERVAL '50 hours'), extract(epoch FROM INTERVAL '1 day'), extract(isodow FROM placed), date_part('quarter', placed) FROM orders ORDER BY id
---
SELECT make_date(2026, 2, 3), make_interval(days => 3, hours := 2), make_timestamp(2026, 1, 2, 3, 4, 5.5), make_time(1, 2, 3)
---
SELECT current_timestamp(0) IS NOT NULL, localtime(0) IS NOT NULL, extract(microseconds FROM current_timestamp(0))::int % 1000000, current_time IS NOT NULL
---
SELECT INTERVAL '1-2', INTERVAL '1' YEAR, INTERVAL '3 4:05:06', INTERVAL '-1 day', INTERVAL '1.5 hours', INTERVAL 'P1Y2M', INTERVAL '2' DAY * 3, '1 week'::interval
---
SELECT INTERVAL '1-2' YEAR TO MONTH, INTERVAL '1 12:00' DAY TO MINUTE
---
SELECT 7 / 2, -7 / 2, 7 % -3, 2 ^ 3, 2 ^ 3 ^ 2, 5 # 3, 10::numeric / 4, div(7, 2), round(2.5), round(2.567, 2), round(2.5::float8), trunc(2.7), 5::float4, 1.1::real, 2::double precision, 3::float
---
SELECT length('ünï'), octet_length('ünï'), bit_length('a'), initcap('hello world'), overlay('abcdef' placing 'X' from 2 for 3), substring('foobar' from 'o.b'), substring('abc', 2), translate('12345', '143', 'ax'), btrim('xxaxx', 'x'), trim(leading 'x' from 'xxa'), trim(from '  b '), quote_ident('A b'), format('%s-%I', 'a', 'B c')
---
SELECT name COLLATE "C" FROM customers ORDER BY name COLLATE "C"
---
SELECT percentile_disc(ARRAY[0.25, 0.75]) WITHIN GROUP (ORDER BY amount), mode() WITHIN GROUP (ORDER BY status DESC), rank(10) WITHIN GROUP (ORDER BY amount) FROM orders
---
SELECT id, sum(amount) OVER (PARTITION BY status ORDER BY placed RANGE BETWEEN INTERVAL '30 days' PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM orders ORDER BY id
---
SELECT status, count(*) FROM orders GROUP BY DISTINCT ROLLUP (status, customer_id) ORDER BY 1, 2
---
SELECT GROUPING(status, customer_id), status FROM orders GROUP BY status, GROUPING SETS ((customer_id), ()) ORDER BY 1, 2
---
SELECT count(*) FROM orders TABLESAMPLE BERNOULLI (100) REPEATABLE (42)
---
SELECT count(*) FROM orders o TABLESAMPLE SYSTEM (100)
---
SELECT id FROM orders ORDER BY customer_id FETCH FIRST 2 ROWS WITH TIES
---
SELECT id FROM orders ORDER BY id OFFSET 1 ROWS FETCH NEXT 2 ROWS ONLY
---
SELECT id FROM orders ORDER BY id LIMIT ALL
---
WITH a AS MATERIALIZED (SELECT 1 AS x), b AS NOT MATERIALIZED (SELECT x + 1 AS y FROM a) SELECT * FROM a, b
---
WITH RECURSIVE f(n, a, b) AS (VALUES (1, 0, 1) UNION ALL SELECT n + 1, b, a + b FROM f WHERE n < 10) SELECT a FROM f ORDER BY n
---
SELECT (c).*, (json_each(raw)).key FROM customers c JOIN docs d USING (id) WHERE id = 1 ORDER BY key
---
SELECT c FROM customers c ORDER BY c.id
---
SELECT ROW(1, 'a'), (1, 2) < (2, 1), ROW(1, NULL) IS NULL, ROW(NULL, NULL) IS NULL, ROW(1, NULL) IS NOT NULL
---
SELECT B'101'
---
SELECT id IS NULL, id ISNULL, id NOTNULL FROM customers ORDER BY id
---
SELECT 5 BETWEEN SYMMETRIC 10 AND 1, 5 NOT BETWEEN 1 AND 3, (TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-05') OVERLAPS (TIMESTAMP '2026-01-03', INTERVAL '5 days')
---
SELECT to_tsvector('english', 'the quick foxes') @@ to_tsquery('english', 'fox & quick'), ts_rank(to_tsvector('english', 'fox'), to_tsquery('english', 'fox'))
---
SELECT encode(sha256('abc'::bytea), 'hex'), decode('4142', 'hex'), md5('x'), gen_random_uuid() IS NOT NULL, 'f47ac10b-58cc-4372-a567-0e02b2c3d479'::uuid
---
SELECT n.nspname, c.relname, a.attname FROM pg_catalog.pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid WHERE c.relname = 'tree' AND a.attnum > 0 ORDER BY a.attnum
---
SELECT pg_catalog.upper('x'), pg_catalog.count(*) FROM customers
---
SELECT public.customers.name FROM public.customers ORDER BY public.customers.id
---
SELECT CASE WHEN EXISTS (SELECT 1 FROM orders WHERE amount > 1000) THEN 'y' ELSE 'n' END, (SELECT count(*) FROM orders) + (SELECT count(*) FROM customers)
---
SELECT array_agg(DISTINCT status ORDER BY status) FILTER (WHERE status IS NOT NULL), string_agg(DISTINCT status, ',' ORDER BY status) FROM orders
---
SELECT corr(id, amount), regr_slope(amount, id), covar_samp(id, amount), bit_or(id), every(amount > 0) FROM orders
---
SELECT id, dense_rank() OVER w, cume_dist() OVER w, percent_rank() OVER (w ROWS UNBOUNDED PRECEDING), nth_value(id, 2) OVER w FROM orders WINDOW w AS (ORDER BY amount, id) ORDER BY id
---
SELECT CAST(ROW(1, 2) AS text), CAST('{"a":1}' AS jsonb) -> 'a', '2026-01-01'::timestamptz AT TIME ZONE 'UTC' IS NOT NULL, '12:00'::time, '1.5'::money::numeric, true::int, 'a'::char(3), 'abc'::varchar(2), 1::bool, 3::int2, 4::int8
---
SELECT width_bucket(5, 0, 10, 5), 4 IN (1, 2, 4), NOT 1 IN (2), 1 <> 2, 1 != 2
---
SELECT EXTRACT(DAY FROM (placed - lag(placed) OVER (ORDER BY placed))) FROM orders ORDER BY placed, id
---
SELECT * FROM (SELECT id, amount FROM orders WHERE amount > 5) AS s (a, b) WHERE b BETWEEN 10 AND 100 ORDER BY a
---
SELECT c.id, o.* FROM customers c LEFT JOIN orders o ON (c.id = o.customer_id) WHERE o.* IS NOT NULL ORDER BY c.id, o.id
---
SELECT 'abc' LIKE ANY (ARRAY['a%', 'b%']), 1 = SOME (ARRAY[1, 2]), 3 <> ALL (ARRAY[1, 2]), 5 > ANY ('{1,9}'::int[])

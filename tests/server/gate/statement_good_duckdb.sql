FROM customers ORDER BY id
---
FROM orders SELECT status, sum(amount) AS s GROUP BY ALL ORDER BY ALL
---
SELECT status, count(*) FROM orders GROUP BY ALL ORDER BY ALL DESC NULLS LAST
---
SELECT * EXCLUDE (born, active) FROM customers ORDER BY id
---
SELECT * REPLACE (upper(name) AS name) FROM customers ORDER BY id
---
SELECT * EXCLUDE (born) REPLACE (id + 1 AS id) FROM customers ORDER BY id
---
SELECT * RENAME (id AS customer_id) FROM customers ORDER BY 1
---
SELECT id, amount, row_number() OVER (PARTITION BY customer_id ORDER BY amount DESC, id) AS rn FROM orders QUALIFY rn = 1 ORDER BY id
---
SELECT id FROM orders QUALIFY row_number() OVER (PARTITION BY status ORDER BY id) <= 2 ORDER BY id
---
SELECT [1, 2, 3], [1, 2, 3][1], [1, 2, 3][2:], [1, 2, 3][-1], [[1], [2, 3]], list_value(1, 2)
---
SELECT {'a': 1, 'b': 'x'}, {'a': 1}.a, {'a': {'b': 2}}['a']['b'], struct_pack(k := 1, v := 'z')
---
SELECT s.a, s['b'], s.* FROM docs ORDER BY id
---
SELECT MAP {'x': 1, 'y': 2}, MAP {'x': 1}['x'], m['k'], map_keys(m), cardinality(m) FROM docs ORDER BY id
---
SELECT list_transform([1, 2, 3], lambda x : x * 2), list_filter([1, 2, 3], lambda x : x > 1), list_reduce([1, 2, 3], lambda a, b : a + b)
---
SELECT list_transform([1, 2, 3], lambda x, i : x + i), [x * 2 FOR x IN [1, 2, 3] IF x > 1]
---
SELECT list_sort([3, 1, 2]), list_reverse_sort([3, 1, 2]), array_sort([3, NULL, 1]), list_sort([3, 1], 'DESC'), list_sort([3, NULL, 1], 'DESC', 'NULLS FIRST'), list_distinct([1, 1]), list_contains([1, 2], 2), list_aggregate([1, 2], 'sum'), list_unique([1, 1, 2]), flatten([[1], [2]])
---
SELECT list_concat([1], [2]), list_append([1], 2), list_prepend(0, [1]), array_to_string(['a', 'b'], '-'), list_slice([1, 2, 3, 4], 2, 3), list_position([5, 6], 6), list_zip([1], ['a']), len([1, 2]), list_sum([1, 2]), list_has_any([1], [1, 2])
---
SELECT unnest([1, 2, 3]) AS x, unnest({'a': 1, 'b': 2})
---
SELECT id, t.tag FROM docs, unnest(tags) AS t(tag) ORDER BY id, tag
---
SELECT range, i FROM range(3) CROSS JOIN range(2) t2(i) ORDER BY 1, 2
---
SELECT range(3), generate_series(1, 3), range(1, 10, 3), generate_series(3)
---
SELECT * FROM range(DATE '2026-01-01', DATE '2026-01-04', INTERVAL 1 DAY) ORDER BY 1
---
SELECT * FROM generate_series(TIMESTAMP '2026-01-01', TIMESTAMP '2026-01-02', INTERVAL '6 hours') AS g(t) ORDER BY t
---
SELECT body -> 'a' -> 'b', body ->> '$.a.b[0]', body -> '$.a.b[*]', body ->> 'k.e', body -> '/a/b', body -> 0, body ->> '0', body -> '$.a.b[#-1]' FROM docs ORDER BY id
---
SELECT json_extract(body, '$.a.b[2].c'), json_extract_string(body, '$.a.b[2].c'), body.a.b, json_type(body), json_keys(body), json_array_length(body, '$.list') FROM docs ORDER BY id
---
SELECT (body ->> '$.a.b[0]')::INT + 1, (body ->> 'k.e') = '5' FROM docs WHERE id = 1
---
SELECT k.key, k.value FROM docs, json_each(docs.body) AS k WHERE docs.id = 2 ORDER BY k.key
---
SELECT json_group_array(id), json_object('a', 1, 'b', 'x'), to_json({'a': 1}), json_array(1, 'a', NULL), json_valid('{}') FROM customers
---
SELECT first(name ORDER BY id), last(name ORDER BY id), arg_max(name, id), arg_min(name, id), max(id, 2), min(id, 2), any_value(city), list(id ORDER BY id), count_if(active) FROM customers
---
SELECT quantile_cont(amount, 0.5), quantile_disc(amount, [0.25, 0.75]), median(amount), approx_count_distinct(id) > 0, mode(status), histogram(status), product(id), mad(amount), skewness(amount), kurtosis(amount) FROM orders
---
SELECT string_agg(name, ',' ORDER BY id), group_concat(name, ';' ORDER BY id), listagg(name, '|' ORDER BY id) FROM customers
---
SELECT strftime(placed, '%Y-%m-%d %H:%M'), strptime('31/12/2026', '%d/%m/%Y'), strftime(placed, '%-d %b, %A'), date_diff('day', DATE '2026-01-01', placed::DATE), datediff('month', born, DATE '2026-01-01'), date_add(DATE '2026-01-01', INTERVAL 1 MONTH) FROM orders, customers WHERE orders.id = customers.id ORDER BY orders.id
---
SELECT date_sub('month', DATE '2026-01-31', DATE '2026-03-30'), dayname(DATE '2026-01-01'), monthname(DATE '2026-01-01'), last_day(DATE '2026-02-01'), week(DATE '2026-02-01'), year(placed), month(placed), day(placed), hour(placed), epoch(placed), epoch_ms(placed), make_date(2026, 1, 2), make_timestamp(2026, 1, 2, 3, 4, 5.5), time_bucket(INTERVAL 1 WEEK, placed), to_days(3), isodow(placed) FROM orders ORDER BY id
---
SELECT INTERVAL 3 DAY, INTERVAL (id) MONTH, INTERVAL '2' HOURS, INTERVAL '1 year 3 days', to_months(2) FROM customers ORDER BY id
---
SELECT placed + INTERVAL (id) DAY, date_trunc('week', placed), date_trunc('quarter', born), extract('dow' FROM placed), extract(epoch FROM placed), date_part(['year', 'month'], placed) FROM orders JOIN customers USING (id) ORDER BY id
---
SELECT TRY_CAST('x' AS INTEGER), TRY_CAST('5' AS INTEGER), '5'::UTINYINT, 1::HUGEINT, 1.5::FLOAT, 'a'::VARCHAR, '[1, 2]'::INTEGER[], 5::DECIMAL(18, 3), 5::DECIMAL, 1::TINYINT, 'x'::BLOB, '2026-01-01'::TIMESTAMPTZ IS NOT NULL, 2::REAL, 3::DOUBLE, 1::BOOL
---
SELECT CAST({'a': 1} AS STRUCT(a BIGINT)), CAST(MAP {'a': 1} AS MAP(VARCHAR, BIGINT)), [1]::BIGINT[], [[1]]::INTEGER[][], [1, 2, 3]::INTEGER[3]
---
SELECT 7 // 2, 7 / 2, 7 % 3, 2 ** 3, 2 ^ 3, pow(2, 3), xor(5, 3), 10_000
---
SELECT regexp_matches('abc', 'b'), regexp_extract('a-12', '(\d+)', 1), regexp_extract('a-12', '\d'), regexp_full_match('abc', 'a.c'), 'abc' ~ 'a.c', 'abc' !~ 'b', regexp_extract_all('a1b2', '\d'), regexp_split_to_array('a b', ' '), regexp_replace('aaa', 'a', 'b'), regexp_extract('2026-01', '(\d+)-(\d+)', ['y', 'm'])
---
SELECT string_split('a,b', ','), split('a-b', '-'), str_split('a b', ' '), starts_with('abc', 'a'), 'abc' ^@ 'a', contains('abc', 'b'), instr('abc', 'b'), levenshtein('a', 'b'), jaccard('ab', 'ac'), format('{} {}', 'a', 1), printf('%d-%s', 1, 'x'), ends_with('abc', 'c'), 'abc' GLOB 'a*', concat_ws(',', 'a', NULL), hash('x') IS NOT NULL, bar(5, 0, 10, 10), strip_accents('ü')
---
SELECT name.upper(), name.lower().length() FROM customers ORDER BY id
---
SELECT COLUMNS('a.*') FROM orders ORDER BY id
---
SELECT min(COLUMNS(*)) FROM (SELECT id, amount FROM orders)
---
SELECT COLUMNS(* EXCLUDE (born)) FROM customers ORDER BY 1
---
SELECT o.id, c.name FROM orders o ASOF JOIN (SELECT id, name, TIMESTAMP '2026-01-10' + INTERVAL (id) DAY AS t FROM customers) c ON o.placed >= c.t ORDER BY o.id
---
SELECT c.id FROM customers c SEMI JOIN orders o ON o.customer_id = c.id ORDER BY c.id
---
SELECT c.id FROM customers c ANTI JOIN orders o ON o.customer_id = c.id ORDER BY c.id
---
SELECT * FROM (SELECT id FROM customers ORDER BY id) POSITIONAL JOIN (SELECT id AS oid FROM orders ORDER BY id)
---
SELECT count(*) FROM customers USING SAMPLE 100 PERCENT (bernoulli, 42)
---
SELECT count(*) FROM orders TABLESAMPLE 100%
---
SELECT count(*) FROM orders TABLESAMPLE RESERVOIR (3 ROWS) REPEATABLE (5)
---
SELECT * FROM orders ORDER BY id LIMIT 50%
---
SELECT if(id > 2, 'a', 'b'), ifnull(city, 'x'), CASE WHEN active THEN 1 END FROM customers ORDER BY id
---
SELECT id, name FROM customers UNION BY NAME SELECT name, 9 AS id FROM customers ORDER BY id, name
---
SELECT id IN [1, 2], id IN (1, 2), 'red' IN tags FROM docs ORDER BY id
---
SELECT x: 1, y: 2
---
SELECT id AS i, i + 1 AS j FROM customers WHERE i > 2 ORDER BY j
---
SELECT status, customer_id, sum(amount) FROM orders GROUP BY CUBE (status, customer_id) ORDER BY ALL
---
SELECT * FROM orders PIVOT (sum(amount) FOR status IN ('paid', 'open') GROUP BY customer_id) ORDER BY customer_id
---
SELECT * FROM (SELECT 1 AS id, 2 AS a, 3 AS b) UNPIVOT (v FOR k IN (a, b)) ORDER BY k
---
SELECT to_timestamp(1700000000) IS NOT NULL, epoch_ms(1700000000000), today() IS NOT NULL, current_localtimestamp() IS NOT NULL, get_current_timestamp() IS NOT NULL
---
SELECT encode('ä'), decode('\xC3\xA4'::BLOB), base64('x'::BLOB), hex('a'), unhex('41'), md5('a'), sha256('a'), to_base64('a'::BLOB), from_base64('YQ=='), typeof(1), uuid() IS NOT NULL, bit_count(5), ord('a')
---
SELECT id, lag(amount IGNORE NULLS) OVER (ORDER BY id), last_value(status IGNORE NULLS) OVER (ORDER BY id), sum(amount) OVER (ORDER BY placed RANGE BETWEEN INTERVAL 30 DAYS PRECEDING AND CURRENT ROW) FROM orders ORDER BY id
---
WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < 5) SELECT sum(n) FROM t
---
SELECT struct_extract({'a': 1}, 'a'), map_from_entries([('k', 1)]), element_at(MAP {'a': 1}, 'a'), row(1, 2), (1, 2), list_extract([1, 2], 1), array_value(1, 2)
---
SELECT table_name, column_name FROM information_schema.columns WHERE table_name = 'tree' ORDER BY ordinal_position
---
SELECT #2, #1 FROM customers ORDER BY id
---
SELECT main.customers.id FROM main.customers ORDER BY ALL
---
SELECT sum(amount) FILTER (status = 'paid') FROM orders
---
SELECT round(amount), round(amount, 1), round_even(2.5, 0), trunc(2.7), sign(-1), gcd(4, 6), isnan(1.0), bit_xor(id), even(3), factorial(5) FROM orders GROUP BY ALL ORDER BY 1, 2
---
SELECT NOT name LIKE 'A%', name NOT ILIKE 'a%', name NOT IN ('x'), NOT (id = 1 OR id = 2), -id ** 2, -(id::INT), (id + 1)::VARCHAR, 1 + 2::INT * 3 FROM customers ORDER BY id

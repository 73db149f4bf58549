SELECT 1
---
SELECT id, name FROM customers WHERE active ORDER BY id;
---
select * from customers where name like 'A%' or city like '%os%' order by id
---
SELECT count(*), count(DISTINCT city), count(city) FROM customers -- a comment; with a semicolon
---
SELECT count(*) FROM customers # a comment; with a semicolon and a quote '
---
SELECT /* inner; comment ' " ` # -- */ status, sum(amount) AS total FROM orders GROUP BY status HAVING sum(amount) > 10 ORDER BY total DESC
---
SELECT c.name, o.amount FROM customers c JOIN orders o ON o.customer_id = c.id ORDER BY o.id
---
SELECT c.name, o.amount FROM customers AS c LEFT JOIN orders AS o ON o.customer_id = c.id AND o.status = 'paid' ORDER BY c.id, o.id
---
SELECT c.id, o.id AS oid FROM customers c RIGHT OUTER JOIN orders o ON o.customer_id = c.id ORDER BY oid
---
SELECT a.id, b.id FROM customers a CROSS JOIN customers b WHERE a.id < b.id ORDER BY 1, 2
---
SELECT a.id FROM customers a STRAIGHT_JOIN orders b ON a.id = b.customer_id ORDER BY 1
---
SELECT id, orders.amount FROM orders JOIN (SELECT id FROM customers) AS x USING (id) ORDER BY id
---
SELECT count(*) FROM customers NATURAL JOIN (SELECT id FROM orders) q
---
SELECT count(*) FROM customers a LEFT JOIN (orders b, tree c) ON a.id = b.customer_id AND c.id = b.id
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
SELECT id, lag(amount, 1) OVER (ORDER BY id), lead(amount) OVER (ORDER BY id), first_value(amount) OVER (ORDER BY id), ntile(3) OVER (ORDER BY id), nth_value(id, 2) OVER (ORDER BY id) FROM orders ORDER BY id
---
SELECT id, sum(amount) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM orders ORDER BY id
---
SELECT rank() OVER (ORDER BY amount), dense_rank() OVER (ORDER BY amount), percent_rank() OVER (ORDER BY amount), cume_dist() OVER (ORDER BY amount) FROM orders ORDER BY id
---
SELECT status, customer_id, sum(amount) FROM orders GROUP BY status, customer_id WITH ROLLUP
---
SELECT DISTINCT city FROM customers ORDER BY city
---
SELECT count(DISTINCT city, active) FROM customers
---
SELECT id FROM customers UNION SELECT id FROM orders ORDER BY id
---
SELECT id FROM customers UNION ALL (SELECT id FROM orders ORDER BY id LIMIT 2) ORDER BY id
---
SELECT id FROM customers INTERSECT SELECT id FROM orders EXCEPT SELECT 1 ORDER BY 1
---
SELECT id FROM customers ORDER BY id LIMIT 2
---
SELECT id FROM customers ORDER BY id LIMIT 2 OFFSET 1
---
SELECT id FROM customers ORDER BY id LIMIT 1, 2
---
(SELECT id FROM customers ORDER BY id LIMIT 1)
---
SELECT 1 FROM dual
---
SELECT 1 AS one FROM DUAL WHERE 1 = 0
---
SELECT 'it''s', 'it\'s', "it's", "say ""hi""", "say \"hi\"", 'a"b', '', ""
---
SELECT 'back\\slash', '\\', '\\\\', 'tab\there', 'line\nbreak', '\r\n', '\b', '\Z', '\q', '\x41', '\u00e9'
---
SELECT '100\%', 'a\_b', '\\%', "\%"
---
SELECT 'line
break', 'a -- b', 'a # b', 'a /* b */ c', 'a;b', 'a`b', '?', '@x', ':x', '%s'
---
SELECT 'one' ' and ' 'two', 'a' "b"
---
SELECT 'ümläut', '日本語', '🙂', _body FROM (SELECT 'x' AS _body) t
---
SELECT name FROM customers WHERE name LIKE '%\\\\%' OR name LIKE '%\_%' OR name LIKE '%|%%' ESCAPE '|' ORDER BY id
---
SELECT name FROM customers WHERE name = 'O''Neil' OR name = "O'Neil" OR name = 'O\'Neil'
---
SELECT id FROM customers WHERE name = 'Ça\\va'
---
SELECT 5--1, 5 - -1, - -1, 5-- 1
+ 2
---
SELECT 1 /**/ + /* x */ 2 -- y
---
SELECT `id` AS `the ``id```, name AS 'a name', city AS "the city" FROM `customers` ORDER BY `id`
---
SELECT `Ünï`, `select` FROM `Mixed Case` ORDER BY 1
---
SELECT c.* , 1 AS one FROM customers c ORDER BY c.id
---
SELECT id b, name "c" FROM customers a ORDER BY b
---
SELECT x'4D7953514C', X'00ff', 0x4142, 0xfF, b'101', 0b11, hex(b'1010'), x'41' + 0, 0x0A + 1
---
SELECT 1, 1.5, .5, 1., 1e3, 1.5e-3, 12345678901234567890123.45, 18446744073709551615, -9223372036854775808, 0.1 + 0.2, 0.1e0 + 0.2e0
---
SELECT TRUE, FALSE, NULL, true AND NOT false, 1 IS TRUE, NULL IS UNKNOWN, 0 IS NOT TRUE
---
SELECT 1 <=> NULL, NULL <=> NULL, 1 <> 2, 1 != 2, 2 >= 1, 1 = 1 = 1
---
SELECT 7 DIV 2, 7 % 2, 7 MOD 2, 7 / 2, mod(7, 2), -7 DIV 2, 1 / 0, 5 ^ 3, 5 | 2, 5 & 4, ~0, 1 << 3, 8 >> 1
---
SELECT 1 XOR 1, 1 || 0, 1 && 0, !1, NOT 1, ! 0 + 1, NOT 0 + 1
---
SELECT id FROM customers WHERE city IS NULL OR NOT active ORDER BY id
---
SELECT id FROM customers WHERE id IN (1, 2) AND id NOT IN (3, 4) AND id BETWEEN 1 AND 3 AND id NOT BETWEEN 5 AND 6
---
SELECT id FROM customers WHERE (id, active) IN ((1, TRUE), (2, TRUE)) ORDER BY id
---
SELECT id FROM customers c WHERE EXISTS (SELECT 1 FROM orders o WHERE o.customer_id = c.id) AND NOT EXISTS (SELECT 1 FROM orders WHERE customer_id = c.id AND status = 'void') ORDER BY id
---
SELECT id FROM orders WHERE amount >= ALL (SELECT amount FROM orders) OR amount = ANY (SELECT 5.00) OR amount > SOME (SELECT 99) ORDER BY id
---
SELECT (SELECT max(amount) FROM orders) AS top, (SELECT count(*) FROM customers)
---
SELECT CASE status WHEN 'paid' THEN 1 WHEN 'open' THEN 2 ELSE 0 END, CASE WHEN amount > 50 THEN 'big' END FROM orders ORDER BY id
---
SELECT if(active, 'yes', 'no'), ifnull(city, '?'), nullif(id, 1), coalesce(NULL, city, 'x'), isnull(city) FROM customers ORDER BY id
---
SELECT name FROM customers WHERE name REGEXP '^[a-e]' AND name RLIKE 'e' OR name NOT REGEXP '.' ORDER BY id
---
SELECT name REGEXP BINARY '^e', BINARY name = 'EVE', name COLLATE utf8mb4_bin = 'Eve' FROM customers ORDER BY id
---
SELECT regexp_replace('abc', 'b', 'x'), regexp_substr('abc', 'b.'), regexp_instr('abc', 'c')
---
SELECT 'Robert' SOUNDS LIKE 'Rupert', soundex('Robert')
---
SELECT concat('a', 'b', 1), concat_ws('-', 'a', NULL, 'b'), lower('Ä'), upper('ä'), length('ä'), char_length('ä'), bit_length('a'), reverse('ab')
---
SELECT left('abc', 2), right('abc', 2), mid('abc', 2, 1), substr('abc', -2), substring('abc', 2), substring('abc' FROM 2 FOR 1), substring_index('a.b.c', '.', 2)
---
SELECT trim('  a '), ltrim(' a'), rtrim('a '), trim(LEADING 'x' FROM 'xax'), trim(BOTH 'x' FROM 'xax'), trim(TRAILING 'x' FROM 'xax'), trim('x' FROM 'xax'), lpad('a', 3, 'x'), rpad('a', 3, 'x')
---
SELECT locate('b', 'abc'), locate('b', 'abcb', 3), position('c' IN 'abc'), instr('abc', 'b'), field('b', 'a', 'b'), elt(2, 'a', 'b'), find_in_set('b', 'a,b'), strcmp('a', 'b')
---
SELECT replace('abc', 'b', 'x'), insert('abc', 2, 1, 'xyz'), repeat('ab', 3), space(2), ascii('a'), ord('a'), char(77, 121), char(65), hex('abc'), unhex('4D'), quote('it''s')
---
SELECT md5('a'), sha1('a'), sha2('a', 256), crc32('a'), to_base64('abc'), from_base64('YWJj'), conv('ff', 16, 10), bin(5), oct(8), hex(255), inet_ntoa(inet_aton('10.0.0.1')), bit_count(7)
---
SELECT abs(-1), ceil(1.2), ceiling(1.2), floor(1.8), round(1.255, 2), truncate(1.299, 2), sign(-3), pow(2, 3), power(2, 3), sqrt(9), exp(0), ln(1), log(2, 8), log10(100), log2(8), greatest(1, 3, 2), least(1, 3, 2), pi(), degrees(0), radians(0), sin(0), cos(0), tan(0), atan2(0, 1), rand(3), format(1234.5, 1)
---
SELECT DATE '2026-01-31', TIME '10:20:30.5', TIMESTAMP '2026-01-31 10:20:30.123456', date '2026-01-31' + INTERVAL 1 DAY
---
SELECT placed + INTERVAL 1 DAY, placed - INTERVAL 1.5 HOUR, INTERVAL 2 MONTH + placed, placed + INTERVAL '1:30' MINUTE_SECOND, placed + INTERVAL '1 2' DAY_HOUR, placed + INTERVAL id WEEK, placed + INTERVAL '1.5' DAY, placed + INTERVAL 1.5 DAY, placed + INTERVAL - 1 QUARTER FROM orders ORDER BY id
---
SELECT date_add(placed, INTERVAL 1 YEAR), date_sub(placed, INTERVAL 1 MINUTE), adddate(placed, 3), subdate(placed, INTERVAL 2 DAY), addtime(placed, '01:00:00'), timestampadd(DAY, 2, placed), timestampdiff(HOUR, placed, '2026-02-01'), timestampdiff(day, '2026-01-01', placed), datediff(placed, '2026-01-01') FROM orders ORDER BY id
---
SELECT extract(YEAR FROM placed), extract(YEAR_MONTH FROM placed), extract(day_hour FROM placed), year(placed), month(placed), day(placed), hour(placed), minute(placed), second(placed), microsecond(placed), quarter(placed), week(placed, 3), weekday(placed), dayofweek(placed), dayofyear(placed), dayname(placed), monthname(placed), last_day(placed), yearweek(placed) FROM orders ORDER BY id
---
SELECT date(placed), time(placed), timestamp(placed), timestamp(date(placed), '01:02:03'), date_format(placed, '%Y-%m-%d %H:%i'), time_format(time(placed), '%H'), str_to_date('31.12.2026', '%d.%m.%Y'), to_days(placed), from_days(740000), to_seconds(placed), unix_timestamp(placed), from_unixtime(0), makedate(2026, 32), maketime(1, 2, 3), sec_to_time(3700), time_to_sec('01:00:00'), period_add(202601, 2), convert_tz(placed, '+00:00', '+02:00') FROM orders ORDER BY id
---
SELECT now() IS NOT NULL, current_timestamp IS NOT NULL, current_timestamp(3) IS NOT NULL, current_date = curdate(), current_date() = current_date, current_time IS NOT NULL, localtime IS NOT NULL, localtimestamp() IS NOT NULL, utc_timestamp() IS NOT NULL, utc_date() IS NOT NULL, sysdate() IS NOT NULL
---
SELECT cast('12' AS SIGNED), cast('12' AS UNSIGNED), cast(1.255 AS DECIMAL(5, 2)), cast('2026-01-31' AS DATE), cast('2026-01-31 10:20:30.5' AS DATETIME(1)), cast('10:20:30' AS TIME), cast(12 AS CHAR), cast('abc' AS CHAR(2)), cast('abc' AS BINARY), cast('1.5' AS DOUBLE), cast(65 AS CHAR CHARACTER SET utf8mb4), cast('12' AS INT)
---
SELECT convert('12', SIGNED), convert('abc' USING utf8mb4), convert('abc', CHAR(2)), convert(1.5, DECIMAL(4, 1))
---
SELECT json_extract(body, '$.a.b[1]'), json_unquote(json_extract(body, '$.a.b[2].c')), json_value(body, '$.a.b[0]'), json_keys(body), json_length(body), json_type(body), json_valid(body), json_depth(body) FROM docs ORDER BY id
---
SELECT json_object('a', 1, 'b', NULL), json_array(1, 'x', NULL), json_set('{"a": 1}', '$.b', 2), json_insert('{}', '$.a', 1), json_replace('{"a": 1}', '$.a', 2), json_remove('{"a": 1}', '$.a'), json_merge_patch('{"a": 1}', '{"b": 2}'), json_contains('[1, 2]', '1'), json_search('["a"]', 'one', 'a'), json_quote('a')
---
SELECT json_arrayagg(id), json_objectagg(id, status), group_concat(status ORDER BY id DESC SEPARATOR '|'), group_concat(DISTINCT status), group_concat(id, ':', status) FROM orders
---
SELECT group_concat(DISTINCT customer_id ORDER BY customer_id DESC SEPARATOR ', ') AS ids, count(*) AS n FROM orders GROUP BY status ORDER BY status
---
SELECT sum(amount), avg(amount), min(placed), max(placed), std(amount), stddev_samp(amount), var_pop(amount), variance(amount), bit_or(id), bit_and(id), bit_xor(id) FROM orders
---
SELECT id, flags, kind, hex(raw), big, at, made, bits + 0 FROM docs WHERE find_in_set('a', flags) OR kind = 'y' OR id = 3 ORDER BY id
---
SELECT raw, bits, body FROM docs ORDER BY id
---
SELECT id, match(note) AGAINST ('quick') > 0 FROM docs WHERE match(note) AGAINST ('+quick -jumps' IN BOOLEAN MODE) ORDER BY id
---
SELECT st_astext(st_geomfromtext('POINT(1 2)')), st_x(point(3, 4)), st_distance(point(0, 0), point(3, 4))
---
SELECT table_name, table_rows IS NULL FROM information_schema.tables WHERE table_schema = 'none'
---
SELECT column_name, data_type FROM INFORMATION_SCHEMA.COLUMNS WHERE table_name = 'customers' AND table_schema = 'none' ORDER BY ordinal_position
---
SELECT city, count(*) AS n FROM customers GROUP BY city HAVING n > 0 ORDER BY n DESC, city
---
SELECT city, count(*) FROM customers GROUP BY 1 ORDER BY NULL
---
SELECT year(placed) AS y, month(placed) AS m, sum(amount) FROM orders GROUP BY y, m ORDER BY y, m
---
SELECT t.id, t.label FROM tree AS t WHERE t.parent IN (SELECT id FROM tree WHERE parent IS NULL) ORDER BY t.id
---
SELECT a.id FROM (SELECT id FROM customers ORDER BY id LIMIT 3) a JOIN (SELECT customer_id FROM orders) b ON a.id = b.customer_id GROUP BY a.id ORDER BY a.id
---
SELECT (1 + 2) * 3, -(2 + 3), - 2, + 2, (((1)))
---
SELECT 'a' = 'A', 'a' = BINARY 'A', 'a' < 'b', 'a' LIKE 'A', 'a' NOT LIKE 'b'
---
SELECT row(1, 2) = row(1, 2), (1, 2) < (1, 3)
---
SELECT id FROM orders WHERE placed > '2026-01-31' AND placed < DATE '2026-04-01' AND amount > '10' ORDER BY id
---
SELECT id FROM orders WHERE date(placed) = DATE '2026-01-15' OR placed BETWEEN TIMESTAMP '2026-02-01 00:00:00' AND TIMESTAMP '2026-02-02 00:00:00' ORDER BY id
---
SELECT charset('a'), collation('a'), coercibility('a')
---
SELECT count(*) AS `count`, sum(1) AS `sum`, 1 AS `from`, 2 AS `group` FROM customers
---
SELECT date, time FROM (SELECT 1 AS date, 2 AS time) AS timestamp
---
SELECT year.year FROM (SELECT 2026 AS year) AS year
---
SELECT left.a FROM (SELECT 1 AS a) AS `left` JOIN (SELECT 1 AS a) AS r USING (a)
---
SELECT count(*) FROM orders WHERE status <=> NULL
---
SELECT DISTINCTROW status FROM orders ORDER BY status
---
SELECT id, amount FROM orders ORDER BY amount DESC, id ASC LIMIT 3
---
SELECT id FROM orders ORDER BY field(status, 'paid', 'open'), id
---
SELECT sum(if(status = 'paid', amount, 0)) AS paid, sum(status = 'open') AS open FROM orders
---
SELECT substring_index(group_concat(id ORDER BY amount DESC), ',', 1) FROM orders
---
SELECT strcmp('a', 'a'), export_set(5, 'Y', 'N', ',', 4), make_set(5, 'a', 'b', 'c'), weight_string('a') IS NOT NULL, uncompress(compress('abc'))
---
SELECT ALL id FROM customers ORDER BY id
---
SELECT 1 AS `a.b`, 2 AS `a;b`, 3 AS `a--b`, 4 AS `a#b`, 5 AS `a/*b`, 6 AS `a'b`, 7 AS `a"b`
---
SELECT id FROM customers WHERE name = "x" OR "a" = 'a' ORDER BY id
---
SELECT 9223372036854775807 + 0, 18446744073709551615 - 1, 0.000000000000000000000000000001, 99999999999999999999999999999999999.5
---
SELECT TABLE_NAME FROM information_schema.`TABLES` WHERE 1 = 0

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

-- orders of each city
SELECT c.city, count(*), sum(o.amount) FROM customers c JOIN orders o ON o.customer_id = c.id GROUP BY c.city ORDER BY 1 NULLS LAST
---
-- running total
SELECT id, sum(amount) OVER (ORDER BY id) FROM orders ORDER BY id
---
-- when it ran
-- varies
SELECT now(), id FROM customers
---
-- a write of one row
INSERT INTO tree VALUES (5, 2, 'bud') RETURNING id, label
---
-- hard: path of each node
WITH RECURSIVE path AS (
  SELECT id, label::text AS way FROM tree WHERE parent IS NULL
  UNION ALL SELECT t.id, path.way || '/' || t.label FROM tree t JOIN path ON t.parent = path.id
)
SELECT * FROM path ORDER BY way

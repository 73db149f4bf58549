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

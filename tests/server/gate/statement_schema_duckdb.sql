-- More tables, for DuckDB alone.
CREATE TABLE docs (id INTEGER, body JSON, tags VARCHAR[], s STRUCT(a INTEGER, b VARCHAR), m MAP(VARCHAR, INTEGER));
INSERT INTO docs VALUES
  (1, '{"a": {"b": [1, 2, {"c": "x"}]}, "0": "zero", "k.e": 5}', ['red', 'green'], {'a': 1, 'b': 'x'}, MAP {'k': 1, 'l': 2}),
  (2, '{"a": null, "list": ["p", "q"]}', [], {'a': 2, 'b': NULL}, MAP {}),
  (3, '[{"n": 1}, {"n": 2}]', NULL, NULL, NULL);

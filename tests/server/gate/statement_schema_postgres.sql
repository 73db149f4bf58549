-- More tables, for PostgreSQL alone.
CREATE TABLE docs (id INTEGER, body JSONB, raw JSON, tags TEXT[], span DATERANGE, addr INET);
INSERT INTO docs VALUES
  (1, '{"a": {"b": [1, 2, {"c": "x"}]}, "0": "zero", "k.e": 5, "q''s": true}', '{"a": {"b": [10, 20]}, "t": "y"}', '{red,green}', '[2026-01-01,2026-02-01)', '10.0.0.1'),
  (2, '{"a": null, "list": ["p", "q"]}', '[1, 2, 3]', '{}', NULL, '10.1.0.0/16'),
  (3, '[{"n": 1}, {"n": 2}]', NULL, NULL, '[2026-03-01,)', NULL);

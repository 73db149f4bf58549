"""DuckDB in a process of its own, for files of every kind."""

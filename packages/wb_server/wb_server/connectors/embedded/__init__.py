"""DuckDB in separate processes, for files of every kind."""

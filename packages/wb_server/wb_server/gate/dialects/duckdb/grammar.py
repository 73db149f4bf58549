"""DuckDB's grammar as the gate parses it."""

from __future__ import annotations

from sqlglot.dialects.duckdb import DuckDB


class WorkbenchDuckDB(DuckDB):
    """sqlglot's DuckDB, without its changes to subscripts and ``IS NOT NULL``."""

    INDEX_OFFSET = 0
    NORMALIZE_NOT_NULL = False

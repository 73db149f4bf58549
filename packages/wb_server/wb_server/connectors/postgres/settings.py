"""Settings that the meaning of a statement, and of the values returned, depends on.

A database or a login may have other defaults (``ALTER DATABASE … SET``), and a pooler in between may
lose the settings of a session. So they are set in each transaction, in the round trip that begins it,
before the database reads the user's statement: with ``standard_conforming_strings`` off, a backslash
in a value would end its string elsewhere than the gate assumed.

Settings that a database's owner may have chosen deliberately stay: the order of day and month in
dates, the unit of money, the configuration of text search.
"""

from __future__ import annotations

from typing import Final

_WANTED: Final = {
    # How text is read.
    "standard_conforming_strings": "on",
    "backslash_quote": "off",
    "client_encoding": "UTF8",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "xmloption": "content",
    "xmlbinary": "base64",
    # How values are read and written as text; DateStyle keeps the order of day and month.
    "TimeZone": "UTC",
    "DateStyle": "ISO",
    "IntervalStyle": "postgres",
    "bytea_output": "hex",
    "extra_float_digits": "1",
    "quote_all_identifiers": "off",
    # Which rules hold: policies, triggers, foreign keys.
    "row_security": "on",
    "session_replication_role": "origin",
    # The lifetime of transactions, which the Workbench limits itself.
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
}


def _values(scope: str) -> str:
    """A statement that sets them; it skips settings that this version doesn't know."""
    wanted = ", ".join(f"('{name}', '{value}')" for name, value in _WANTED.items())
    return (
        f"SELECT pg_catalog.set_config(w.name, w.value, {scope}) "  # noqa: S608  constants
        f"FROM (VALUES {wanted}) w(name, value) "
        "WHERE pg_catalog.current_setting(w.name, true) OPERATOR(pg_catalog.<>) w.value"
    )


# Unless the search path names pg_catalog, it comes first, and nothing can shadow its types. A path
# that names it elsewhere is wrong. The schema of temporary tables precedes it, but not for functions
# and operators.
_SCHEMAS: Final = "(pg_catalog.current_schemas(true))"
PATH_IS_WRONG: Final = (
    f"CASE WHEN pg_catalog.starts_with({_SCHEMAS}[1]::pg_catalog.text, 'pg_temp_') "
    f"THEN {_SCHEMAS}[2] ELSE {_SCHEMAS}[1] END "
    "OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.name"
)


def _path(scope: str) -> str:
    return (
        "SELECT pg_catalog.set_config('search_path', COALESCE((SELECT pg_catalog.string_agg("  # noqa: S608
        "pg_catalog.quote_ident(s.name::pg_catalog.text), ', ' ORDER BY s.place) "
        "FROM pg_catalog.unnest(pg_catalog.current_schemas(false)) WITH ORDINALITY s(name, place) "
        f"WHERE s.name OPERATOR(pg_catalog.<>) 'pg_catalog'::pg_catalog.name), ''), {scope}) "
        f"WHERE {PATH_IS_WRONG}"
    )


VALUES: Final = _values("true")
IN_TRANSACTION: Final = f"{VALUES}; {_path('true')}"
IN_SESSION: Final = f"{_values('false')}; {_path('false')}"

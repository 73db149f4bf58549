"""How DuckDB reads a CSV file of a known dialect, and a file's lines as they are."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import duckdb

from ...kit.duckdb_sql import file_literal, literal

# A quoted empty value is an empty string, an unquoted one is NULL. No line is a comment.
_FIXED: Final = (
    "auto_detect = false, nullstr = '', allow_quoted_nulls = false, comment = '', "
    "strict_mode = true"
)


def read(
    paths: Sequence[str],
    dialect: dict[str, Any],
    names: Sequence[str],
    partitions: str = "hive_partitioning = false",
) -> str:
    """The relation of files' rows, all values as text."""
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    places = ", ".join(map(file_literal, paths))
    return f"read_csv([{places}], {_FIXED}{options_sql(dialect)}, {partitions}, columns = {{{columns}}})"


def options_sql(options: Mapping[str, Any]) -> str:
    """Options as DuckDB's functions take them, each with a comma before it."""
    return "".join(
        f", {key} = {literal(value) if isinstance(value, str) else str(value).lower()}"
        for key, value in options.items()
    )


def first_lines(connection: duckdb.DuckDBPyConnection, path: str, count: int) -> list[str]:
    """A file's first lines, without line breaks."""
    return [line or "" for line in all_lines(connection, path, f" LIMIT {count}")]


def all_lines(
    connection: duckdb.DuckDBPyConnection, path: str, limit: str = ""
) -> Iterator[str | None]:
    """A file's lines, without line breaks; ``None`` for an empty one."""
    found = connection.execute(
        f"SELECT line FROM read_csv({file_literal(path)}, auto_detect = false, header = false, "  # noqa: S608
        "delim = '\x01', quote = '', escape = '', strict_mode = false, "
        f"columns = {{'line': 'VARCHAR'}}){limit}"
    )
    while some := found.fetchmany(10_000):
        yield from (line for (line,) in some)


def fields_of(text: str, delimiter: str) -> list[str]:
    """The values in a line, without the blanks around them."""
    try:
        return [field.strip() for field in next(csv.reader([text], delimiter=delimiter))]
    except csv.Error:
        return [text]

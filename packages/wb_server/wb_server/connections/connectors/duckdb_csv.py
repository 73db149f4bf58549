"""CSV and TSV as tables: how a file is written, and the types of its columns, by all of its rows.

DuckDB's sniffer says how a file is written, from its first rows: the separator, the quotes, whether
there is a header. A later row that is written otherwise is an error. All values are read as texts,
and ``duckdb_texts`` finds their types.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import duckdb

from .duckdb_errors import BadValue
from .duckdb_texts import OF_TEXT, Facts, Texts, find_facts

_SNIFFED: Final = "SELECT Delimiter, Quote, Escape, SkipRows, HasHeader, list_transform(Columns, lambda c: c.name)"
# An empty value in quotes is a text, one without is NULL. No line is a comment.
_FIXED: Final = (
    "auto_detect = false, nullstr = '', allow_quoted_nulls = false, comment = '', "
    "strict_mode = true"
)


def literal(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def quoted(name: str) -> str:
    """A name as SQL."""
    return '"' + name.replace('"', '""') + '"'


def profile(connection: duckdb.DuckDBPyConnection, path: str, kind: str) -> dict[str, Any]:
    """How a file is written, and its columns.

    Raises:
        BadValue: its rows are of different lengths.
        duckdb.Error: it can't be read.
    """
    tabs = ", delim = '\t'" if kind == "tsv" else ""
    sniffed = connection.execute(
        f"{_SNIFFED} FROM sniff_csv({literal(path)}, comment = ''{tabs})"
    ).fetchone()
    assert sniffed is not None
    delimiter, quote, escape, skip, header, names = sniffed
    quote = '"' if quote == "(empty)" else quote
    dialect = {
        "delim": "\t" if kind == "tsv" else delimiter,
        "quote": quote,
        # Quotes of the first rows may hold none; later ones may.
        "escape": quote if escape == "(empty)" else escape,
        "skip": skip,
        "header": header,
    }
    if skip:
        _check_skipped(connection, path, dialect)
    columns = [Texts(quoted(name), OF_TEXT, trimmed=True) for name in names]
    facts = find_facts(
        lambda sql: connection.execute(sql).fetchall(), _read([path], dialect, names), columns
    )
    return {
        "dialect": dialect,
        "columns": [[name, it.to_wire()] for name, it in zip(names, facts, strict=True)],
    }


def _check_skipped(
    connection: duckdb.DuckDBPyConnection, path: str, dialect: dict[str, Any]
) -> None:
    """Lines before a table may be a title; what looks like rows must not vanish."""
    lines = connection.execute(
        f"SELECT line FROM read_csv({literal(path)}, auto_detect = false, header = false, "  # noqa: S608
        f"delim = '\x01', quote = '', escape = '', columns = {{'line': 'VARCHAR'}}) "
        f"LIMIT {int(dialect['skip'])}"
    ).fetchall()
    for number, (line,) in enumerate(lines, 1):
        if line and dialect["delim"] in line:
            raise BadValue(
                "bad_value",
                f"Line {number} has another number of columns than those further down.",
                line=number,
                value=line[:100],
            )


def select(files: Sequence[tuple[str, dict[str, Any]]], partitions: str) -> str:
    """A query of the rows of files with their profiles.

    Args:
        partitions: options of the reader for the columns that folders' names give.
    """
    facts: dict[str, Facts] = {}
    alike: dict[str, tuple[dict[str, Any], list[str], list[str]]] = {}
    for path, it in files:
        names = [name for name, _ in it["columns"]]
        for name, wire in it["columns"]:
            found = Facts.from_wire(wire)
            key = name.casefold()
            facts[key] = facts[key] | found if key in facts else found
        _, _, paths = alike.setdefault(repr((it["dialect"], names)), (it["dialect"], names, []))
        paths.append(path)
    return " UNION ALL BY NAME ".join(
        _typed(_read(paths, dialect, names, partitions), names, facts)
        for dialect, names, paths in alike.values()
    )


def _typed(source: str, names: Iterable[str], facts: dict[str, Facts]) -> str:
    changed = [
        f"{read} AS {quoted(name)}"
        for name in names
        if (read := facts[name.casefold()].read(quoted(name))) != quoted(name)
    ]
    replaced = f" REPLACE ({', '.join(changed)})" if changed else ""
    return f"SELECT *{replaced} FROM {source}"  # noqa: S608


def _read(
    paths: Sequence[str],
    dialect: dict[str, Any],
    names: Sequence[str],
    partitions: str = "hive_partitioning = false",
) -> str:
    columns = ", ".join(f"{literal(name)}: 'VARCHAR'" for name in names)
    options = ", ".join(
        f"{key} = {literal(value) if isinstance(value, str) else str(value).lower()}"
        for key, value in dialect.items()
    )
    places = ", ".join(map(literal, paths))
    return f"read_csv([{places}], {_FIXED}, {options}, {partitions}, columns = {{{columns}}})"

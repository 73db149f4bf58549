"""CSV and TSV files as tables: a file's dialect, and its columns' types, inferred from all rows.

DuckDB's sniffer determines the dialect from the first rows: the separator, the quotes, whether there
is a header. A later row in another dialect is an error. All values are read as text, and ``texts.py``
infers their types.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import duckdb

from ...kit.duckdb_sql import literal as literal
from ...kit.duckdb_sql import quoted as quoted
from .bad_value import BadValue
from .texts import OF_TEXT, Facts, Texts, find_facts

_SNIFFED: Final = "SELECT Delimiter, Quote, Escape, SkipRows, HasHeader, list_transform(Columns, lambda c: c.name)"
_MAX_TITLE_LINES: Final = 100
_VALUE: Final = re.compile(r"[-+]?[0-9][-0-9.,:/ T]*([eE][-+]?[0-9]+)?")
_DELIMITERS: Final = (",", ";", "\t", "|")
# As many as DuckDB's sniffer reads.
_SNIFFED_LINES: Final = 20_480
# A quoted empty value is an empty string, an unquoted one is NULL. No line is a comment.
_FIXED: Final = (
    "auto_detect = false, nullstr = '', allow_quoted_nulls = false, comment = '', "
    "strict_mode = true"
)


def profile(connection: duckdb.DuckDBPyConnection, path: str, kind: str) -> dict[str, Any]:
    """A file's dialect and columns.

    Raises:
        BadValue: its rows have different lengths.
        duckdb.Error: it can't be read.
    """
    tabs = ", delim = '\t'" if kind == "tsv" else ""
    marked = _is_marked(path)
    found = () if marked else _sniff(connection, path, tabs)
    if marked or found[-1][0].startswith('"'):  # the quote reveals the mark of a stored object
        marked, found = True, _sniff_marked(connection, path, tabs)
    delimiter, quote, escape, skip, header, names = found
    quote = '"' if quote == "(empty)" else quote
    dialect = {
        "delim": "\t" if kind == "tsv" else delimiter,
        "quote": quote,
        # The first rows may contain no escaped quote, but later ones may.
        "escape": quote if escape == "(empty)" else escape,
        "skip": skip,
        "header": header,
    }
    if skip and not marked:
        _check_skipped(connection, path, dialect, names)
    if len(names) == 1:
        _check_single(connection, path)
    columns = [Texts(quoted(name), OF_TEXT, trimmed=True) for name in names]
    facts = find_facts(
        lambda sql: connection.execute(sql).fetchall(), _read([path], dialect, names), columns
    )
    return {
        "dialect": dialect,
        "columns": [[name, it.to_wire()] for name, it in zip(names, facts, strict=True)],
    }


def _is_marked(path: str) -> bool:
    """True if a local file begins with a byte order mark and a quote; unknown for stored objects."""
    if not path.startswith("/"):
        return False
    try:
        with gzip.open(path) if path.lower().endswith(".gz") else open(path, "rb") as file:
            return file.read(4) == codecs.BOM_UTF8 + b'"'
    except (OSError, EOFError, zlib.error):
        return False  # DuckDB reports the error


def _sniff(connection: duckdb.DuckDBPyConnection, path: str, options: str) -> tuple[Any, ...]:
    """The separator, quote, escape, number of lines to skip, whether there is a header, names."""
    found = connection.execute(
        f"{_SNIFFED} FROM sniff_csv({literal(path)}, comment = ''{options})"
    ).fetchone()
    assert found is not None
    return found


def _sniff_marked(
    connection: duckdb.DuckDBPyConnection, path: str, options: str
) -> tuple[Any, ...]:
    """The same for a byte order mark before a quote, which DuckDB's sniffer takes for data.

    Raises:
        BadValue: the first row has another number of columns than those below, or an open quote.
    """
    lines = _lines(connection, path, _MAX_TITLE_LINES)
    text, count = "", 0
    while count == 0 or text.count('"') % 2:
        if count == len(lines):
            raise BadValue("bad_value", "A quote in line 1 isn't closed.", line=1, value=text[:100])
        text += "\n" * bool(count) + lines[count]
        count += 1
    if count < len(lines):
        below = f"{options}, header = false, quote = '\"', escape = '\"', skip = {count}"
        delimiter, *_, names = _sniff(connection, path, below)
    else:
        delimiter = "\t" if options else max(_DELIMITERS, key=lambda it: len(_fields(text, it)))
        names = _fields(text, delimiter)
    titles = _fields(text, delimiter)
    if len(titles) != len(names):
        raise BadValue(
            "bad_value",
            "Line 1 has a different number of columns from the lines below.",
            line=1,
            value=text[:100],
        )
    header = not any(_VALUE.fullmatch(title) for title in titles)
    # DuckDB would look for the end of such a header in its first line, so the header is skipped.
    skip, names = (count, _distinct(titles)) if header else (0, names)
    return delimiter, '"', '"', skip, False, names


def _fields(text: str, delimiter: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([text], delimiter=delimiter))]
    except csv.Error:
        return [text]


def _distinct(titles: Sequence[str]) -> list[str]:
    """Unique column names, as DuckDB makes them."""
    names: dict[str, str] = {}
    for place, title in enumerate(titles):
        title = title or f"column{place}"
        name, number = title, 0
        while name.casefold() in names:
            number += 1
            name = f"{title}_{number}"
        names[name.casefold()] = name
    return list(names.values())


def _lines(connection: duckdb.DuckDBPyConnection, path: str, count: int) -> list[str]:
    """A file's first lines, without line breaks."""
    found = connection.execute(
        f"SELECT line FROM read_csv({literal(path)}, auto_detect = false, header = false, "  # noqa: S608
        "delim = '\x01', quote = '', escape = '', strict_mode = false, "
        f"columns = {{'line': 'VARCHAR'}}) LIMIT {count}"
    ).fetchall()
    return [line or "" for (line,) in found]


def _check_skipped(
    connection: duckdb.DuckDBPyConnection, path: str, dialect: dict[str, Any], names: Sequence[str]
) -> None:
    """Refuses to skip lines that look like rows or their header; only a title may be skipped."""
    lines = _lines(connection, path, int(dialect["skip"]))
    has_title = any(not line or line.startswith("#") for line in lines)
    rows = f"SELECT 1 FROM {_read([path], dialect, names)} LIMIT 1"  # noqa: S608
    table = has_title or (dialect["header"] and connection.execute(rows).fetchone() is not None)
    for number, line in enumerate(lines, 1):
        if line and (dialect["delim"] in line or not table):
            raise BadValue(
                "bad_value",
                f"Line {number} has a different number of columns from the lines below.",
                line=number,
                value=line[:100],
            )


def _check_single(connection: duckdb.DuckDBPyConnection, path: str) -> None:
    """Refuses a file with several columns in which a row has another length.

    The sniffer then finds no separator, and takes whole lines for the values of one column.
    """
    first = _lines(connection, path, 2)
    for delimiter in _DELIMITERS:
        width, *others = [len(_fields(line, delimiter)) for line in first] or [1]
        if width < 2 or others != [width]:
            continue
        lines = _lines(connection, path, _SNIFFED_LINES)
        reader = csv.reader([f"{line}\n" for line in lines], delimiter=delimiter)
        for row in reader:
            if row and len(row) != width:
                number = reader.line_num
                raise BadValue(
                    "bad_value",
                    f"Line {number} has {len(row)} values; the lines before it have {width}.",
                    line=number,
                    value=lines[number - 1][:100],
                )


def select(files: Sequence[tuple[str, dict[str, Any]]], partitions: str) -> str:
    """A query that reads the rows of files with their profiles.

    Args:
        files: paths and profiles.
        partitions: the reader's options for the columns from folder names.
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

"""A CSV file's dialect: its separator, its quotes, its header, and whether its rows are alike.

DuckDB's sniffer determines it from the first rows. What it would skip or take for one column of text
without a word is refused here.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import duckdb

from ...kit.duckdb_sql import file_literal
from .bad_value import BadValue
from .csv_reader import fields_of, first_lines, options_sql, read

_SNIFFED: Final = "SELECT Delimiter, Quote, Escape, SkipRows, HasHeader, list_transform(Columns, lambda c: c.name)"
_MAX_TITLE_LINES: Final = 100
_VALUE: Final = re.compile(r"[-+]?[0-9][-0-9.,:/ T]*([eE][-+]?[0-9]+)?")
_DELIMITERS: Final = (",", ";", "\t", "|")
# As many as DuckDB's sniffer reads.
_SNIFFED_LINES: Final = 20_480
_OBVIOUS_LINES: Final = 20
_WIDE: Final = 50
_WIDE_SAMPLE: Final = 200
# Separators that neither the sniffer nor a reader would expect.
_RARE: Final = ":~^¦§!#\x01\x1e\x1f"
_NAME: Final = re.compile(r"[^\W\d]\w*(?: \w+)*")


def with_said_delimiter(options: Mapping[str, Any], head: bytes) -> Mapping[str, Any]:
    """The options with what a first line such as ``sep=;`` says, which Excel reads and writes."""
    first = head.removeprefix(codecs.BOM_UTF8).split(b"\n", 1)[0].strip(b'\r" ')
    if not re.fullmatch(rb"sep=[^A-Za-z0-9]", first) or "skip" in options:
        return options
    return {"delimiter": chr(first[-1]), **options, "skip": 1}


def _given(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """What the options say about the dialect, as options of DuckDB's reader."""
    given: dict[str, Any] = {}
    if "delimiter" in options or kind == "tsv":
        given["delim"] = options.get("delimiter", "\t")
    if "quote" in options:
        given["quote"] = given["escape"] = "" if options["quote"] == "none" else options["quote"]
    if "header" in options:
        given["header"] = options["header"] == "yes"
    if "skip" in options:
        given["skip"] = options["skip"]
    return given


def find(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    kind: str,
    options: Mapping[str, Any],
    head: bytes,
) -> tuple[dict[str, Any], list[str]]:
    """A file's dialect, as options of DuckDB's reader, and its columns' names.

    Raises:
        BadValue: its first rows have different lengths.
        duckdb.Error: it can't be read.
    """
    given = _given(kind, options)
    obvious = None if "delim" in given else _obvious(connection, path, given.get("skip", 0))
    if obvious is None or obvious[1] <= _WIDE:
        try:
            return _checked(connection, path, kind, given, head)
        except (BadValue, duckdb.Error):
            if obvious is None:
                raise
            quote = {}
    else:
        # The sniffer's work grows with the square of the columns, unless it knows the separator.
        quote = {} if "quote" in given or b"'" in head else {"quote": '"', "escape": '"'}
    delimiter, width = obvious
    try:
        return _checked(connection, path, kind, {**given, **quote, "delim": delimiter}, head)
    except duckdb.Error:
        _require_alike(connection, path, given.get("skip", 0), delimiter, width)
        raise


def _checked(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    kind: str,
    given: Mapping[str, Any],
    head: bytes,
) -> tuple[dict[str, Any], list[str]]:
    asked = given.get("skip", 0)
    dialect, names, marked = _dialect(connection, path, given, head)
    if dialect["skip"] > asked and not marked:
        _check_skipped(connection, path, dialect, names, asked)
    if len(names) == 1 and (kind == "tsv" or "delim" not in given):
        _check_single(connection, path, asked, kind)
    return dialect, names


def _obvious(
    connection: duckdb.DuckDBPyConnection, path: str, skip: int, delimiters: str = ",;\t|"
) -> tuple[str, int] | None:
    """The only separator by which the first lines have equally many values, and how many."""
    top = first_lines(connection, path, skip + _OBVIOUS_LINES)[skip:]
    found = []
    for delimiter in delimiters:
        try:
            rows = list(csv.reader((f"{line}\n" for line in top), delimiter=delimiter))
        except csv.Error:
            continue
        # A quoted value may go on below the last line.
        whole = rows if len(top) < _OBVIOUS_LINES else rows[:-1]
        widths = {len(row) for row in whole if row}
        if len(whole) > 1 and len(widths) == 1 and (width := widths.pop()) > 1:
            found.append((delimiter, width))
    return found[0] if len(found) == 1 else None


def _dialect(
    connection: duckdb.DuckDBPyConnection, path: str, given: Mapping[str, Any], head: bytes
) -> tuple[dict[str, Any], list[str], bool]:
    """A file's dialect, its columns' names, and whether a byte order mark and a quote begin it."""
    marked = head.startswith(codecs.BOM_UTF8 + b'"')
    found = () if marked else _sniff(connection, path, given)
    if marked or found[-1][0].startswith('"'):  # the quote reveals the mark of a stored object
        marked, found = True, _sniff_marked(connection, path, given)
    delimiter, quote, escape, skip, header, names = found
    quote = '"' if quote == "(empty)" else quote
    dialect = {
        "delim": delimiter,
        "quote": quote,
        # The first rows may contain no escaped quote, but later ones may.
        "escape": quote if escape == "(empty)" else escape,
        "skip": skip,
        "header": header,
    }
    if not marked:
        dialect.update(given)
    return dialect, list(names), marked


def _sniff(
    connection: duckdb.DuckDBPyConnection, path: str, given: Mapping[str, Any]
) -> tuple[Any, ...]:
    """The separator, quote, escape, number of lines to skip, whether there is a header, names."""
    known = {"sample_size": _WIDE_SAMPLE, **given} if {"delim", "escape"} <= given.keys() else given
    found = connection.execute(
        f"{_SNIFFED} FROM sniff_csv({file_literal(path)}, comment = ''{options_sql(known)})"
    ).fetchone()
    assert found is not None
    return found


def _sniff_marked(
    connection: duckdb.DuckDBPyConnection, path: str, given: Mapping[str, Any]
) -> tuple[Any, ...]:
    """The same for a byte order mark before a quote, which DuckDB's sniffer takes for data.

    Raises:
        BadValue: the first row has another number of columns than those below, or an open quote.
    """
    lines = first_lines(connection, path, _MAX_TITLE_LINES)
    text, count = "", 0
    while count == 0 or text.count('"') % 2:
        if count == len(lines):
            raise BadValue(
                "bad_value",
                "has a quote in line 1 that isn't closed. Close it, or set the quote.",
                line=1,
                value=text[:100],
            )
        text += "\n" * bool(count) + lines[count]
        count += 1
    known = {"delim": given["delim"]} if "delim" in given else {}
    if count < len(lines):
        below = {**known, "header": False, "quote": '"', "escape": '"', "skip": count}
        delimiter, *_, names = _sniff(connection, path, below)
    else:
        best = max(_DELIMITERS, key=lambda it: len(fields_of(text, it)))
        delimiter = known.get("delim", best)
        names = fields_of(text, delimiter)
    titles = fields_of(text, delimiter)
    if len(titles) != len(names):
        raise _ragged(1, len(titles), len(names), text)
    header = given.get("header", not any(_VALUE.fullmatch(title) for title in titles))
    # DuckDB would look for the end of such a header in its first line, so the header is skipped.
    skip, names = (count, distinct(titles)) if header else (0, names)
    return delimiter, '"', '"', skip, False, names


def distinct(titles: Sequence[str]) -> list[str]:
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


def _ragged(number: int, width: int, wanted: int, line: str, found: str = "") -> BadValue:
    values = f"{width} value{'' if width == 1 else 's'}"
    return BadValue(
        "bad_value",
        f"has {values} in line {number:,}{found}, and {wanted} in others: “{line[:100]}”. Correct "
        "the line, or set the delimiter, the quote or the number of skipped lines.",
        line=number,
        value=line[:100],
    )


def _check_skipped(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    dialect: dict[str, Any],
    names: Sequence[str],
    asked: int,
) -> None:
    """Refuses to skip lines that look like rows or their header; only a title may be skipped."""
    lines = first_lines(connection, path, int(dialect["skip"]))
    has_title = any(not line or line.startswith("#") for line in lines[asked:])
    rows = f"SELECT 1 FROM {read([path], dialect, names)} LIMIT 1"  # noqa: S608
    table = has_title or (dialect["header"] and connection.execute(rows).fetchone() is not None)
    for number, line in enumerate(lines[asked:], asked + 1):
        if line and (dialect["delim"] in line or not table):
            raise _ragged(number, len(fields_of(line, dialect["delim"])), len(names), line)


def _check_single(connection: duckdb.DuckDBPyConnection, path: str, skip: int, kind: str) -> None:
    """Refuses a file with several columns in which a row has another length.

    The sniffer then finds no separator, and takes whole lines for the values of one column.
    """
    top = first_lines(connection, path, skip + _MAX_TITLE_LINES)
    first = next((place for place in range(skip, len(top)) if top[place]), None)
    if first is None:
        return
    widths = {it: len(fields_of(top[first], it)) for it in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda it: widths[it])
    if (width := widths[delimiter]) < 2:
        rare = _obvious(connection, path, first, _RARE)
        if rare and all(_NAME.fullmatch(name) for name in fields_of(top[first], rare[0])):
            raise BadValue(
                "bad_value",
                f"has {rare[1]} values by “{rare[0]}” in each of its first lines. Set the delimiter.",
                line=first + 1,
                value=top[first][:100],
            )
        return
    _require_alike(connection, path, first, delimiter, width)
    if kind == "tsv":
        raise BadValue(
            "bad_value",
            f"has no tab in its first line, but {width} values by “{_shown(delimiter)}”. Name it "
            ".csv, or set the delimiter.",
            line=first + 1,
            value=top[first][:100],
        )


def _require_alike(
    connection: duckdb.DuckDBPyConnection, path: str, first: int, delimiter: str, width: int
) -> None:
    """Refuses the first row of another length."""
    lines = first_lines(connection, path, _SNIFFED_LINES)
    reader = csv.reader((f"{line}\n" for line in lines[first:]), delimiter=delimiter)
    with suppress(csv.Error):
        for row in reader:
            if row and len(row) != width:
                number = reader.line_num + first
                found = f" by “{_shown(delimiter)}”"
                raise _ragged(number, len(row), width, lines[number - 1], found)


def _shown(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else delimiter

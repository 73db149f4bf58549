"""CSV and TSV files as tables: a file's dialect, and its columns' types, inferred from all rows.

DuckDB's sniffer determines the dialect from the first rows: the separator, the quotes, whether there
is a header. A later row in another dialect is an error. All values are read as text, and ``texts.py``
infers their types.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

import duckdb

from ...kit.duckdb_sql import literal, quoted
from .bad_value import BadValue
from .conversions import Conversions
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


def profile(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    kind: str,
    options: Mapping[str, Any],
    head: bytes = b"",
) -> dict[str, Any]:
    """A file's dialect and columns.

    Args:
        connection: reads it.
        path: the file, in UTF-8.
        kind: ``csv`` or ``tsv``.
        options: what is said about it, from ``Reading.of``.
        head: its first bytes.

    Raises:
        BadValue: its rows have different lengths, or a value isn't of its column's declared type.
        duckdb.Error: it can't be read.
    """
    options = _with_said_delimiter(options, head)
    dialect, names, marked = _dialect(connection, path, _given(kind, options), head)
    if dialect["skip"] > options.get("skip", 0) and not marked:
        _check_skipped(connection, path, dialect, names, options.get("skip", 0))
    if len(names) == 1 and "delimiter" not in options:
        _check_single(connection, path, options.get("skip", 0), kind)
    conversions = Conversions(options)
    source = _read([path], dialect, names)
    _check_declared(connection, path, dialect, names, conversions)
    open_ = [name for name in names if conversions.declared(name) is None]
    facts = find_facts(
        lambda sql: connection.execute(sql).fetchall(),
        source,
        [Texts(conversions.plain(quoted(name)), OF_TEXT, trimmed=True) for name in open_],
    )
    found = dict(zip(open_, facts, strict=True))
    return {
        "dialect": dialect,
        "columns": [[name, found[name].to_wire() if name in found else None] for name in names],
    }


def _with_said_delimiter(options: Mapping[str, Any], head: bytes) -> Mapping[str, Any]:
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


def _options(options: Mapping[str, Any]) -> str:
    """Options as DuckDB's functions take them, each with a comma before it."""
    return "".join(
        f", {key} = {literal(value) if isinstance(value, str) else str(value).lower()}"
        for key, value in options.items()
    )


def _sniff(
    connection: duckdb.DuckDBPyConnection, path: str, given: Mapping[str, Any]
) -> tuple[Any, ...]:
    """The separator, quote, escape, number of lines to skip, whether there is a header, names."""
    found = connection.execute(
        f"{_SNIFFED} FROM sniff_csv({literal(path)}, comment = ''{_options(given)})"
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
    lines = _lines(connection, path, _MAX_TITLE_LINES)
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
        best = max(_DELIMITERS, key=lambda it: len(_fields(text, it)))
        delimiter = known.get("delim", best)
        names = _fields(text, delimiter)
    titles = _fields(text, delimiter)
    if len(titles) != len(names):
        raise _ragged(1, len(titles), len(names), text)
    header = given.get("header", not any(_VALUE.fullmatch(title) for title in titles))
    # DuckDB would look for the end of such a header in its first line, so the header is skipped.
    skip, names = (count, distinct(titles)) if header else (0, names)
    return delimiter, '"', '"', skip, False, names


def _fields(text: str, delimiter: str) -> list[str]:
    try:
        return [field.strip() for field in next(csv.reader([text], delimiter=delimiter))]
    except csv.Error:
        return [text]


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


def _lines(connection: duckdb.DuckDBPyConnection, path: str, count: int) -> list[str]:
    """A file's first lines, without line breaks."""
    return [line or "" for line in _all_lines(connection, path, f" LIMIT {count}")]


def _all_lines(
    connection: duckdb.DuckDBPyConnection, path: str, limit: str = ""
) -> Iterator[str | None]:
    found = connection.execute(
        f"SELECT line FROM read_csv({literal(path)}, auto_detect = false, header = false, "  # noqa: S608
        "delim = '\x01', quote = '', escape = '', strict_mode = false, "
        f"columns = {{'line': 'VARCHAR'}}){limit}"
    )
    while some := found.fetchmany(10_000):
        yield from (line for (line,) in some)


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
    lines = _lines(connection, path, int(dialect["skip"]))
    has_title = any(not line or line.startswith("#") for line in lines[asked:])
    rows = f"SELECT 1 FROM {_read([path], dialect, names)} LIMIT 1"  # noqa: S608
    table = has_title or (dialect["header"] and connection.execute(rows).fetchone() is not None)
    for number, line in enumerate(lines[asked:], asked + 1):
        if line and (dialect["delim"] in line or not table):
            raise _ragged(number, len(_fields(line, dialect["delim"])), len(names), line)


def _check_single(connection: duckdb.DuckDBPyConnection, path: str, skip: int, kind: str) -> None:
    """Refuses a file with several columns in which a row has another length.

    The sniffer then finds no separator, and takes whole lines for the values of one column.
    """
    top = _lines(connection, path, skip + _MAX_TITLE_LINES)
    first = next((place for place in range(skip, len(top)) if top[place]), None)
    if first is None:
        return
    widths = {it: len(_fields(top[first], it)) for it in _DELIMITERS}
    delimiter = max(_DELIMITERS, key=lambda it: widths[it])
    if (width := widths[delimiter]) < 2:
        return
    lines = _lines(connection, path, _SNIFFED_LINES)
    reader = csv.reader((f"{line}\n" for line in lines[first:]), delimiter=delimiter)
    try:
        for row in reader:
            if row and len(row) != width:
                number = reader.line_num + first
                raise _ragged(
                    number, len(row), width, lines[number - 1], f" by “{_shown(delimiter)}”"
                )
    except csv.Error:
        return
    if kind == "tsv":
        raise BadValue(
            "bad_value",
            f"has no tab in its first line, but {width} values by “{_shown(delimiter)}”. Name it "
            ".csv, or set the delimiter.",
            line=first + 1,
            value=top[first][:100],
        )


def _shown(delimiter: str) -> str:
    return "tab" if delimiter == "\t" else delimiter


def _check_declared(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    dialect: dict[str, Any],
    names: Sequence[str],
    conversions: Conversions,
) -> None:
    """Refuses a value that isn't of its column's declared type, by its line."""
    conditions = {}
    for name in names:
        kind = conversions.declared(name)
        if kind is not None and kind != "VARCHAR":
            conditions[name] = conversions.misfits(quoted(name), kind)
    if not conditions:
        return
    numbered = f"(SELECT row_number() OVER () AS wb_row, * FROM {_read([path], dialect, names)})"  # noqa: S608
    firsts = ", ".join(f"min(wb_row) FILTER ({condition})" for condition in conditions.values())
    found = connection.execute(f"SELECT {firsts} FROM {numbered}").fetchone()  # noqa: S608
    assert found is not None
    wrong = {row: name for row, name in zip(found, conditions, strict=True) if row is not None}
    if not wrong:
        return
    row = min(wrong)
    name = wrong[row]
    value = connection.execute(
        f"SELECT {quoted(name)} FROM {numbered} WHERE wb_row = {row}"  # noqa: S608
    ).fetchone()
    assert value is not None
    line = _line_of(connection, path, dialect, row)
    raise bad_type(f"line {line:,}", name, str(value[0]), conversions.declared(name), line=line)


def bad_type(place: str, column: str, value: str, kind: str | None, **details: Any) -> BadValue:
    """The error for a value that isn't of its column's declared type."""
    return BadValue(
        "bad_value",
        f"has “{value[:100]}” in {place}, in the column “{column}”, which isn't {kind}. Add it to "
        "the NULL texts, set the decimal mark or the date format, or declare the column VARCHAR.",
        column=column,
        value=value[:100],
        **details,
    )


def _line_of(
    connection: duckdb.DuckDBPyConnection, path: str, dialect: dict[str, Any], row: int
) -> int:
    """The line in which a row begins."""
    skip = int(dialect["skip"])
    lines = _all_lines(connection, path)
    for _ in range(skip):
        next(lines, None)
    reader = csv.reader(
        (f"{line or ''}\n" for line in lines),
        delimiter=dialect["delim"],
        quotechar=dialect["quote"] or None,
        quoting=csv.QUOTE_MINIMAL if dialect["quote"] else csv.QUOTE_NONE,
    )
    left, before = row + bool(dialect["header"]), 0
    csv.field_size_limit(1 << 30)
    for record in reader:
        left -= bool(record)
        if not left:
            return skip + before + 1
        before = reader.line_num
    return skip + before


def select(files: Sequence[tuple[str, dict[str, Any], Mapping[str, Any]]], partitions: str) -> str:
    """A query that reads the rows of files with their profiles.

    Args:
        files: paths, profiles and options.
        partitions: the reader's options for the columns from folder names.
    """
    facts: dict[str, Facts] = {}
    alike: dict[str, tuple[dict[str, Any], list[str], Conversions, list[str]]] = {}
    for path, it, options in files:
        names = [name for name, _ in it["columns"]]
        for name, wire in it["columns"]:
            if wire is not None:
                found = Facts.from_wire(wire)
                key = name.casefold()
                facts[key] = facts[key] | found if key in facts else found
        group: tuple[dict[str, Any], list[str], Conversions, list[str]] = (
            it["dialect"],
            names,
            Conversions(options),
            [],
        )
        *_, paths = alike.setdefault(repr((it["dialect"], names, options)), group)
        paths.append(path)
    return " UNION ALL BY NAME ".join(
        _typed(_read(paths, dialect, names, partitions), names, facts, conversions)
        for dialect, names, conversions, paths in alike.values()
    )


def _typed(
    source: str, names: Iterable[str], facts: dict[str, Facts], conversions: Conversions
) -> str:
    changed = [
        f"{read} AS {quoted(name)}"
        for name in names
        if (read := conversions.read(quoted(name), name, facts.get(name.casefold())))
        != quoted(name)
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
    places = ", ".join(map(literal, paths))
    return (
        f"read_csv([{places}], {_FIXED}{_options(dialect)}, {partitions}, columns = {{{columns}}})"
    )

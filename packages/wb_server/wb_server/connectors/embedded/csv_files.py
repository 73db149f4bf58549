"""CSV and TSV files as tables: a file's dialect, and its columns' types, inferred from all rows.

``csv_dialect.py`` determines the dialect from the first rows. A later row in another dialect is an
error. All values are read as text, and ``texts.py`` infers their types.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from typing import Any, Final

import duckdb

from ...kit.duckdb_sql import quoted
from . import csv_dialect
from .bad_value import BadValue
from .contents import HEAD, require_short_lines
from .conversions import Conversions
from .csv_reader import all_lines, read
from .find_facts import Texts, find_facts
from .texts import OF_TEXT, Facts

_MOST_LOOKED_AT: Final = 20


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
    if len(head) >= HEAD:
        require_short_lines(path)
    options = csv_dialect.with_said_delimiter(options, head)
    dialect, names = csv_dialect.find(connection, path, kind, options, head)
    conversions = Conversions(options)
    source = read([path], dialect, names)
    _check_declared(connection, path, dialect, names, conversions)
    open_ = [name for name in names if conversions.declared(name) is None]
    facts = find_facts(
        lambda sql: connection.execute(sql).fetchall(),
        source,
        [Texts(conversions.plain(quoted(name)), OF_TEXT, trimmed=True) for name in open_],
    )
    found = dict(zip(open_, facts, strict=True))
    if "decimal" not in options:
        _keep_ambiguous(connection, source, found)
    return {
        "dialect": dialect,
        "columns": [[name, found[name].to_wire() if name in found else None] for name in names],
    }


def _keep_ambiguous(
    connection: duckdb.DuckDBPyConnection, source: str, found: dict[str, Facts]
) -> None:
    """Leaves 1.234 as text where another column has a decimal comma: it may be a thousand and more."""
    thousands = [
        name for name, it in found.items() if it.type().startswith("DECIMAL") and it.scale == 3
    ]
    texts = [name for name, it in found.items() if it.values and it.type() == "VARCHAR"]
    if not thousands or not texts:
        return
    shape = "'[-+]?[0-9]{1,3}(?:[.][0-9]{3})*,[0-9]+|[-+]?[0-9]+'"
    has_comma = " OR ".join(
        f"(bool_and(regexp_full_match({quoted(name)}, {shape})) AND bool_or(contains({quoted(name)}, ',')))"
        for name in texts[:_MOST_LOOKED_AT]
    )
    if connection.execute(f"SELECT {has_comma} FROM {source}").fetchone() == (True,):  # noqa: S608
        for name in thousands:
            found[name] = Facts((), found[name].values)


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
    numbered = f"(SELECT row_number() OVER () AS wb_row, * FROM {read([path], dialect, names)})"  # noqa: S608
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
    lines = all_lines(connection, path)
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


def select(
    files: Sequence[tuple[str, dict[str, Any], Mapping[str, Any]]],
    partitions: str,
    keys: Sequence[str] = (),
) -> str:
    """A query that reads the rows of files with their profiles.

    Args:
        files: paths, profiles and options.
        partitions: the reader's options for the columns from folder names.
        keys: these columns' names.
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
        _typed(read(paths, dialect, names, partitions), names, keys, facts, conversions)
        for dialect, names, conversions, paths in alike.values()
    )


def _typed(
    source: str,
    names: Sequence[str],
    keys: Sequence[str],
    facts: dict[str, Facts],
    conversions: Conversions,
) -> str:
    # Planning ``* REPLACE`` takes longer with the square of the columns.
    known = {name.casefold() for name in names}
    columns = [
        f"{conversions.read(quoted(name), name, facts.get(name.casefold()))} AS {quoted(name)}"
        for name in names
    ]
    columns += [quoted(key) for key in keys if key.casefold() not in known]
    return f"SELECT {', '.join(columns)} FROM {source}"  # noqa: S608

"""Sheets of Excel workbooks as tables, read by calamine.

Each cell of a sheet has a kind of its own (number, text, date, …). A column has a type where all of
its cells are of one kind: numbers are exact as far as the workbook keeps them, to 15 digits. Other
columns are text. ``xlsx_package.py`` looks at what calamine doesn't tell: errors, formulas without a
result, and whether a workbook is too large to be read at all.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import duckdb
import pyarrow as pa

from ...kit.duckdb_sql import quoted
from .bad_value import BadValue
from .conversions import Conversions
from .csv_dialect import distinct
from .csv_files import bad_type
from .find_facts import Texts, find_facts
from .texts import OF_TEXT
from .xlsx_cells import cell_name
from .xlsx_package import Package

if TYPE_CHECKING:
    from python_calamine import CalamineWorkbook

_EXACT: Final = 2**53
_INT64: Final = 2**63


def sheets_of(path: str) -> list[str]:
    """The names of a workbook's visible sheets, in their order.

    Raises:
        BadValue: it can't be read.
    """
    with _opened(path) as (_, workbook):
        return _visible(workbook)


def _visible(workbook: CalamineWorkbook) -> list[str]:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    return [
        it.name
        for it in workbook.sheets_metadata
        if it.typ == SheetTypeEnum.WorkSheet and it.visible == SheetVisibleEnum.Visible
    ]


@contextmanager
def _opened(path: str) -> Iterator[tuple[Package, CalamineWorkbook]]:
    # Loaded where a workbook is read: most statements read none.
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    with Package(path) as package:
        try:
            yield package, CalamineWorkbook.from_object(package.file)
        except PasswordError:
            raise BadValue("bad_value", "has a password. Save it without one, or as CSV.") from None
        except (CalamineError, OSError):
            raise BadValue(
                "bad_value", "is damaged. Open it in a spreadsheet program, and save it again."
            ) from None


def load(
    connection: duckdb.DuckDBPyConnection,
    path: str,
    sheet: str | None,
    options: Mapping[str, Any],
    name: str,
) -> str:
    """Registers a sheet's cells, and returns a query of its rows.

    Args:
        connection: where to register them.
        path: the workbook.
        sheet: the sheet; ``None`` for the first visible one.
        options: what is said about the file, from ``Reading.of``.
        name: under which they are registered.

    Raises:
        BadValue: it can't be read, or a cell has an error or isn't of its column's declared type.
    """
    nulls = {text.strip() for text in options.get("nulls") or ()}
    with _opened(path) as (package, workbook):
        names = _visible(workbook)
        chosen = sheet if sheet is not None else next(iter(names), None)
        if chosen is None or chosen not in names:
            raise BadValue("unknown_table", "has no visible sheet of this name.")
        known = package.check(chosen, allowed=nulls, all_text=bool(options.get("all_varchar")))
        rows = workbook.get_sheet_by_name(chosen).to_python(skip_empty_area=False)
    for (row, column), value in known.items():
        if row < len(rows) and column < len(rows[row]):
            rows[row][column] = value
    read = _Sheet(connection, chosen, rows, options, nulls)
    if not read.titles:
        return "SELECT NULL::VARCHAR AS column0 WHERE false"
    connection.register(name, pa.table(read.arrays))
    return f"SELECT {', '.join(read.columns(name))} FROM {quoted(name)}"  # noqa: S608


class _Sheet:
    """The table in a sheet's cells.

    Attributes:
        titles: the columns' names.
        arrays: their values, as Arrow has them or as texts.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        sheet: str,
        rows: list[list[Any]],
        options: Mapping[str, Any],
        nulls: set[str],
    ) -> None:
        self._connection, self._sheet = connection, sheet
        self._options, self._nulls = options, nulls
        self._first, has_header = _start(rows, options)
        body = rows[self._first :]
        header = body.pop(0) if has_header and body else []
        self._first += has_header
        # As in a CSV file, an empty line is no row.
        filled = [place for place, row in enumerate(body) if any(map(_is_given, row))]
        self._lines = [self._first + place for place in filled]
        body = [body[place] for place in filled]
        width = max((len(row) for row in (header, *body[:1])), default=0)
        self._places = [
            place
            for place in range(width)
            if (place < len(header) and _is_given(header[place]))
            or any(_is_given(row[place]) for row in body)
        ]
        named = [_text(header[place]).strip() if header else "" for place in self._places]
        self.titles = distinct(named)
        self._values = [[self._value(row[place]) for row in body] for place in self._places]
        self._conversions = Conversions(options)
        self.arrays: dict[str, pa.Array] = {}
        self._types: list[str | None] = []
        for number, (title, values) in enumerate(zip(self.titles, self._values, strict=True)):
            array, kind = self._column(title, values)
            self.arrays[f"c{number}"] = array
            self._types.append(kind)

    def _value(self, value: Any) -> Any:
        if not _is_given(value) or (self._nulls and _text(value).strip() in self._nulls):
            return None
        return value

    def _column(self, title: str, values: list[Any]) -> tuple[pa.Array, str | None]:
        """A column's array, and the type that its texts are cast to; ``None`` if they stay."""
        kinds = {type(value) for value in values if value is not None}
        if self._conversions.declared(title) is not None or not kinds or str in kinds:
            return _texts(values), None
        if kinds <= {int, float}:
            return _numbers(values)
        if kinds == {bool}:
            return pa.array(values, pa.bool_()), None
        if kinds == {dt.date}:
            return pa.array(values, pa.date32()), None
        if kinds <= {dt.date, dt.datetime}:
            moments = [_moment(value) for value in values]
            return pa.array(moments, pa.timestamp("us")), None
        if kinds == {dt.time}:
            return pa.array(values, pa.time64("us")), None
        if kinds <= {dt.time, dt.timedelta}:
            return pa.array([_span(value) for value in values], pa.duration("us")), None
        return _texts(values), None

    def columns(self, name: str) -> list[str]:
        """Each column as SQL.

        Raises:
            BadValue: a cell isn't of its column's declared type.
        """
        shown = []
        for place, title in enumerate(self.titles):
            column = f"c{place}"
            read = column
            if (kind := self._types[place]) is not None:
                read = f"CAST({column} AS {kind})"
            elif pa.types.is_string(self.arrays[column].type):
                read = self._read_texts(name, place, column, title)
            shown.append(f"{read} AS {quoted(title)}")
        return shown

    def _read_texts(self, name: str, place: int, column: str, title: str) -> str:
        values = self._values[place]
        plain = all(value is None or isinstance(value, str) for value in values)
        # Numbers and dates that the workbook has as such are written with a point, and in ISO form.
        conversions = (
            self._conversions
            if plain
            else Conversions({**self._options, "decimal": ".", "date_format": None})
        )
        declared = conversions.declared(title)
        if declared is not None:
            if declared != "VARCHAR":
                self._check(name, place, column, title, conversions.misfits(column, declared))
            return conversions.read(column, title, None)
        if not plain or not {"decimal", "date_format"} & set(self._options):
            return column
        (facts,) = find_facts(
            lambda sql: self._connection.execute(sql).fetchall(),
            quoted(name),
            [Texts(conversions.plain(column), OF_TEXT, trimmed=True)],
        )
        return conversions.read(column, title, facts)

    def _check(self, name: str, place: int, column: str, title: str, misfits: str) -> None:
        found = self._connection.execute(
            f"SELECT n, v FROM (SELECT row_number() OVER () - 1 AS n, {column} AS v, "  # noqa: S608
            f"{misfits} AS bad FROM {quoted(name)}) WHERE bad ORDER BY n LIMIT 1"
        ).fetchone()
        if found is not None:
            line = self._lines[int(found[0])]
            raise bad_type(
                f"the cell {cell_name(line, self._places[place])} of the sheet “{self._sheet}”",
                title,
                str(found[1]),
                self._conversions.declared(title),
                line=line + 1,
            )


def _start(rows: Sequence[Sequence[Any]], options: Mapping[str, Any]) -> tuple[int, bool]:
    """Where the table begins, and whether its first row has the names of the columns.

    A title above a table is one cell in a row of its own.
    """
    first = int(options.get("skip") or 0)
    filled = [sum(map(_is_given, row)) for row in rows]
    if "skip" not in options:
        least = 2 if max(filled, default=0) > 1 else 1
        first = next((place for place, count in enumerate(filled) if count >= least), len(rows))
    while first < len(rows) and not filled[first]:
        first += 1
    if "header" in options:
        return first, options["header"] == "yes"
    titles = [value for value in rows[first] if _is_given(value)] if first < len(rows) else []
    return first, bool(titles) and all(isinstance(value, str) for value in titles)


def _is_given(value: Any) -> bool:
    return value is not None and value != ""


def _text(value: Any) -> str:
    """A cell's value as text: numbers with a point, dates in ISO form."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e17 else repr(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    if isinstance(value, dt.timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}"
    return value.isoformat() if isinstance(value, dt.date | dt.time) else str(value)


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _text(value) for value in values], pa.string())


def _numbers(values: Sequence[Any]) -> tuple[pa.Array, str | None]:
    """Whole numbers, decimals where 15 digits are enough for each number, otherwise doubles."""
    given = [value for value in values if value is not None]
    whole = all(float(it).is_integer() and (_is_long(it) or abs(it) <= _EXACT) for it in given)
    if whole and all(-_INT64 <= it < _INT64 for it in given):
        return pa.array([None if it is None else int(it) for it in values], pa.int64()), None
    digits = scale = 0
    for value in given:
        short = str(value) if _is_long(value) else f"{value:.15g}"
        if not _is_long(value) and float(short) != value:
            break
        number = Decimal(short)
        exponent = number.as_tuple().exponent
        scale = max(scale, -exponent if isinstance(exponent, int) else 99)
        digits = max(digits, number.adjusted() + 1)
    else:
        if digits + scale <= 38:
            texts = [None if it is None else _decimal(it, scale) for it in values]
            kind = f"DECIMAL({18 if digits + scale <= 18 else 38},{scale})"
            return pa.array(texts, pa.string()), kind
    if any(map(_is_long, given)):
        return _texts(values), None
    return pa.array([None if it is None else float(it) for it in values], pa.float64()), None


def _is_long(value: float) -> bool:
    """Whether it is a whole number that a double would round."""
    return isinstance(value, int) and abs(value) > _EXACT


def _decimal(value: float, scale: int) -> str:
    return f"{Decimal(value if _is_long(value) else f'{value:.15g}'):.{scale}f}"


def _moment(value: dt.date | None) -> dt.datetime | None:
    if value is None or isinstance(value, dt.datetime):
        return value
    return dt.datetime.combine(value, dt.time())


def _span(value: dt.time | dt.timedelta | None) -> dt.timedelta | None:
    if isinstance(value, dt.time):
        return dt.timedelta(
            hours=value.hour,
            minutes=value.minute,
            seconds=value.second,
            microseconds=value.microsecond,
        )
    return value

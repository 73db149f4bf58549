"""Renders Arrow batches as the VALUES of INSERT, and CREATE TABLE for them, for MySQL and MariaDB.

Arrow renders the text, so no Python object is created for a value of a plain type. Each session sets
the mode in which the text is read: strict, so that a value that doesn't fit is an error, and with
backslash escapes. What the server would silently change even in that mode (truncated decimals, a
date's dropped time) is refused here first.

==========================  ==================================================================
Column of the table         Accepts
==========================  ==================================================================
tinyint … bigint, year,     integers, booleans; decimals without a fractional part
bit
decimal                     integers; decimals with no more digits after the point
double                      floats; integers up to 2^53. float: only 32-bit floats
char, varchar, text, enum,  text; json and longtext also nested values
set, json, uuid, inet
binary, varbinary, blob,    bytes
geometry
date                        dates
datetime, timestamp         points in time, in UTC, and dates
time                        times of day, durations
==========================  ==================================================================
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kit.errors import InvalidInput
from ..dialled import values as fit
from ..dialled.columns import Pair
from .ledger import quoted

_Render = Callable[[pa.Array], pa.Array]

_INTEGERS: Final = frozenset({"tinyint", "smallint", "mediumint", "int", "bigint", "year", "bit"})
_TEXTS: Final = frozenset(
    {
        *("char", "varchar", "tinytext", "text", "mediumtext", "longtext"),
        *("enum", "set", "json", "uuid", "inet4", "inet6"),
    }
)
_BYTES: Final = frozenset(
    {
        *("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"),
        *("geometry", "point", "linestring", "polygon", "multipoint", "multilinestring"),
        *("multipolygon", "geometrycollection", "geomcollection"),
    }
)
_MAX_DIGITS: Final = 65
_MAX_SCALE: Final = 30
_DAY: Final = 86_400_000_000
# The years 1 to 9999, in days since 1970.
_FIRST_DAY: Final = -719_162
_LAST_DAY: Final = 2_932_896
# The type of a text column in the key: an index needs a length.
_KEY_TEXT: Final = "varchar(255)"


class LiteralRows:
    """Turns batches into the rows of INSERT statements.

    Args:
        pairs: each column of the rows with the table's column.

    Raises:
        InvalidInput: ``type_mismatch``: a column doesn't fit the table's column.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._renders = [_render(each) for each in pairs]

    def __call__(self, batch: pa.RecordBatch, size: int) -> Iterator[bytes]:
        """The rows of one batch, ``(…),(…)``, in pieces.

        Args:
            size: the maximum size of a piece, in bytes.

        Raises:
            InvalidInput: ``bad_value``, with ``details.column``; ``row_too_large``.
        """
        if not batch.num_rows:
            return
        texts = []
        for index, render in enumerate(self._renders):
            values = fit.plain(batch.column(index))
            text = render(values).cast(pa.string())
            texts.append(text.fill_null("NULL") if text.null_count else text)
        rows = pc.binary_join_element_wise(*texts, ",")
        ends = np.cumsum(pc.binary_length(rows).to_numpy().astype(np.int64) + 3)
        start, before = 0, 0
        while start < len(rows):
            stop = int(np.searchsorted(ends, before + size - 2, side="right"))
            if stop == start:
                raise InvalidInput(
                    f"A row is larger than the server accepts in one statement ({size:,} bytes, "
                    "its max_allowed_packet).",
                    code="row_too_large",
                    limit=size,
                )
            piece = pa.ListArray.from_arrays(
                pa.array([0, stop - start], pa.int32()), rows.slice(start, stop - start)
            )
            yield b"(" + pc.binary_join(piece, "),(")[0].as_buffer().to_pybytes() + b")"
            start, before = stop, int(ends[stop - 1])


def create_table(name: str, schema: pa.Schema, key: Sequence[str]) -> str:
    """The statement that creates a table for these columns.

    Args:
        name: quoted, with its schema.
        schema: the columns.
        key: the columns of the primary key.

    Raises:
        InvalidInput: ``unsupported_type``.
    """
    parts = [
        f"{quoted(field.name)} {_type_of(field, field.name in key)}"
        f"{' NOT NULL' if field.name in key else ' NULL'}"
        for field in schema
    ]
    if key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quoted, key))})")
    return f"CREATE TABLE {name} ({', '.join(parts)}) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4"


def column_type(field: pa.Field) -> str:
    """The type of a column in a table that is created for it; empty if it can't be loaded."""
    try:
        return _type_of(field, False)
    except InvalidInput:
        return ""


def _type_of(field: pa.Field, in_key: bool) -> str:
    kind = field.type
    if isinstance(kind, pa.DictionaryType):
        kind = kind.value_type
    if pa.types.is_decimal(kind):
        # A number that exceeds these maximums fails the load, with the column's name.
        digits = kind.precision - min(kind.scale, 0)
        return f"decimal({min(digits, _MAX_DIGITS)},{min(max(kind.scale, 0), _MAX_SCALE)})"
    if fit.is_text(kind):
        return _KEY_TEXT if in_key else "longtext"
    for test, name in _TYPES:
        if test(kind):
            return name
    raise fit.no_type(field)


_TYPES: Final[tuple[tuple[Callable[[pa.DataType], bool], str], ...]] = (
    (pa.types.is_null, "longtext"),
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_int8, "tinyint"),
    (pa.types.is_int16, "smallint"),
    (pa.types.is_int32, "int"),
    (pa.types.is_int64, "bigint"),
    (pa.types.is_uint8, "tinyint unsigned"),
    (pa.types.is_uint16, "smallint unsigned"),
    (pa.types.is_uint32, "int unsigned"),
    (pa.types.is_uint64, "bigint unsigned"),
    (pa.types.is_float64, "double"),
    (pa.types.is_floating, "float"),
    (fit.is_bytes, "longblob"),
    (pa.types.is_date, "date"),
    # Not timestamp, which ends in 2038.
    (pa.types.is_timestamp, "datetime(6)"),
    (pa.types.is_time, "time(6)"),
    (pa.types.is_duration, "time(6)"),
    (pa.types.is_nested, "json"),
)


# --- one column --------------------------------------------------------------------------------


def _render(each: Pair) -> _Render:
    kind, target = each.field.type, each.column.kind
    if isinstance(kind, pa.DictionaryType):
        kind = kind.value_type
    if pa.types.is_null(kind):
        return lambda values: values.cast(pa.string())
    found = _by_target(kind, target, each)
    if found is None:
        raise fit.mismatch(each)
    return found


def _by_target(kind: pa.DataType, target: str, each: Pair) -> _Render | None:
    types = pa.types
    if target in _INTEGERS:
        if types.is_boolean(kind):
            return lambda values: values.cast(pa.int8()).cast(pa.string())
        if types.is_integer(kind):
            return _text
        if types.is_decimal(kind):
            return lambda values: _quote(fit.whole_numbers(values, each))
        return None
    if target == "decimal":
        if types.is_integer(kind):
            return _text
        # Quoted: unquoted, an exponent would make it a floating-point number.
        return (
            (lambda values: _quote(fit.rescaled(values, each))) if types.is_decimal(kind) else None
        )
    if target in ("double", "float"):
        return _floating(kind, target, each)
    if target in _TEXTS:
        if types.is_nested(kind):
            if target not in ("json", "longtext"):
                return None
            return lambda values: _escaped(fit.json_texts(values, each))
        return _escaped if fit.is_text(kind) else None
    if target in _BYTES:
        return (lambda values: fit.hex_texts(values, "x'", "'")) if fit.is_bytes(kind) else None
    if target in ("date", "datetime", "timestamp"):
        return _moment(kind, target, each)
    if target == "time":
        if types.is_time(kind):
            return lambda values: _quote(fit.in_micros(values, each))
        return (
            (lambda values: _spans(fit.in_micros(values, each)))
            if types.is_duration(kind)
            else None
        )
    return None


def _text(values: pa.Array) -> pa.Array:
    return values.cast(pa.string())


def _quote(values: pa.Array) -> pa.Array:
    """Quotes texts that contain neither quote nor backslash; null stays null."""
    return pc.binary_join_element_wise("'", values.cast(pa.string()), "'", "")


def _escaped(values: pa.Array) -> pa.Array:
    texts = pc.replace_substring(values, "\\", "\\\\")
    return pc.binary_join_element_wise("'", pc.replace_substring(texts, "'", "''"), "'", "")


def _floating(kind: pa.DataType, target: str, each: Pair) -> _Render | None:
    if pa.types.is_integer(kind) and target == "double":
        return lambda values: fit.exact_double(values, each).cast(pa.string())
    if not pa.types.is_floating(kind) or (target == "float" and pa.types.is_float64(kind)):
        return None

    def take(values: pa.Array) -> pa.Array:
        fit.require_finite(values, each)
        # The shortest text of a 32-bit float may be a double just beyond its range.
        return _quote(values.cast(pa.float64()))

    return take


def _moment(kind: pa.DataType, target: str, each: Pair) -> _Render | None:
    if pa.types.is_date(kind):

        def days(values: pa.Array) -> pa.Array:
            values = values.cast(pa.date32())
            _require_year(values.view(pa.int32()), 1, each)
            return _quote(values)

        return days
    if target == "date" or not pa.types.is_timestamp(kind):
        return None

    def moments(values: pa.Array) -> pa.Array:
        ticks = fit.in_micros(values, each).view(pa.int64())
        _require_year(ticks, _DAY, each)
        # The session is in UTC, and so are Arrow's values.
        return _quote(ticks.view(pa.timestamp("us")))

    return moments


def _require_year(ticks: pa.Array, day: int, each: Pair) -> None:
    ends = pc.min_max(ticks).as_py()
    if ends["min"] is None:
        return
    if ends["min"] < _FIRST_DAY * day or ends["max"] >= (_LAST_DAY + 1) * day:
        raise InvalidInput(
            f"The column “{each.field.name}” contains a date outside the years 1 to 9999, which "
            "the table can't store.",
            code="bad_value",
            column=each.field.name,
        )


def _spans(values: pa.Array) -> pa.Array:
    """Durations as ``-838:59:59.000000``."""

    def text(micros: Any) -> str:
        sign, micros = ("-" if micros < 0 else ""), abs(micros)
        seconds, rest = divmod(micros, 1_000_000)
        return f"'{sign}{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{rest:06}'"

    ticks = values.view(pa.int64()).to_pylist()
    return pa.array([None if each is None else text(each) for each in ticks], pa.string())

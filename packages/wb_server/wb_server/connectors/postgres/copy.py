"""Renders Arrow batches as the text of PostgreSQL's COPY (CSV), and CREATE TABLE for them.

Values are sent as text and read by each type's own input function: the same checks as anywhere in
PostgreSQL, for every type. Arrow renders the text, so no Python object is created for a value of a
plain type. What PostgreSQL would silently change (truncated decimals, a date's dropped time, an
ignored zone) is refused here first.

=======================  =====================================================================
Column of the table      Accepts
=======================  =====================================================================
boolean                  booleans; the integers 0 and 1
smallint, integer, …     integers; decimals without a fractional part
numeric                  integers; decimals with no more digits after the point
double precision         floats; integers up to 2^53. real: only 32-bit floats
text, varchar, char      text
bytea                    bytes
date                     dates
timestamp, timestamptz   points in time and dates. A time without a zone is UTC, and vice versa
time                     times of day; durations of less than a day
interval                 intervals, durations; text
json, jsonb              text, nested values
arrays                   lists
all others               text, as the type reads it
=======================  =====================================================================
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from ...kit.errors import InvalidInput
from ..dialled import values as fit
from ..dialled.columns import Pair
from .ledger import quoted

_Render = Callable[[pa.Array], pa.Array]

_INTEGERS: Final = frozenset({"int2", "int4", "int8", "oid"})
_TEXTS: Final = frozenset({"text", "varchar", "bpchar", "name", "citext"})
_JSON: Final = frozenset({"json", "jsonb"})
# Their text depends on the server's settings.
_REFUSED: Final = frozenset({"money"})
_DAY: Final = 86_400_000_000
# The first day of the year 1, and the last one of 9999.
_FIRST_DAY: Final = -719_162
_LAST_DAY: Final = 2_932_896
_JULIAN_1970: Final = 2_440_588

_OPTIONS: Final = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")


class CopyRows:
    """Turns batches into the text of COPY.

    Args:
        pairs: each column of the rows with the table's column.

    Raises:
        InvalidInput: ``type_mismatch``: a column doesn't fit the table's column.
    """

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self._renders = [_render(each) for each in pairs]
        self._names = [f"c{index}" for index in range(len(pairs))]

    def __call__(self, batch: pa.RecordBatch) -> bytes:
        """The text of one batch.

        Raises:
            InvalidInput: ``bad_value``, with ``details.column``.
        """
        texts = [
            render(fit.plain(batch.column(index))) for index, render in enumerate(self._renders)
        ]
        out = io.BytesIO()
        pyarrow.csv.write_csv(
            pa.RecordBatch.from_arrays(texts, names=self._names), out, write_options=_OPTIONS
        )
        return out.getvalue()


def create_table(name: str, schema: pa.Schema, key: Sequence[str]) -> str:
    """The statement that creates a table for these columns.

    Args:
        name: quoted, with its schema.
        schema: the columns.
        key: the columns of the primary key.

    Raises:
        InvalidInput: ``unsupported_type``.
    """
    parts = [f"{quoted(field.name)} {_type_of(field)}" for field in schema]
    if key:
        parts.append(f"PRIMARY KEY ({', '.join(map(quoted, key))})")
    return f"CREATE TABLE {name} ({', '.join(parts)})"


def column_type(field: pa.Field) -> str:
    """The type of a column in a table that is created for it; empty if it can't be loaded."""
    try:
        return _type_of(field)
    except InvalidInput:
        return ""


# Types that Arrow carries as text but PostgreSQL has, by the source's name of the type.
_BY_SOURCE: Final = {
    "uuid": "uuid",
    "json": "json",
    "jsonb": "jsonb",
    "inet": "inet",
    "cidr": "cidr",
    "macaddr": "macaddr",
    "xml": "xml",
    **{name: name for name in ("int4range", "int8range", "numrange")},
    **{name: name for name in ("daterange", "tsrange", "tstzrange")},
}


def _type_of(field: pa.Field) -> str:
    kind = field.type
    if isinstance(kind, pa.DictionaryType):
        kind = kind.value_type
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        inner = kind.value_type
        plain = not pa.types.is_nested(inner) and not pa.types.is_null(inner)
        return _type_of(pa.field(field.name, inner)) + "[]" if plain else "jsonb"
    if pa.types.is_nested(kind):
        return "jsonb"
    if pa.types.is_decimal(kind):
        return f"numeric({kind.precision},{kind.scale})" if kind.scale >= 0 else "numeric"
    if fit.is_text(kind):
        source = (field.metadata or {}).get(b"source_type", b"").decode("utf-8", "replace")
        return _BY_SOURCE.get(source, "text")
    for test, name in _TYPES:
        if test(kind):
            return name
    if pa.types.is_timestamp(kind):
        return "timestamp with time zone" if kind.tz else "timestamp"
    raise fit.no_type(field)


_TYPES: Final[tuple[tuple[Callable[[pa.DataType], bool], str], ...]] = (
    (pa.types.is_null, "text"),
    (pa.types.is_boolean, "boolean"),
    (lambda kind: kind in (pa.int8(), pa.int16(), pa.uint8()), "smallint"),
    (lambda kind: kind in (pa.int32(), pa.uint16()), "integer"),
    (lambda kind: kind in (pa.int64(), pa.uint32()), "bigint"),
    (pa.types.is_uint64, "numeric(20)"),
    (pa.types.is_float64, "double precision"),
    (pa.types.is_floating, "real"),
    (fit.is_bytes, "bytea"),
    (pa.types.is_date, "date"),
    (pa.types.is_time, "time"),
    (pa.types.is_duration, "interval"),
    (pa.types.is_interval, "interval"),
)


# --- one column --------------------------------------------------------------------------------


def _render(each: Pair) -> _Render:
    kind, target = each.field.type, each.column.kind
    if isinstance(kind, pa.DictionaryType):
        kind = kind.value_type
    if pa.types.is_null(kind):
        return lambda values: values
    found = None
    if target not in _REFUSED:
        found = _by_target(kind, target, each)
    if found is None:
        raise fit.mismatch(each)
    return found


def _by_target(kind: pa.DataType, target: str, each: Pair) -> _Render | None:
    types = pa.types
    number = types.is_integer(kind) or types.is_decimal(kind)
    if target == "bool":
        if types.is_boolean(kind):
            return _same
        return _same if types.is_integer(kind) else None
    if target in _INTEGERS:
        if types.is_integer(kind):
            return _same
        if types.is_decimal(kind):
            return lambda values: fit.whole_numbers(values, each)
        return None
    if target == "numeric":
        if (each.column.scale or 0) < 0:
            return None  # a negative scale rounds to tens, hundreds, …
        return (lambda values: fit.rescaled(values, each)) if number else None
    if target == "float8":
        if types.is_integer(kind):
            return lambda values: fit.exact_double(values, each)
        return _same if types.is_floating(kind) else None
    if target == "float4":
        return _same if types.is_float32(kind) or types.is_float16(kind) else None
    if target in _TEXTS:
        return _same if fit.is_text(kind) else None
    if target == "bytea":
        return (lambda values: fit.hex_texts(values, "\\x")) if fit.is_bytes(kind) else None
    if target in ("date", "timestamp", "timestamptz"):
        return _moment(kind, target, each)
    if target == "time":
        if types.is_time(kind):
            return lambda values: fit.in_micros(values, each)
        return (lambda values: _of_day(values, each)) if types.is_duration(kind) else None
    if target == "interval":
        if types.is_duration(kind) or types.is_interval(kind):
            return lambda values: _intervals(values, each)
    if target in _JSON and types.is_nested(kind):
        return lambda values: fit.json_texts(values, each)
    if target.startswith("_"):
        if types.is_list(kind) or types.is_large_list(kind):
            return lambda values: fit.each_text(values, each, _array)
        return None
    return _same if fit.is_text(kind) else None


def _same(values: pa.Array) -> pa.Array:
    return values


def _moment(kind: pa.DataType, target: str, each: Pair) -> _Render | None:
    if pa.types.is_date(kind):
        return lambda values: _days(values.cast(pa.date32()), each)
    if target == "date" or not pa.types.is_timestamp(kind):
        return None
    # With a trailing Z, so that the session's zone doesn't matter.
    zone = "" if target == "timestamp" else "Z"

    def take(values: pa.Array) -> pa.Array:
        values = fit.in_micros(values, each)
        ticks = values.view(pa.int64())
        values = values.view(pa.timestamp("us"))
        if _beyond(ticks, _DAY):
            days = pc.divide(ticks, _DAY)
            # The division truncates towards zero; days before 1970 begin at midnight too.
            early = pc.less(pc.subtract(ticks, pc.multiply(days, _DAY)), 0)
            days = pc.subtract(days, early.cast(pa.int64()))
            clock = pc.subtract(ticks, pc.multiply(days, _DAY)).view(pa.time64("us"))
            return pc.binary_join_element_wise(
                _julian(days, each), " ", clock.cast(pa.string()), zone, ""
            )
        if not zone:
            return values
        # Arrow's own rendering of zones takes 20 times as long.
        return pc.binary_join_element_wise(values.cast(pa.string()), zone, "")

    return take


def _days(values: pa.Array, each: Pair) -> pa.Array:
    days = values.view(pa.int32())
    return _julian(days.cast(pa.int64()), each) if _beyond(days, 1) else values


def _beyond(ticks: pa.Array, day: int) -> bool:
    """True if a date is outside the years 1 to 9999, which Arrow can't render as text."""
    ends = pc.min_max(ticks).as_py()
    if ends["min"] is None:
        return False
    return bool(ends["min"] < _FIRST_DAY * day or ends["max"] >= _LAST_DAY * day + day)


def _julian(days: pa.Array, each: Pair) -> pa.Array:
    """Days since 1970 as Julian days, which PostgreSQL reads regardless of its settings."""
    lowest = pc.min(days).as_py()
    if lowest is not None and lowest < -_JULIAN_1970:
        raise InvalidInput(
            f"The column “{each.field.name}” contains a date before 4714 BC, where PostgreSQL's "
            "dates begin. Cast it to text in the query.",
            code="bad_value",
            column=each.field.name,
        )
    return pc.binary_join_element_wise("J", pc.add(days, _JULIAN_1970).cast(pa.string()), "")


def _of_day(values: pa.Array, each: Pair) -> pa.Array:
    values = fit.in_micros(values, each)
    ticks = values.view(pa.int64())
    ends = pc.min_max(ticks).as_py()
    if ends["min"] is not None and (ends["min"] < 0 or ends["max"] >= _DAY):
        raise InvalidInput(
            f"The column “{each.field.name}” contains a duration that isn't a time of day.",
            code="bad_value",
            column=each.field.name,
        )
    return ticks.view(pa.time64("us"))


def _intervals(values: pa.Array, each: Pair) -> pa.Array:
    if pa.types.is_duration(values.type):
        # As integers: Python's timedelta has a smaller range than Arrow's durations.
        values = fit.in_micros(values, each).view(pa.int64())
        return fit.each_text(values, each, lambda ticks: fit.interval_text((0, 0, ticks * 1000)))
    return fit.each_text(values, each, fit.interval_text)


def _array(value: Any) -> str:
    """An array literal with each element quoted, so that none is taken for NULL or a brace."""
    parts = []
    for item in value:
        if item is None:
            parts.append("NULL")
        elif isinstance(item, list):
            parts.append(_array(item))
        else:
            escaped = fit.item_text(item).replace("\\", "\\\\").replace('"', '\\"')
            parts.append(f'"{escaped}"')
    return "{" + ",".join(parts) + "}"

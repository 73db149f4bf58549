"""Prepares values for a table's column: in the form that the database reads, or refused."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from ...kit.errors import InvalidInput, WorkbenchError
from .columns import Pair


def mismatch(each: Pair, hint: str = "") -> WorkbenchError:
    name, kind = each.field.name, each.column.shown
    return InvalidInput(
        f"The column “{name}” contains {_words(each.field.type)}, but the table's column has the "
        f"type {kind}. {hint or 'Cast it in the query.'}",
        code="type_mismatch",
        column=name,
        brings=str(each.field.type),
        takes=kind,
    )


def no_type(field: pa.Field) -> WorkbenchError:
    return InvalidInput(
        f"The column “{field.name}” contains {_words(field.type)}, for which the database has no "
        "column type. Cast it in the query.",
        code="unsupported_type",
        column=field.name,
        brings=str(field.type),
    )


def _words(kind: pa.DataType) -> str:
    for test, words in (
        (pa.types.is_boolean, "true and false"),
        (pa.types.is_integer, "integers"),
        (pa.types.is_floating, "floating-point numbers"),
        (pa.types.is_decimal, f"decimal numbers, {kind}"),
        (pa.types.is_date, "dates"),
        (pa.types.is_time, "times of day"),
        (pa.types.is_duration, "durations"),
        (pa.types.is_nested, "nested values"),
        (is_text, "text"),
        (is_bytes, "bytes"),
    ):
        if test(kind):
            return words
    if pa.types.is_timestamp(kind):
        return "points in time" if kind.tz else "dates with a time"
    return f"values of the type {kind}"


def is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def is_bytes(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def plain(values: pa.Array) -> pa.Array:
    """Values without types that only concern storage: dictionary, extension, large, view types."""
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return plain(values.storage)
    if isinstance(values, pa.DictionaryArray):
        return plain(values.dictionary_decode())
    if is_text(kind) and not pa.types.is_string(kind):
        return values.cast(pa.string())
    if is_bytes(kind) and not pa.types.is_binary(kind):
        return values.cast(pa.binary())
    return values


def whole_numbers(values: pa.Array, each: Pair) -> pa.Array:
    """Decimals as integers.

    Raises:
        InvalidInput: ``bad_value``: a number has a fractional part.
    """
    return _with_scale(values, 0, each, "a number with decimals")


def rescaled(values: pa.Array, each: Pair) -> pa.Array:
    """Decimals with the column's scale, to which the database would silently round them.

    Raises:
        InvalidInput: ``bad_value``: a number has more decimals than the column.
    """
    kind, scale = values.type, each.column.scale
    if scale is None or not pa.types.is_decimal(kind) or kind.scale <= scale:
        return values
    return _with_scale(values, max(scale, 0), each, "a number with more digits")


def _with_scale(values: pa.Array, scale: int, each: Pair, what: str) -> pa.Array:
    """Decimals with their scale reduced; never increased, since Arrow's cast could then overflow."""
    if values.type.scale <= scale:
        return values
    wide = pa.types.is_decimal256(values.type)
    try:
        return pc.cast(values, pa.decimal256(76, scale) if wide else pa.decimal128(38, scale))
    except pa.ArrowInvalid:
        raise _does_not_fit(each, what) from None


def in_micros(values: pa.Array, each: Pair) -> pa.Array:
    """Times in microseconds, with no more decimals of a second than the column stores.

    Raises:
        InvalidInput: ``bad_value``: a time has more.
    """
    kind = values.type
    if pa.types.is_timestamp(kind):
        wanted = pa.timestamp("us", kind.tz)
    elif pa.types.is_duration(kind):
        wanted = pa.duration("us")
    else:
        wanted = pa.time64("us")
    try:
        values = values.cast(wanted)
    except pa.ArrowInvalid:
        raise _does_not_fit(
            each, "a time that is out of range, or has more decimals of a second"
        ) from None
    step = 10 ** (6 - each.column.second_digits)
    if step > 1:
        ticks = values.view(pa.int64())
        kept = pc.multiply(pc.divide(ticks, step), step)
        if pc.any(pc.not_equal(ticks, kept)).as_py():
            raise _does_not_fit(each, "a time with more decimals of a second")
    return values


def json_texts(values: pa.Array, each: Pair) -> pa.Array:
    """Nested values as JSON; decimals, dates and the like are strings in it, bytes are hexadecimal.

    Raises:
        InvalidInput: ``bad_value``: JSON or Python can't represent a value.
    """
    return each_text(values, each, lambda value: _JSON.encode(value))


def each_text(values: pa.Array, each: Pair, render: Callable[[Any], str]) -> pa.Array:
    """Renders value by value, for types that Arrow can't render as text.

    Raises:
        InvalidInput: ``bad_value``: Python can't represent a value, such as a date after 9999.
    """
    try:
        return pa.array(
            [None if value is None else render(value) for value in values.to_pylist()], pa.string()
        )
    except (ValueError, OverflowError):
        raise _does_not_fit(
            each, "a value such as NaN, or a date outside the years 1 to 9999"
        ) from None


def item_text(value: Any) -> str:
    """A value in a list or a struct, as a database reads it."""
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, pa.MonthDayNano | dt.timedelta):
        return interval_text(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(" ")
    if isinstance(value, dict):
        return _JSON.encode(value)
    return str(value)


def interval_text(value: Any) -> str:
    """A duration in ISO 8601, whose meaning no setting of a session changes."""
    if isinstance(value, dt.timedelta):
        micros = (value.days * 86_400 + value.seconds) * 1_000_000 + value.microseconds
        months, days, nanos = 0, 0, micros * 1000
    else:
        months, days, nanos = value
    sign, micros = ("-" if nanos < 0 else ""), abs(nanos) // 1000
    # In parts, since PostgreSQL reads each as a double: a large number of seconds would lose digits.
    minutes, micros = divmod(micros, 60 * 10**6)
    clock = (
        f"{sign}{minutes // 60}H{sign}{minutes % 60}M{sign}{micros // 10**6}.{micros % 10**6:06}S"
    )
    return f"P{months}M{days}DT{clock}"


_JSON: Final = json.JSONEncoder(default=item_text, ensure_ascii=False, allow_nan=False)


def require_finite(values: pa.Array, each: Pair) -> None:
    """Checks that there is neither NaN nor infinity."""
    if pc.any(pc.invert(pc.is_finite(values))).as_py():
        raise _does_not_fit(each, "NaN or infinity")


def exact_double(values: pa.Array, each: Pair) -> pa.Array:
    """Integers as doubles, none of them rounded.

    Raises:
        InvalidInput: ``bad_value``: an integer is beyond 2^53.
    """
    try:
        return values.cast(pa.float64())
    except pa.ArrowInvalid:
        raise _does_not_fit(each, "an integer beyond 2^53") from None


def hex_texts(values: pa.Array, before: str, after: str = "") -> pa.Array:
    """Bytes as hexadecimal digits; null stays null."""
    values = values.cast(pa.large_binary())
    _, offsets, data = values.buffers()
    if len(values) == 0:
        return pa.array([], pa.large_string())
    first = pa.Array.from_buffers(
        pa.int64(), len(values) + 1, [None, offsets], offset=values.offset
    )
    start, stop = first[0].as_py(), first[-1].as_py()
    digits = b"" if data is None else bytes(memoryview(data)[start:stop]).hex().encode()
    places = pc.multiply(pc.subtract(first, start), 2)
    valid = pc.is_valid(values)
    texts = pa.Array.from_buffers(
        pa.large_string(), len(values), [None, places.buffers()[1], pa.py_buffer(digits)]
    )
    whole = pc.binary_join_element_wise(
        pa.scalar(before, pa.large_string()), texts, pa.scalar(after, pa.large_string()),
        pa.scalar("", pa.large_string()),
    )  # fmt: skip
    return pc.if_else(valid, whole, pa.scalar(None, pa.large_string()))


def _does_not_fit(each: Pair, what: str) -> WorkbenchError:
    return InvalidInput(
        f"The column “{each.field.name}” contains {what} than the table's {each.column.shown} "
        "stores. Round it in the query."
        if "more" in what
        else f"The column “{each.field.name}” contains {what}, which the table's "
        f"{each.column.shown} can't store. Change it in the query.",
        code="bad_value",
        column=each.field.name,
    )

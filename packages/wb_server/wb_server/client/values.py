"""Converts Arrow values to Python objects exactly, however they are nested.

Arrow's ``to_pylist`` isn't exact: it fails on a date after the year 9999, and drops nanoseconds and the
time 24:00. pandas turns integers into floats in a list with a missing value.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from itertools import pairwise
from typing import Any, Final

import pyarrow as pa

_UNITS: Final = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DAY: Final = 86_400
# Python's calendar starts in year 1 and repeats every 400 years.
_YEAR_1: Final = -719_162
_YEARS_400: Final = 146_097
_1970: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def python_values(
    values: pa.Array | pa.ChunkedArray, interval: Callable[[pa.MonthDayNano], Any] | None = None
) -> list[Any]:
    """The values as Python objects; None for null.

    Lists become lists, structs dictionaries, maps lists of pairs. A date or time that Python's type
    can't represent becomes text, such as ``12024-06-30`` or ``4713-01-01 BC``.

    Args:
        interval: converts an interval; without it, intervals stay ``pyarrow.MonthDayNano``.
    """
    if isinstance(values, pa.ChunkedArray):
        return [value for chunk in values.chunks for value in python_values(chunk, interval)]
    if not len(values):
        return []
    kind = values.type
    if isinstance(values, pa.ExtensionArray):
        return python_values(storage(values), interval)
    if isinstance(values, pa.DictionaryArray):
        return python_values(values.dictionary_decode(), interval)
    if pa.types.is_struct(kind):
        names = distinct([field.name for field in kind])
        parts = [python_values(values.field(i), interval) for i in range(len(names))]
        rows = zip(*parts, strict=True) if parts else ((),) * len(values)
        return _valid(values, [dict(zip(names, row, strict=True)) for row in rows])
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        items = values.values.slice(values.offset * size, len(values) * size)
        flat = python_values(items, interval)
        return _valid(values, [flat[i * size : (i + 1) * size] for i in range(len(values))])
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        ends = values.offsets.to_pylist()
        first, count = ends[0], ends[-1] - ends[0]
        if pa.types.is_map(kind):
            keys = python_values(values.keys.slice(first, count), interval)
            flat = list(
                zip(keys, python_values(values.items.slice(first, count), interval), strict=True)
            )
        else:
            flat = python_values(values.values.slice(first, count), interval)
        return _valid(
            values, [flat[start - first : stop - first] for start, stop in pairwise(ends)]
        )
    found = _leaves(values)
    if interval is not None and kind == pa.month_day_nano_interval():
        return [None if value is None else interval(value) for value in found]
    return found


def storage(values: pa.Array) -> pa.Array:
    """The storage of an extension array; UUIDs as text."""
    kept = values.storage
    if isinstance(values.type, pa.UuidType):
        texts = [None if value is None else str(value) for value in values.to_pylist()]
        return pa.array(texts, pa.string())
    return kept


def _valid(values: pa.Array, made: list[Any]) -> list[Any]:
    if not values.null_count:
        return made
    valid = values.is_valid().to_pylist()
    return [value if is_valid else None for value, is_valid in zip(made, valid, strict=True)]


def _leaves(values: pa.Array) -> list[Any]:
    kind = values.type
    if pa.types.is_time(kind):
        return _times(values)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        if getattr(kind, "unit", "") == "ns":
            return [_moment(value, kind) for value in _numbers(values)]
        try:
            return list(values.to_pylist())
        except (ValueError, OverflowError):
            return [_moment(value, kind) for value in _numbers(values)]
    if _is_plain(kind):
        # Through numpy, which is several times faster; nulls are filled, or it would yield floats.
        number = pa.types.is_primitive(kind)
        whole = values.fill_null(False if pa.types.is_boolean(kind) else 0) if number else values
        return _valid(values, list(whole.to_numpy(zero_copy_only=False).tolist()))
    return list(values.to_pylist())


def _is_plain(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_string(kind)
        or pa.types.is_binary(kind)
    )


def _numbers(values: pa.Array) -> list[int | None]:
    wide = values.type.bit_width == 64
    return list(values.view(pa.int64() if wide else pa.int32()).to_pylist())


def _times(values: pa.Array) -> list[Any]:
    """Times of day; Arrow would turn 24:00 into 0:00, and drop nanoseconds."""
    unit = _UNITS[values.type.unit]
    numbers = _numbers(values)
    plain = unit <= 10**6 or not any((number or 0) % 1000 for number in numbers)
    if plain and all(number is None or 0 <= number < _DAY * unit for number in numbers):
        return list(values.to_pylist())
    return [None if number is None else _clock(number, unit) for number in numbers]


def _moment(number: int | None, kind: pa.DataType) -> Any:
    """One date, timestamp or duration: Python's type if it can represent it, else text."""
    if number is None:
        return None
    if pa.types.is_duration(kind):
        unit = _UNITS[kind.unit]
        if unit <= 10**6 or number % 1000 == 0:
            return dt.timedelta(microseconds=number * 10**6 // unit)
        sign, length = ("-", -number) if number < 0 else ("", number)
        return sign + _clock(length, unit)
    if pa.types.is_date32(kind):
        try:
            return dt.date.fromordinal(number - _YEAR_1 + 1)
        except (ValueError, OverflowError):
            return "{} {}".format(*_day(number)).rstrip()
    unit = 10**3 if pa.types.is_date64(kind) else _UNITS[kind.unit]
    days, rest = divmod(number, _DAY * unit)
    aware = getattr(kind, "tz", None) is not None
    if unit <= 10**6 or number % 1000 == 0:
        try:
            found = _1970 + dt.timedelta(days, microseconds=rest * 10**6 // unit)
            return found if aware else found.replace(tzinfo=None)
        except OverflowError:
            pass
    day, era = _day(days)
    return f"{day} {_clock(rest, unit)}{'+00:00' if aware else ''} {era}".rstrip()


def _day(days: int) -> tuple[str, str]:
    """A day counted from 1970 in the unbounded Gregorian calendar, and ``BC`` for years before 1."""
    cycles, rest = divmod(days - _YEAR_1, _YEARS_400)
    day = dt.date.fromordinal(rest + 1)
    year = day.year + 400 * cycles
    shown, era = (year, "") if year > 0 else (1 - year, "BC")
    return f"{shown:04}-{day.month:02}-{day.day:02}", era


def _clock(number: int, unit: int) -> str:
    seconds, part = divmod(number, unit)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    decimals = f".{part:0{len(str(unit)) - 1}}" if part else ""
    return f"{hours:02}:{minutes:02}:{seconds:02}{decimals}"


def is_far(values: pa.ChunkedArray) -> bool:
    """Whether a timestamp is outside the years 1 to 9999."""
    import pyarrow.compute as pc  # slow

    ends = pc.min_max(values.cast(pa.int64())).as_py()
    if ends["min"] is None:
        return False
    unit = _UNITS[values.type.unit] * _DAY
    return bool(ends["min"] < _YEAR_1 * unit or ends["max"] >= (_YEAR_1 + 3_652_059) * unit)


def distinct(names: list[str]) -> list[str]:
    """The names, with a number appended to repeated ones."""
    seen: set[str] = set()
    taken = set(names)
    made = []
    for name in names:
        new, number = name, 0
        while new in seen or (number and new in taken):
            number += 1
            new = f"{name}_{number}"
        seen.add(new)
        made.append(new)
    return made

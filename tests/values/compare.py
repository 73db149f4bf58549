"""A canonical form of values from every side, so that they can be compared exactly."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa

from wb_server.client import python_values

NAN = ("nan",)
_EPOCH = dt.datetime(1970, 1, 1)
_NANOSECONDS = {"s": 10**9, "ms": 10**6, "us": 1000, "ns": 1}


def day(days: int) -> Any:
    """A date."""
    return ("day", days)


def moment(nanoseconds: int) -> Any:
    """A point in time since 1970, in UTC if it has a zone."""
    return ("moment", nanoseconds)


def clock(nanoseconds: int) -> Any:
    """A time of day."""
    return ("clock", nanoseconds)


def span(nanoseconds: int) -> Any:
    """A length of time."""
    return ("span", nanoseconds)


def interval(months: int, days: int, nanoseconds: int) -> Any:
    """A calendar interval."""
    return ("interval", months, days, nanoseconds)


def canon(value: Any) -> Any:
    """The canonical form of a value of Python, pandas or polars."""
    if value is None or value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, pa.MonthDayNano):
        return interval(*value)
    if isinstance(value, pd.DateOffset):
        return interval(value.months, value.days, value.nanoseconds)
    if isinstance(value, float):
        return NAN if math.isnan(value) else float(value)
    if isinstance(value, Decimal):
        return NAN if value.is_nan() else value
    if isinstance(value, dt.datetime):
        plain = value if value.tzinfo is None else value.astimezone(dt.UTC).replace(tzinfo=None)
        return moment((plain - _EPOCH) // dt.timedelta(microseconds=1) * 1000)
    if isinstance(value, dt.date):
        return day(value.toordinal() - _EPOCH.toordinal())
    if isinstance(value, dt.time):
        seconds = value.hour * 3600 + value.minute * 60 + value.second
        return clock((seconds * 10**6 + value.microsecond) * 1000)
    if isinstance(value, dt.timedelta):
        return span(value // dt.timedelta(microseconds=1) * 1000)
    if isinstance(value, bytearray | memoryview):
        return bytes(value)
    if isinstance(value, dict):
        if set(value) == {"months", "days", "nanoseconds"}:  # an interval in polars
            return interval(value["months"], value["days"], value["nanoseconds"])
        return {key: canon(item) for key, item in value.items()}
    if hasattr(value, "_asdict"):
        return {key: canon(item) for key, item in value._asdict().items()}
    if isinstance(value, tuple) and value[:1] in (("day",), ("moment",), ("clock",), ("span",)):
        return value
    if isinstance(value, tuple) and value[:1] in (("interval",), NAN):
        return value
    if isinstance(value, list | tuple):
        return [canon(item) for item in value]
    return value


def _ticks(numbers: Sequence[int | None], kind: pa.DataType) -> list[Any]:
    """Canonical dates or times from the integers that Arrow stores."""
    if pa.types.is_date(kind):
        step = 86_400_000 if pa.types.is_date64(kind) else 1
        return [None if n is None else day(n // step) for n in numbers]
    unit = _NANOSECONDS[kind.unit]
    make = clock if pa.types.is_time(kind) else span if pa.types.is_duration(kind) else moment
    return [None if n is None else make(n * unit) for n in numbers]


def of_arrow(column: pa.ChunkedArray) -> list[Any]:
    """The canonical values of a column of an Arrow table."""
    kind = column.type
    if pa.types.is_temporal(kind) and kind != pa.month_day_nano_interval():
        plain = pa.int64() if kind.bit_width == 64 else pa.int32()
        numbers = [n for chunk in column.chunks for n in chunk.view(plain).to_pylist()]
        return _ticks(numbers, kind)
    return [canon(value) for value in python_values(column)]


def of_pandas(series: pd.Series, kind: pa.DataType) -> list[Any]:
    """The canonical values of a column of a pandas frame, made from this Arrow type."""
    missing = series.isna().tolist() if not pa.types.is_nested(kind) else [False] * len(series)
    if pa.types.is_date(kind):
        numbers = series.to_numpy("datetime64[ms]").astype("int64").tolist()
        found = [day(n // 86_400_000) for n in numbers]
    elif pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
        unit = series.dt.unit
        assert unit == kind.unit, (unit, kind)
        plain = series.dt.tz_localize(None) if getattr(series.dtype, "tz", None) else series
        numbers = plain.to_numpy().astype("int64").tolist()
        found = _ticks(numbers, kind)
    elif pa.types.is_time(kind):
        found = of_arrow(pa.chunked_array(series.array.__arrow_array__()))
    else:
        found = [canon(value) for value in series.tolist()]
    return [None if hole else value for hole, value in zip(missing, found, strict=True)]


def of_polars(series: pl.Series, kind: pa.DataType) -> list[Any]:
    """The canonical values of a column of a polars frame, made from this Arrow type."""
    if series.dtype.is_temporal():
        unit = {"ms": 10**6, "us": 1000, "ns": 1}[getattr(series.dtype, "time_unit", "ns")]
        numbers = series.to_physical().to_list()
        if series.dtype == pl.Date:
            return [None if n is None else day(n) for n in numbers]
        make = {pl.Time: clock, pl.Duration: span}.get(series.dtype.base_type(), moment)
        return [None if n is None else make(n * unit) for n in numbers]
    return [canon(_maps(value, kind)) for value in series.to_list()]


def _maps(value: Any, kind: pa.DataType) -> Any:
    """Converts maps from polars, which has them as dictionaries or as lists of structs."""
    if value is None:
        return None
    if pa.types.is_map(kind):
        pairs = (
            value.items() if isinstance(value, dict) else [(e["key"], e["value"]) for e in value]
        )
        return [(key, _maps(item, kind.item_type)) for key, item in pairs]
    if isinstance(value, list) and (pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)):
        return [_maps(item, kind.value_type) for item in value]
    if isinstance(value, dict) and pa.types.is_struct(kind):
        return {key: _maps(item, kind.field(key).type) for key, item in value.items()}
    return value


def same(want: Any, found: Any) -> bool:
    """True if two canonical values are equal: numbers by value, all else by type as well."""
    if isinstance(want, dict) and isinstance(found, dict):
        return want.keys() == found.keys() and all(same(want[key], found[key]) for key in want)
    if isinstance(want, list) and isinstance(found, list):
        return len(want) == len(found) and all(map(same, want, found))
    if isinstance(want, int | float | Decimal) and isinstance(found, int | float | Decimal):
        return bool(want == found)
    return type(want) is type(found) and bool(want == found)

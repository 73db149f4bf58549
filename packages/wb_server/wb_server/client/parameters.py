"""Encodes query parameters: Python values as JSON, with a type where JSON has none."""

from __future__ import annotations

import base64
import datetime as dt
import math
import re
import uuid
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from .errors import InvalidParameter


def encode_params(params: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Encodes Python values for the wire: as JSON's types, or as ``{"type", "value"}``.

    Args:
        params: values by name. None, bool, int, float, str, Decimal, date, datetime, time,
            timedelta, bytes, UUID, numpy scalars, pandas timestamps; and lists, tuples, sets,
            arrays and series of these.

    Raises:
        InvalidParameter: for anything else, and for NaN and infinity.
    """
    if params is None:
        return None
    return {str(name): _encode(name, value, nested=False) for name, value in params.items()}


def _encode(name: str, value: Any, *, nested: bool) -> Any:
    kind = type(value).__name__
    if value is None or kind in ("NaTType", "NAType"):  # pandas' types of missing values
        return None
    if isinstance(value, str):
        return _text(name, value)
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise InvalidParameter(f"Parameter :{name} is {value}; use None for a missing value.")
        return float(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise InvalidParameter(f"Parameter :{name} is {value}; use None for a missing value.")
        return {"type": "decimal", "value": format(value, "f")}
    if isinstance(value, dt.datetime):  # also pandas' Timestamp
        if getattr(value, "nanosecond", 0):
            raise _nanoseconds(name)
        return {"type": "timestamp", "value": value.isoformat()}
    if isinstance(value, dt.date):
        return {"type": "date", "value": value.isoformat()}
    if isinstance(value, dt.time):
        return {"type": "time", "value": value.isoformat()}
    if isinstance(value, dt.timedelta):  # also pandas' Timedelta
        if getattr(value, "nanoseconds", 0):
            raise _nanoseconds(name)
        return {"type": "duration", "value": str(value // dt.timedelta(microseconds=1))}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"type": "bytes", "value": base64.b64encode(value).decode("ascii")}
    if isinstance(value, uuid.UUID):
        return str(value)
    if kind in ("datetime64", "timedelta64"):  # numpy's: .item() of nanoseconds is an integer
        micros = value.astype(f"{kind}[us]")
        found = micros.item()
        if found is not None and micros != value:  # NaT isn't equal to itself
            raise _nanoseconds(name)
        return _encode(name, found, nested=nested)
    if hasattr(value, "dtype") and getattr(value, "shape", None) == () and hasattr(value, "item"):
        return _encode(name, value.item(), nested=nested)
    if hasattr(value, "as_py"):  # a pyarrow scalar
        return _encode(name, value.as_py(), nested=nested)
    if not nested:
        values = _sequence(value)
        if values is not None:
            return [_encode(name, item, nested=True) for item in values]
    what = "a list in a list" if nested and _sequence(value) is not None else kind
    raise InvalidParameter(
        f"Parameter :{name} is {what}, which can't be sent to a database. Use a number, text, a "
        "date, time or timedelta, bytes, None, or a list of these."
    )


def _text(name: str, value: str) -> str:
    """Checks that a text can be encoded: a Python string may contain lone surrogates."""
    wrong = re.search("[\ud800-\udfff\x00]", value)
    if wrong is not None:
        what = "the character NUL" if wrong[0] == "\x00" else "half a character (a surrogate)"
        raise InvalidParameter(
            f"Parameter :{name} contains {what} at position {wrong.start() + 1}, which no database "
            "can store as text. Remove it, or send bytes."
        )
    return str(value)


def _nanoseconds(name: str) -> InvalidParameter:
    return InvalidParameter(
        f"Parameter :{name} has nanoseconds, which would be lost: round it to microseconds."
    )


def _sequence(value: Any) -> Iterable[Any] | None:
    if isinstance(value, list | tuple | set | frozenset | range):
        return value
    for method in ("to_pylist", "to_list", "tolist"):  # pyarrow, polars and pandas, numpy
        convert = getattr(value, method, None)
        # a frame has none of these methods; a class has them unbound
        if callable(convert) and not isinstance(value, type):
            items = convert()
            return items if isinstance(items, list) else None
    return None

"""Renders a list parameter as one PostgreSQL array: ``x = ANY(:ids)``.

The whole list is one literal, so a long list costs little: ``'{"1","2"}'::int[]``.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Final

_INT4: Final = range(-(2**31), 2**31)
_INT8: Final = range(-(2**63), 2**63)


class Unfit(ValueError):
    """Values that don't fit into one array; the message says why."""


def array_text(values: Sequence[Any]) -> tuple[str, str | None]:
    """The literal's text and its type; ``None`` for strings, whose type the database infers.

    Raises:
        Unfit: the values have several types, or one can't be sent.
    """
    kind = _common({_kind(value) for value in values if value is not None}, values)
    parts = ["NULL" if value is None else _quoted(_element(value)) for value in values]
    return "{" + ",".join(parts) + "}", kind


def _common(kinds: set[str], values: Sequence[Any]) -> str | None:
    if kinds <= {"text"}:
        return None
    if len(kinds) == 1:
        return kinds.pop()
    if kinds <= {"int", "bigint", "numeric"}:
        return "numeric" if "numeric" in kinds else "bigint"
    if kinds <= {"int", "bigint", "double precision"}:
        if all(value is None or int(value) == value == float(value) or _is_float(value)
               for value in values):  # fmt: skip
            return "double precision"
        raise Unfit("one of its integers is too large for a list with floats")
    raise Unfit(f"its values are of several types: {', '.join(sorted(kinds))}")


def _is_float(value: Any) -> bool:
    return isinstance(value, float)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "int" if value in _INT4 else "bigint" if value in _INT8 else "numeric"
    if isinstance(value, dt.datetime):
        return "timestamp" if value.tzinfo is None else "timestamptz"
    for kind, name in _KINDS:
        if isinstance(value, kind):
            return name
    raise Unfit(f"{type(value).__name__} can't be sent in a list")


_KINDS: Final[tuple[tuple[type | tuple[type, ...], str], ...]] = (
    (float, "double precision"),
    (Decimal, "numeric"),
    (str, "text"),
    (dt.date, "date"),
    (dt.time, "time"),
    (dt.timedelta, "interval"),
    ((bytes, bytearray, memoryview), "bytea"),
)


def _element(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        if not math.isfinite(value):
            raise Unfit("only finite numbers can be sent")
        return repr(value)
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise Unfit("only finite numbers can be sent")
        return str(value)
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time):
        if isinstance(value, dt.time) and value.tzinfo is not None:
            raise Unfit("a time of day has no zone")
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return interval_text(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return "\\x" + bytes(value).hex()
    return str(value)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def interval_text(value: dt.timedelta) -> str:
    """A duration as PostgreSQL and DuckDB read it, to the microsecond."""
    return f"{value.days} days {value.seconds * 10**6 + value.microseconds} microseconds"

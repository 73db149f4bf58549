"""Values as the texts that people read, in notebooks and in previews of tables."""

from __future__ import annotations

import datetime as dt
import json
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa

MOST_CHARACTERS: Final = 200


def plain(value: Any, most: int = MOST_CHARACTERS) -> str:
    """A value as plain text: numbers without exponents, times in ISO form.

    A float has its shortest exact form; only magnitudes that nobody writes out (from 1e16 up, or
    below 1e-7) keep an exponent.
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, float):
        short = repr(value)
        if "e" in short and 1e-7 <= abs(value) < 1e16:
            return format(Decimal(short), "f")
        return short
    if isinstance(value, dt.datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, dt.timedelta):
        return _hours(value)
    if isinstance(value, bytes):
        return "0x" + value[:32].hex() + ("…" if len(value) > 32 else "")
    if isinstance(value, list | dict | tuple):
        value = json.dumps(value, default=plain, ensure_ascii=False)
    text = str(value)
    return text if len(text) <= most else text[: most - 1] + "…"


def _hours(value: dt.timedelta) -> str:
    """A duration as hours, minutes and seconds, with one sign for all of it: ``-120:30:00``."""
    sign, length = ("-", -value) if value < dt.timedelta(0) else ("", value)
    decimals = f"{length.microseconds:06}" if length.microseconds else ""
    return sign + _clock(length.days * 86_400 + length.seconds, decimals)


def _clock(seconds: int, decimals: str) -> str:
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}{'.' if decimals else ''}{decimals}"


def interval_text(value: pa.MonthDayNano) -> str:
    """An interval as PostgreSQL prints it: ``1 mon 14 days 08:00:00``."""
    months, days, nanoseconds = value
    years, months = (abs(part) * (-1 if months < 0 else 1) for part in divmod(abs(months), 12))
    parts = [
        f"{number} {name}{'' if number == 1 else 's'}"
        for number, name in ((years, "year"), (months, "mon"), (days, "day"))
        if number
    ]
    if nanoseconds or not parts:
        sign, length = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
        seconds, rest = divmod(length, 10**9)
        decimals = f"{rest:09}"[: 6 if rest % 1000 == 0 else 9] if rest else ""
        parts.append(f"{sign}{_clock(seconds, decimals)}")
    return " ".join(parts)

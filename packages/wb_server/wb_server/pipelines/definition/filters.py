"""The filters of the expression language: ``{{ value | name(arguments) }}``.

Each takes plain values (text, numbers, booleans, dates, lists, null) and returns one. A bad value
raises ``ValueError`` with a text that doesn't quote it, since values may be data.
"""

from __future__ import annotations

import calendar
import json as jsonlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

MAX_TEXT = 100_000
_DIRECTIVE = re.compile(r"%(.?)", re.DOTALL)
_DIRECTIVES = "YymdjBbAaVGuHMS%"


def as_text(value: Any) -> str:
    """A value inserted into text: dates in ISO format, lists and objects as JSON, null as nothing."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | float):
        return str(value)
    return as_json(value)


def as_json(value: Any) -> str:
    """A value as JSON on one line, with dates as ISO strings."""
    return jsonlib.dumps(value, ensure_ascii=False, default=_iso)


def as_date(value: Any) -> date:
    """The date of a date, a datetime, or an ISO string of either."""
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    if isinstance(value, str):
        try:
            return datetime.fromisoformat(value).date()
        except ValueError:
            pass
    raise ValueError("It must be a date, such as run.date or '2026-01-31'.")


def whole(value: Any) -> int:
    """Checks that a value is a whole number of a sensible size for a step or a position."""
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > 1_000_000:
        raise ValueError("Its argument must be a whole number of at most 1,000,000.")
    return value


def add_days(value: Any, days: Any) -> date:
    try:
        return as_date(value) + timedelta(days=whole(days))
    except OverflowError:
        raise ValueError("The date must be within the years 1 to 9999.") from None


def add_months(value: Any, months: Any) -> date:
    """The same day ``months`` later, or the last day of a shorter month."""
    day = as_date(value)
    year, month = divmod(day.year * 12 + day.month - 1 + whole(months), 12)
    if not 1 <= year <= 9999:
        raise ValueError("The date must be within the years 1 to 9999.")
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def first_of_month(value: Any, months: Any = 0) -> date:
    return add_months(as_date(value).replace(day=1), months)


def last_of_month(value: Any, months: Any = 0) -> date:
    first = first_of_month(value, months)
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def format_date(value: Any, form: Any = "%Y-%m-%d") -> str:
    if not isinstance(form, str) or len(form) > 100:
        raise ValueError("Its argument must be a format, such as '%Y-%m'.")
    for match in _DIRECTIVE.finditer(form):
        if not match[1] or match[1] not in _DIRECTIVES:
            raise ValueError(f"%{match[1]} can't be used in a format; these can: {_DIRECTIVES}.")
    moment = value
    if isinstance(value, str):
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = as_date(value)
    elif not isinstance(value, date):
        moment = as_date(value)
    # The platform's strftime drops the leading zeros of early years.
    year = f"{moment.year:04d}"
    return str(moment.strftime(re.sub(r"(%%)|%Y", lambda m: m[1] or year, form)))


def join(value: Any, separator: Any = ", ") -> str:
    if not isinstance(value, list) or not isinstance(separator, str):
        raise ValueError("It needs a list, and a separator that is text.")
    texts = [as_text(item) for item in value]
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_TEXT:
        raise ValueError("The text would be too long.")
    return separator.join(texts)


def length(value: Any) -> int:
    if not isinstance(value, str | list | dict):
        raise ValueError("It must be text or a list.")
    return len(value)


def upper(value: Any) -> str:
    return as_text(value).upper()


def lower(value: Any) -> str:
    return as_text(value).lower()


def round_(value: Any, digits: Any = 0) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("It must be a number.")
    places = whole(digits)
    if not 0 <= places <= 15:
        raise ValueError("Its argument must be a number of digits, from 0 to 15.")
    return round(value) if places == 0 else round(value, places)


def default(value: Any, replacement: Any) -> Any:
    """Replaces null. The evaluator passes a missing value as null, for this filter only."""
    return replacement if value is None else value


@dataclass(frozen=True)
class Filter:
    """One filter, with what the reference page says of it.

    Attributes:
        arguments: the minimum and maximum number of arguments.
    """

    function: Callable[..., Any]
    arguments: tuple[int, int]
    description: str
    example: str


FILTERS: dict[str, Filter] = {
    "add_days": Filter(
        add_days,
        (1, 1),
        "the date that many days later (or earlier, if negative)",
        "{{ run.date | add_days(-1) }}",
    ),
    "add_months": Filter(
        add_months,
        (1, 1),
        "the same day that many months later, or the month's last day if it has no such day",
        "{{ run.date | add_months(-3) }}",
    ),
    "date": Filter(
        format_date,
        (0, 1),
        "a date as text, in a format: `%Y` year, `%m` month, `%d` day, `%j` day of the year, "
        "`%V` ISO week, `%G` its year, `%u` weekday from 1 (Monday), `%y %B %b %A %a`, and of "
        "times `%H %M %S`; without a format `2026-01-31`",
        "{{ run.date | date('%Y-%m') }}",
    ),
    "default": Filter(
        default,
        (1, 1),
        "another value in place of null or of a missing output",
        "{{ tasks.extract.outputs.rows | default(0) }}",
    ),
    "first_of_month": Filter(
        first_of_month,
        (0, 1),
        "the first day of the month, or of the month that many months later",
        "{{ run.date | first_of_month(-1) }}",
    ),
    "join": Filter(
        join,
        (0, 1),
        "a list as one text, separated by `, ` or another text",
        "{{ params.regions | join('; ') }}",
    ),
    "json": Filter(as_json, (0, 0), "a value as JSON", "{{ params.regions | json }}"),
    "last_of_month": Filter(
        last_of_month,
        (0, 1),
        "the last day of the month, or of the month that many months later",
        "{{ run.date | last_of_month(-1) }}",
    ),
    "length": Filter(
        length, (0, 0), "the number of characters or items", "{{ params.regions | length }}"
    ),
    "lower": Filter(lower, (0, 0), "in lower case", "{{ params.region | lower }}"),
    "round": Filter(
        round_,
        (0, 1),
        "a number rounded to a whole number or to that many digits; halves go to the even number",
        "{{ tasks.extract.outputs.share | round(2) }}",
    ),
    "upper": Filter(upper, (0, 0), "in upper case", "{{ params.region | upper }}"),
}


def _iso(value: Any) -> str:
    if isinstance(value, date):
        return value.isoformat()
    raise ValueError("It must be made of text, numbers, dates and lists.")

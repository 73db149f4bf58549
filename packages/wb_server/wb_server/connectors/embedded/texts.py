"""Infers the type of a column of texts from all of its values, so that none of them changes.

A file contributes ``Facts`` about a column: which forms *all* of its values have, and how many
digits. The facts of several files are merged, and only then is a type chosen. So a type follows from
the files alone, and a text is a number or a date only if its column holds nothing else.
``docs/connections.md`` has the table.

``find_facts.py`` has the queries that check the values.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

_PLAIN: Final = r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]+)?|\.[0-9]+)"
_FLOAT: Final = rf"{_PLAIN}|-?(?:0|[1-9][0-9]*)(?:\.[0-9]*)?[eE][-+]?[0-9]+|NaN|nan|-?(?:inf|Inf|Infinity|infinity)"
_DATE: Final = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_CLOCK: Final = "(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_MOMENT: Final = rf"{_DATE}[ T]{_CLOCK}(?::[0-5][0-9](?:\.[0-9]{{1,9}})?)?"
_TIME: Final = rf"{_CLOCK}:[0-5][0-9](?:\.[0-9]{{1,6}})?"
_ZONE: Final = "(?:Z|[-+][01][0-9](?::?[0-5][0-9])?)"
# The significant digits of a number.
_MANTISSA: Final = r"ltrim(replace(regexp_replace(§, '[eE].*', ''), '.', ''), '-0')"
# DuckDB takes the year 0 for 1 BC.
_IS_DAY: Final = "TRY_CAST(left(§, 10) AS DATE) IS NOT NULL AND NOT starts_with(§, '0000')"
_DAY: Final = "[0-9]{1,2}[/][0-9]{1,2}[/][0-9]{4}"
_DAYS: Final = {
    f"{order}{sign}": form.replace("/", sign)
    for sign in "/.-"
    for order, form in (("dmy", "%d/%m/%Y"), ("mdy", "%m/%d/%Y"))
}


def _matches(pattern: str) -> str:
    return f"regexp_full_match(§, '{pattern}')"


# Each form's condition on a text, ``§``. None of them changes a text's meaning: what is read is the
# same number, day or point in time.
FORMS: Final[dict[str, str]] = {
    "plain": _matches(_PLAIN),
    "bigint": "(strlen(§) < 19 OR TRY_CAST(§ AS BIGINT) IS NOT NULL)",
    # Up to 15 digits survive as a double; longer numbers have to survive the round trip.
    "float": f"({_matches(_FLOAT)} AND TRY_CAST(§ AS DOUBLE) IS NOT NULL AND ("
    "regexp_matches(§, '[nN]') OR CAST(TRY_CAST(§ AS DOUBLE) AS VARCHAR) = § OR "
    f"{_MANTISSA} = '' OR (strlen({_MANTISSA}) <= 15 AND "
    "abs(TRY_CAST(§ AS DOUBLE)) BETWEEN 1e-300 AND 1e300)))",
    "true": _matches("true|false"),
    "True": _matches("True|False"),
    "TRUE": _matches("TRUE|FALSE"),
    "date": "(strlen(§) = 10 AND CAST(TRY_CAST(§ AS DATE) AS VARCHAR) = §)",
    "timestamp": f"({_matches(_MOMENT)} AND {_IS_DAY})",
    "ns": "TRY_CAST(§ AS TIMESTAMP_NS) IS NOT NULL",
    # Converted to UTC, the first and the last year may leave Python's range.
    "zoned": f"({_matches(_MOMENT.replace('1,9', '1,6') + _ZONE)} AND "
    f"{_IS_DAY} AND left(§, 4) BETWEEN '0002' AND '9998' AND "
    "TRY_CAST(§ AS TIMESTAMPTZ) IS NOT NULL)",
    "time": _matches(_TIME),
    **{
        name: f"({_matches(_DAY.replace('/', name[-1]))} AND "
        f"try_strptime(§, '{form}') >= TIMESTAMP '0001-01-01')"
        for name, form in _DAYS.items()
    },
}
# What a text of a form looks like: a necessary condition, not a sufficient one.
_LOOKS: Final = {
    "plain": _PLAIN,
    "float": _FLOAT,
    "true": "true|false",
    "True": "True|False",
    "TRUE": "TRUE|FALSE",
    "date": _DATE,
    "timestamp": _MOMENT,
    "zoned": _MOMENT + _ZONE,
    "time": _TIME,
    **{name: _DAY.replace("/", name[-1]) for name in _DAYS},
}
LOOK: Final = {form: re.compile(pattern) for form, pattern in _LOOKS.items()}
# Further forms that decide the type, of long numbers and of fractions of a second.
DETAILS: Final = {"plain": ("bigint",), "timestamp": ("ns",)}
_UNSIGNED: Final = "ltrim(§, '-0')"
COUNTS: Final = {
    "length": "strlen(§)",
    "digits": f"CASE WHEN contains(§, '.') THEN instr({_UNSIGNED}, '.') - 1 "
    f"ELSE strlen({_UNSIGNED}) END",
    "scale": "CASE WHEN contains(§, '.') THEN strlen(§) - instr(§, '.') ELSE 0 END",
}
COUNTED: Final = {"plain": ("length", "scale"), "timestamp": ("scale",)}

OF_TEXT: Final = tuple(name for name in FORMS if name not in ("bigint", "ns"))
# JSON already distinguishes strings and numbers.
OF_JSON: Final = {
    "text": ("date", "timestamp", "zoned"),
    "number": ("plain", "float"),
    "boolean": ("true",),
    "null": ("plain",),
}


@dataclass(frozen=True)
class Facts:
    """What all values of a column have in common.

    Attributes:
        forms: the forms that every value has; meaningless without values.
        values: the number of values, without NULLs and blank ones.
        digits: an upper bound of the digits before the point.
        scale: the maximum number of digits after it, or of a second's fraction.
        padded: True if a value is blank or has blanks around it.
    """

    forms: tuple[str, ...] = ()
    values: int = 0
    digits: int = 0
    scale: int = 0
    padded: bool = False

    def __or__(self, other: Facts) -> Facts:
        """The common facts of the values of both."""
        if not self.values or not other.values:
            some = self if self.values else other
            return Facts(
                some.forms, some.values, some.digits, some.scale, self.padded or other.padded
            )
        forms = [form for form in FORMS if form in self.forms and form in other.forms]
        if "float" not in forms and self._is_float() and other._is_float():
            forms.append("float")
        return Facts(
            tuple(forms),
            self.values + other.values,
            max(self.digits, other.digits),
            max(self.scale, other.scale),
            self.padded or other.padded,
        )

    def _is_float(self) -> bool:
        return "float" in self.forms or ("plain" in self.forms and self.digits + self.scale <= 15)

    def to_wire(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_wire(cls, facts: dict[str, Any]) -> Self:
        return cls(**{**facts, "forms": tuple(facts["forms"])})

    def type(self) -> str:
        """DuckDB's type that keeps every value unchanged."""
        if not self.values:
            return "VARCHAR"
        if "plain" in self.forms:
            if self.scale == 0 and "bigint" in self.forms:
                return "BIGINT"
            if (width := self.digits + self.scale) <= 38:
                # At least as wide as an 8-byte number, so that a growing file keeps its type.
                return f"DECIMAL({18 if width <= 18 else 38},{self.scale})"
            return "VARCHAR"
        if "float" in self.forms:
            return "DOUBLE"
        if {"true", "True", "TRUE"} & set(self.forms):
            return "BOOLEAN"
        if "date" in self.forms or self._day():
            return "DATE"
        if "timestamp" in self.forms and self.scale <= 6:
            return "TIMESTAMP"
        if "timestamp" in self.forms and "ns" in self.forms:
            return "TIMESTAMP_NS"
        if "zoned" in self.forms:
            return "TIMESTAMP WITH TIME ZONE"
        return "TIME" if "time" in self.forms else "VARCHAR"

    def _day(self) -> str | None:
        """The format of dates, if the values are unambiguous, else None."""
        orders = [name for name in _DAYS if name in self.forms]
        return _DAYS[orders[0]] if len(orders) == 1 else None

    def read(self, text: str) -> str:
        """SQL that converts an expression of texts to ``type``."""
        kind = self.type()
        if kind == "VARCHAR":
            return text
        if self.padded:
            text = f"nullif(trim({text}), '')"
        if kind == "DATE" and (order := self._day()):
            text = f"strptime({text}, '{order}')"
        return f"CAST({text} AS {kind})"

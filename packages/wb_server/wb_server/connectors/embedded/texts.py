"""Infers the type of a column of texts from all of its values, so that none of them changes.

A file contributes ``Facts`` about a column: which forms *all* of its values have, and how many
digits. The facts of several files are merged, and only then is a type chosen. So a type follows from
the files alone, and a text is a number or a date only if its column holds nothing else.
``docs/connections.md`` has the table.

DuckDB checks the values, vectorized: a first query over some rows rules out most forms, and all rows
are checked only for the rest.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final, Self

# Forms that the first rows rule out aren't checked further: first a look in Python, then in DuckDB.
_GLANCE_ROWS: Final = 64
_SAMPLE_ROWS: Final = 2048

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
_FORMS: Final[dict[str, str]] = {
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
_LOOK: Final = {form: re.compile(pattern) for form, pattern in _LOOKS.items()}
# Further forms that decide the type, of long numbers and of fractions of a second.
_DETAILS: Final = {"plain": ("bigint",), "timestamp": ("ns",)}
_UNSIGNED: Final = "ltrim(§, '-0')"
_COUNTS: Final = {
    "length": "strlen(§)",
    "digits": f"CASE WHEN contains(§, '.') THEN instr({_UNSIGNED}, '.') - 1 "
    f"ELSE strlen({_UNSIGNED}) END",
    "scale": "CASE WHEN contains(§, '.') THEN strlen(§) - instr(§, '.') ELSE 0 END",
}
_COUNTED: Final = {"plain": ("length", "scale"), "timestamp": ("scale",)}

OF_TEXT: Final = tuple(name for name in _FORMS if name not in ("bigint", "ns"))
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
        forms = [form for form in _FORMS if form in self.forms and form in other.forms]
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


@dataclass(frozen=True)
class Texts:
    """Texts in a relation, and which forms they may have.

    Attributes:
        sql: an expression of type ``VARCHAR``, or ``VARCHAR[]`` with ``many``.
        forms: the forms to check.
        many: True if ``sql`` is a list of texts.
        trimmed: True if blanks around a value are ignored.
    """

    sql: str
    forms: tuple[str, ...]
    many: bool = False
    trimmed: bool = False


def find_facts(
    query: Callable[[str], Sequence[Any]], source: str, columns: Sequence[Texts]
) -> list[Facts]:
    """The facts of each column of a relation.

    Args:
        query: runs SQL and returns its rows.
        source: the relation, as it is written after ``FROM``.
        columns: the texts to check.
    """
    if not columns:
        return []
    glanced = _glance(query, source, columns)
    some = f"(SELECT * FROM {source} LIMIT {_SAMPLE_ROWS})"  # noqa: S608
    sampled = [
        (column, it.forms if it.values else column.forms, True)
        for column, it in zip(columns, glanced, strict=True)
    ]
    rows, found = _check_some(query, some, glanced, sampled)
    if rows is not None and rows < _SAMPLE_ROWS:
        return found
    # A form that the sample lacks is ruled out. Blanks are checked only where the sample had some.
    left = [
        it.forms if it.values else column.forms for it, column in zip(found, columns, strict=True)
    ]
    _, facts = _check_some(
        query,
        source,
        found,
        [
            (replace(column, trimmed=column.trimmed and it.padded), _quick(forms), False)
            for column, forms, it in zip(columns, left, found, strict=True)
        ],
    )
    return _check_some(
        query,
        source,
        facts,
        [
            (column, forms if _is_open(it, forms, column.trimmed) else (), True)
            for column, forms, it in zip(columns, left, facts, strict=True)
        ],
    )[1]


def _glance(
    query: Callable[[str], Sequence[Any]], source: str, columns: Sequence[Texts]
) -> list[Facts]:
    """The forms that the first few values appear to have."""
    texts = ", ".join(column.sql for column in columns)
    rows = query(f"SELECT {texts} FROM {source} LIMIT {_GLANCE_ROWS}")  # noqa: S608
    glanced = []
    for place, column in enumerate(columns):
        values = [row[place] for row in rows if row[place] is not None]
        if column.many:
            values = [value for several in values for value in several if value is not None]
        if column.trimmed:
            values = [text for value in values if (text := value.strip(" "))]
        forms = [form for form in column.forms if all(map(_LOOK[form].fullmatch, values))]
        glanced.append(Facts(tuple(forms), len(values)))
    return glanced


def _quick(forms: Iterable[str]) -> tuple[str, ...]:
    """The forms to check first on all rows; float only if plain is already ruled out."""
    left = tuple(form for form in forms if form not in ("bigint", "ns"))
    return tuple(form for form in left if form != "float") if "plain" in left else left


def _is_open(facts: Facts, forms: Sequence[str], trimmed: bool) -> bool:
    """True if the rows have to be checked again, more closely."""
    if "plain" in facts.forms:
        return facts.digits + facts.scale > 18
    if "timestamp" in facts.forms:
        return facts.scale > 6
    return bool(facts.values and forms and not facts.forms and (trimmed or "float" in forms))


_Check = tuple[Texts, tuple[str, ...], bool]


def _check_some(
    query: Callable[[str], Sequence[Any]],
    source: str,
    known: Sequence[Facts],
    checks: Sequence[_Check],
) -> tuple[int | None, list[Facts]]:
    """The new facts of the columns that have forms to check, and the known facts of the others.

    Also the number of rows, if any column was checked.
    """
    facts = list(known)
    places = [place for place, (_, forms, _) in enumerate(checks) if forms]
    if not places:
        return None, facts
    rows, found = _check(query, source, [checks[place] for place in places])
    for place, it in zip(places, found, strict=True):
        facts[place] = it
    return rows, facts


def _check(
    query: Callable[[str], Sequence[Any]], source: str, checks: Sequence[_Check]
) -> tuple[int, list[Facts]]:
    """The number of rows, and the facts of each column, in more detail where requested."""
    inner, outer = [], ["count(*)"]
    for place, (column, wanted, detailed) in enumerate(checks):
        name, forms = f"c{place}", _with(wanted, detailed)
        text = f"nullif(trim({column.sql}), '')" if column.trimmed else column.sql
        inner.append(f"{text} AS {name}")
        outer.append(
            f"sum(len(list_filter({name}, lambda v: v IS NOT NULL)))"
            if column.many
            else f"count({name})"
        )
        if column.trimmed:
            inner.append(f"{column.sql} IS DISTINCT FROM {text} AS p{place}")
            outer.append(f"bool_or(p{place})")
        else:
            outer.append("false")
        outer += [_every(_FORMS[form], name, column.many) for form in forms]
        outer += [_most(_COUNTS[it], name, column.many) for it in _counts(forms, detailed)]
    sql = f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {source})"  # noqa: S608
    row = iter(query(sql)[0])
    rows, found = int(next(row)), []
    for _, wanted, detailed in checks:
        forms = _with(wanted, detailed)
        values, padded = int(next(row) or 0), bool(next(row))
        held = {form for form in forms if next(row)}
        counts = {it: int(next(row) or 0) for it in _counts(forms, detailed)}
        length, scale = counts.get("length", 0), counts.get("scale", 0)
        if "plain" in held and length <= 18:
            held.add("bigint")
        digits = counts.get("digits", max(length - scale, 0))
        known = tuple(form for form in _FORMS if form in held)
        found.append(Facts(known, values, digits, scale, padded))
    return rows, found


def _with(forms: Iterable[str], detailed: bool) -> tuple[str, ...]:
    wanted = {form for form in forms if form not in ("bigint", "ns")}
    if detailed:
        wanted.update(it for form in forms for it in _DETAILS.get(form, ()))
    return tuple(form for form in _FORMS if form in wanted)


def _counts(forms: Iterable[str], detailed: bool) -> tuple[str, ...]:
    wanted = {count for form in forms for count in _COUNTED.get(form, ())}
    if detailed and "length" in wanted:
        wanted.add("digits")
    return tuple(count for count in _COUNTS if count in wanted)


def _every(condition: str, name: str, many: bool) -> str:
    # A condition that is NULL for a text isn't met.
    if not many:
        return (
            f"bool_and(coalesce({condition.replace('§', name)}, false)) "
            f"FILTER (WHERE {name} IS NOT NULL)"
        )
    some = f"list_filter({name}, lambda v: v IS NOT NULL)"
    each = f"list_transform({some}, lambda v: coalesce({condition.replace('§', 'v')}, false))"
    return f"bool_and(list_aggregate({each}, 'bool_and'))"


def _most(count: str, name: str, many: bool) -> str:
    if not many:
        return f"max({count.replace('§', name)})"
    each = f"list_transform({name}, lambda v: {count.replace('§', 'v')})"
    return f"max(list_aggregate({each}, 'max'))"

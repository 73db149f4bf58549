"""Finds the forms of a relation's texts, column by column: ``texts.py`` has the forms.

DuckDB checks the values, vectorized: a first query over some rows rules out most forms, and all rows
are checked only for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

from .texts import COUNTED, COUNTS, DETAILS, FORMS, LOOK, Facts

# Forms that the first rows rule out aren't checked further: first a look in Python, then in DuckDB.
_GLANCE_ROWS: Final = 64
_SAMPLE_ROWS: Final = 2048
# So many columns are checked one by one, and so few of the same check.
_WIDE: Final = 50
_FEW: Final = 3

Query: TypeAlias = Callable[[str], Sequence[Any]]


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


def find_facts(query: Query, source: str, columns: Sequence[Texts]) -> list[Facts]:
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


def _glance(query: Query, source: str, columns: Sequence[Texts]) -> list[Facts]:
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
        forms = [form for form in column.forms if all(map(LOOK[form].fullmatch, values))]
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
    query: Query,
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


def _check(query: Query, source: str, checks: Sequence[_Check]) -> tuple[int, list[Facts]]:
    """The number of rows, and the facts of each column, in more detail where requested."""
    found: dict[int, Facts] = {}
    rows = 0
    for places in _groups(checks):
        if len(places) <= _FEW:
            continue
        column, wanted, detailed = checks[places[0]]
        texts = ", ".join(checks[place][0].sql for place in places)
        sql = (
            f"SELECT count(*), {', '.join(_aggregates('c', 'p', checks[places[0]]))} "  # noqa: S608
            f"FROM (SELECT wb_place, {_value('t', 'c', 'p', column.trimmed)} FROM (SELECT "
            f"unnest([{texts}]) AS t, unnest(range({len(places)})) AS wb_place FROM {source})) "
            "GROUP BY wb_place ORDER BY wb_place"
        )
        for place, row in zip(places, query(sql), strict=False):
            rows = int(row[0])
            found[place] = _facts_of(iter(row[1:]), wanted, detailed)
        for place in places:
            found.setdefault(place, Facts())  # there are no rows
    left = [place for place in range(len(checks)) if place not in found]
    if left:
        inner, outer = [], ["count(*)"]
        for place in left:
            column = checks[place][0]
            inner.append(_value(column.sql, f"c{place}", f"p{place}", column.trimmed))
            outer += _aggregates(f"c{place}", f"p{place}", checks[place])
        sql = f"SELECT {', '.join(outer)} FROM (SELECT {', '.join(inner)} FROM {source})"  # noqa: S608
        row = iter(query(sql)[0])
        rows = int(next(row))
        for place in left:
            found[place] = _facts_of(row, *checks[place][1:])
    return rows, [found[place] for place in range(len(checks))]


def _groups(checks: Sequence[_Check]) -> Iterable[list[int]]:
    """The places of columns with the same check, for wide relations.

    Planning a query takes longer with the square of its expressions, so that a query of its own for each
    column of a wide file would take minutes, and one for all of them memory. Columns with the same
    check become rows of one column.
    """
    alike: dict[tuple[object, ...], list[int]] = {}
    if len(checks) > _WIDE:
        for place, (column, wanted, detailed) in enumerate(checks):
            if not column.many:
                alike.setdefault((wanted, detailed, column.trimmed), []).append(place)
    return alike.values()


def _value(sql: str, name: str, padded: str, trimmed: bool) -> str:
    """A text as it is checked, and whether it has blanks around it."""
    if not trimmed:
        return f"{sql} AS {name}"
    text = f"nullif(trim({sql}), '')"
    return f"{text} AS {name}, {sql} IS DISTINCT FROM {text} AS {padded}"


def _aggregates(name: str, padded: str, check: _Check) -> list[str]:
    """What is counted of a column's texts, in the order in which ``_facts_of`` reads it."""
    column, wanted, detailed = check
    forms = _with(wanted, detailed)
    return [
        f"sum(len(list_filter({name}, lambda v: v IS NOT NULL)))"
        if column.many
        else f"count({name})",
        f"bool_or({padded})" if column.trimmed else "false",
        *(_every(FORMS[form], name, column.many) for form in forms),
        *(_most(COUNTS[it], name, column.many) for it in _counts(forms, detailed)),
    ]


def _facts_of(row: Iterator[Any], wanted: Iterable[str], detailed: bool) -> Facts:
    forms = _with(wanted, detailed)
    values, padded = int(next(row) or 0), bool(next(row))
    held = {form for form in forms if next(row)}
    counts = {it: int(next(row) or 0) for it in _counts(forms, detailed)}
    length, scale = counts.get("length", 0), counts.get("scale", 0)
    if "plain" in held and length <= 18:
        held.add("bigint")
    digits = counts.get("digits", max(length - scale, 0))
    return Facts(tuple(form for form in FORMS if form in held), values, digits, scale, padded)


def _with(forms: Iterable[str], detailed: bool) -> tuple[str, ...]:
    wanted = {form for form in forms if form not in ("bigint", "ns")}
    if detailed:
        wanted.update(it for form in forms for it in DETAILS.get(form, ()))
    return tuple(form for form in FORMS if form in wanted)


def _counts(forms: Iterable[str], detailed: bool) -> tuple[str, ...]:
    wanted = {count for form in forms for count in COUNTED.get(form, ())}
    if detailed and "length" in wanted:
        wanted.add("digits")
    return tuple(count for count in COUNTS if count in wanted)


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

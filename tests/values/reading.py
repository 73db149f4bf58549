"""Reads a random table through the whole path, and compares every value with the native driver's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from wb_server.client import QueryError, Result

from . import compare
from .place import Place
from .tables import Column, Table

# Errors that may replace a value, if they name the column.
ALLOWED = frozenset(
    {
        "numeric_overflow",
        "bad_value",
        "unsupported_type",
        "type_mismatch",
        "value_too_large",
    }
)


@dataclass
class Tally:
    """Counts of compared values by connector and path, with refusals and errors.

    Attributes:
        wrong: an example for each type and path with a wrong value.
    """

    seed: int
    compared: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: dict[tuple[str, str], str] = field(default_factory=dict)

    def lines(self) -> list[str]:
        """The summary lines for the terminal."""
        made = [f"seed {self.seed}"]
        for one in dict.fromkeys(name for name, _ in self.compared):
            counts = [f"{path} {n:,}" for (name, path), n in self.compared.items() if name == one]
            refused = [f"{path} {n}" for (name, path), n in self.refused.items() if name == one]
            made.append(
                f"{one}: {', '.join(counts)} values equal; "
                f"columns refused: {', '.join(refused) or 'none'}"
            )
        return made

    def note(self, table: Table, each: Column, what: str, sql: str) -> None:
        """Keeps one wrong value or refusal per type."""
        self.wrong.setdefault(
            (table.label, f"{each.kind.label}: {what[:40]}"),
            f"{each.kind.label} {each.kind.type}: {what}\n    {sql}\n    "
            f"wrote {[value and value.value for value in each.values][:20]}"[:1500],
        )


def names_column(error: Any, column: str) -> bool:
    """True if an error's message names the column."""
    return f"“{column}”" in str(error)


def through(place: Place, table: Table, tally: Tally) -> list[Column]:
    """Compares Arrow, pandas and polars; returns the columns that arrived unchanged."""
    left = list(table.columns)
    while left:
        sql = table.query([each.name for each in left])
        try:
            answer = place.client.query(table.connection, sql)
            rows = answer.arrow()
        except QueryError as error:
            left = _without(place, left, error, table, sql, tally)
            continue
        kinds = [field.type for field in rows.schema]
        left = _same(
            left, lambda each, i, rows=rows: compare.of_arrow(rows.column(i)),
            kinds, table, sql, tally, "arrow",
        )  # fmt: skip
        frame = answer.df()
        repr(frame)
        _same(
            left, lambda each, i, frame=frame: compare.of_pandas(frame[each.name], i),
            [rows.column(each.name).type for each in left], table, sql, tally, "pandas",
        )  # fmt: skip
        _polars(left, answer, rows, table, sql, tally)
        break
    return left


def _polars(
    left: Sequence[Column], answer: Result, rows: pa.Table, table: Table, sql: str, tally: Tally
) -> None:
    try:
        frame = answer.pl()
    except QueryError as error:
        # More than 38 digits: the values were compared as Arrow.
        named = [each for each in left if names_column(error, each.name)]
        if error.code not in ALLOWED or not named:
            tally.note(table, (named or left)[0], f".pl(): {error.code}: {error}", sql)
        tally.refused[table.label, "polars"] += 1
        return
    _same(
        left, lambda each, i: compare.of_polars(frame[each.name], i),
        [rows.column(each.name).type for each in left], table, sql, tally, "polars",
    )  # fmt: skip


def _without(
    place: Place, left: list[Column], error: QueryError, table: Table, sql: str, tally: Tally
) -> list[Column]:
    """The columns without the refused ones."""
    named = [each for each in left if names_column(error, each.name)]
    if error.code in ALLOWED and len(named) == 1:
        if named[0].odd:
            tally.refused[table.label, "query"] += 1
        else:
            tally.note(table, named[0], f"refused though it fits: {error.code}: {error}", sql)
        return [each for each in left if each is not named[0]]
    # The error names no column: try each one alone.
    good = []
    for each in left:
        alone = table.query([each.name])
        try:
            place.client.query(table.connection, alone).arrow()
            good.append(each)
        except QueryError as why:
            if why.code in ALLOWED and names_column(why, each.name):
                good.append(each)
            else:
                tally.note(table, each, f"{why.code}: {why}", alone)
    if len(good) == len(left):
        tally.note(table, left[0], f"only together: {error.code}: {error}", sql)
        return []
    return good


def _same(
    left: Sequence[Column],
    found_of: Callable[[Column, Any], list[Any]],
    kinds: Sequence[pa.DataType],
    table: Table,
    sql: str,
    tally: Tally,
    path: str,
) -> list[Column]:
    """The columns whose values equal the native driver's."""
    good = []
    for i, each in enumerate(left):
        kind = kinds[i]
        found = found_of(each, i if path == "arrow" else kind)
        if each.kind.seen is not None:
            found = [each.kind.seen(value) for value in found]
        want = each.want
        if path == "pandas" and pa.types.is_floating(kind):
            want = [None if value in (compare.NAN, "NaN") else value for value in want]
        wrong = [
            (row, one, other)
            for row, (one, other) in enumerate(zip(want, found, strict=False))
            if not (each.kind.same or compare.same)(one, other)
        ]
        if wrong or len(found) != len(want):
            row, one, other = wrong[0] if wrong else (0, len(want), len(found))
            what = f"{path}: row {row} of {len(want)}: wanted {one!r}, found {other!r}, {kind}"
            tally.note(table, each, what, sql)
            continue
        tally.compared[table.label, path] += len(want)
        good.append(each)
    return good

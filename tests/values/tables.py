"""Random tables and edge-case values, shared by the sources."""

from __future__ import annotations

import random
import string
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Protocol

import pyarrow as pa


@dataclass(frozen=True)
class Written:
    """A value to write: a text for the source, or a Python object.

    Attributes:
        odd: whether an error that names the column is acceptable instead of the value.
        known: the canonical value, if the native driver can't represent it.
    """

    value: Any
    odd: bool = False
    known: Any = None


Make = Callable[[random.Random], Written]


@dataclass(frozen=True)
class Kind:
    """A type of a source, and a function that makes values of it.

    Attributes:
        type: the type's name in the source.
        native: the expression that the native driver selects, with the column's name as ``{}``.
        canon: converts the native driver's value to its canonical form.
        seen: the same for values that came through the Workbench, if their form differs.
        same: compares a value with the expected one, if several are right.
        arrow: the Arrow type, if values are written as Arrow.
    """

    label: str
    type: str
    make: Make
    native: str = "{}"
    canon: Callable[[Any], Any] | None = None
    seen: Callable[[Any], Any] | None = None
    same: Callable[[Any, Any], bool] | None = None
    arrow: pa.DataType = None


@dataclass
class Column:
    """A column of a random table.

    Attributes:
        want: the expected values, read with the native driver, in canonical form.
    """

    name: str
    kind: Kind
    values: list[Written | None]
    want: list[Any] = field(default_factory=list)

    @property
    def odd(self) -> bool:
        """True if it has a value that may be refused."""
        return any(value is not None and value.odd for value in self.values)


@dataclass
class Table:
    """A random table in a source, with its expected values.

    Attributes:
        query: the query of some of its columns, in the order of ``want``.
        label: the source's name in the counts.
    """

    connection: str
    name: str
    columns: list[Column]
    query: Callable[[Sequence[str]], str]
    label: str


class Source(Protocol):
    """Writes random tables into a source."""

    label: str

    def write(self, name: str, columns: list[Column]) -> Table:
        """Writes a table, and reads it back with the source's own driver."""

    def kind(self, dice: random.Random) -> Kind:
        """A random type of the source."""

    def drop(self, name: str) -> None:
        """Removes a table if it exists."""

    def close(self) -> None:
        """Closes its connections."""


def columns(source: Source, dice: random.Random, rows: int) -> list[Column]:
    """Random columns: some without nulls, some with nulls, some with nothing else."""
    made = []
    for number in range(dice.randint(4, 9)):
        kind = source.kind(dice)
        holes = dice.choice([0, 0.1, 0.5, 1])
        # Values at the edge come alone in a column now and then, so that they aren't all refused.
        plain = dice.random() < 0.5
        values: list[Written | None] = []
        for _ in range(rows):
            value = kind.make(dice)
            for _ in range(10):
                if not (plain and value.odd):
                    break
                value = kind.make(dice)
            values.append(None if dice.random() < holes else value)
        made.append(Column(f"c{number}", kind, values))
    return made


# --- values ------------------------------------------------------------------------------------


def whole(bits: int, *, signed: bool = True) -> Callable[[random.Random], int]:
    """Random integers of this many bits, including the extremes."""
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return lambda dice: dice.choice(
        [low, high, 0, 1, max(low, min(high, dice.randint(-100, 100))), dice.randint(low, high)]
    )


def digits(dice: random.Random, before: int, after: int) -> str:
    """A random decimal number with at most this many digits before and after the point."""
    count = dice.choice([before, dice.randint(0, before), min(before, 4)])
    whole_part = "".join(dice.choices(string.digits, k=count)).lstrip("0") or "0"
    count = dice.choice([after, dice.randint(0, after), min(after, 2)])
    part = "".join(dice.choices(string.digits, k=count))
    return f"{dice.choice(['', '-'])}{whole_part}{'.' if part else ''}{part}"


def size(text: str) -> int:
    """The number of significant digits of a decimal number."""
    return len(Decimal(text).as_tuple().digits) if Decimal(text) else 1


TEXTS = (
    "",
    " ",
    "NULL",
    "null",
    "0",
    "007",
    "-",
    "a'b\"c`d\\e",
    "\\N",
    "line\nbreak\r\n\ttab",
    "é",
    "e\u0301",
    "İıß",
    "\u00a0\u200b\ufeff",
    "漢字 👩‍👩‍👧",
    "{{x}} :y $$z$$ -- /* ; */",
    "2026-01-31",
    "1e5",
    "NaN",
    "x" * 5000,
)


def text(dice: random.Random, most: int = 10_000) -> str:
    """A random text, often a difficult one."""
    if dice.random() < 0.4:
        return dice.choice(TEXTS)[:most]
    letters = string.printable + "äöüßéñ漢字👍\u2028"
    return "".join(dice.choices(letters, k=dice.randint(0, min(most, 12))))


def double(dice: random.Random) -> float:
    """A random floating-point number, often an extreme one."""
    return dice.choice(
        [0.0, -0.0, 0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -1e22, 2.0**53 + 2, dice.gauss(0, 1e6)]
    )  # fmt: skip

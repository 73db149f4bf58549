"""PostgreSQL's ``numeric`` as Arrow decimals.

``numeric`` comes as text. It becomes a decimal, and no digit is ever rounded:

1. **Declared**, ``numeric(p, s)``: ``decimal128(p, s)``, with more than 38 digits
   ``decimal256(p, s)``. A negative scale (values in thousands) becomes ``(p - s, 0)``; a scale above
   the precision ``(s, s)``.
2. **Undeclared** (a column without precision, a computed value such as ``sum(amount)``, or more than
   76 digits declared): the values of the first batch, about 1 MiB, decide. Digits are counted on the
   values: a product of two ``numeric(38, 18)`` has 36 decimals, most of them zeros.

   - If that batch is the whole answer: ``decimal128(38, s)`` with s the largest scale in it, without
     trailing zeros where there is no room for them; ``decimal256(76, s)`` where 38 digits don't
     suffice.
   - If more follows: ``decimal128(38, max(s, 18))`` where that leaves room: 20 digits before the
     point, or with more than 18 decimals 6 digits more than the first rows have. Otherwise
     ``decimal256(76, max(s, 18))``.

   The type depends on the answer alone, so the same rows in the same order give the same type.
3. **A value that doesn't fit** is an error (``numeric_overflow``) that says how to cast, as are
   ``NaN`` and ``Infinity`` (``bad_value``). Trailing zeros don't count.

The same holds in arrays and composite values.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ...kit.errors import InvalidInput
from .. import decimals
from ..decimals import MAX_DIGITS, MOST_DIGITS
from .driver import quoted, storage
from .types import Form, Leaf

_ROOMY_SCALE: Final = 18
_ROOMY_DIGITS: Final = 20
_SPARE_DIGITS: Final = 6


class Number(Form):
    """A ``numeric``.

    Args:
        modifier: its ``typmod``; -1 for one without precision.
    """

    def __init__(self, name: str, modifier: int = -1) -> None:
        super().__init__(name)
        self._declared = declared(modifier)
        if self._declared is not None:
            self.type = self._declared

    def ask(self, value: str) -> list[Leaf]:
        # The driver would make the same text from the binary digits, but its wheel is compiled without
        # optimization: it takes three times as long, and on the service's processor.
        return [Leaf(f"pg_catalog.textin(pg_catalog.numeric_out({value}))")]

    def open(self) -> bool:
        return self._declared is None

    def settle(self, fields: Sequence[pa.Field], first: Sequence[pa.Array], whole: bool) -> None:
        if self._declared is None:
            self.type = observed(storage(first[0]) if first else None, whole=whole)

    def make(self, values: Sequence[pa.Array]) -> pa.Array:
        texts = storage(values[0])
        try:
            return decimals.read(texts, self.type)
        except pa.ArrowInvalid:
            raise self._unfit(texts) from None

    def _unfit(self, texts: pa.Array) -> InvalidInput:
        column = quoted(self.name)
        special = pa.array(["NaN", "Infinity", "-Infinity", "nan", "inf", "-inf"])
        if pc.any(pc.is_in(texts, value_set=special)).as_py():
            return InvalidInput(
                f"The column “{self.name}” holds NaN or Infinity, which no decimal number can be. "
                f"Cast it in the query: {column}::double precision.",
                code="bad_value",
                column=self.name,
            )
        before, after = decimals.digits(decimals.trimmed(texts))
        advice = f"Cast it to text in the query: {column}::text."
        if before <= MOST_DIGITS:
            scale = min(max(after, 30), MOST_DIGITS - before)
            other = f"{column}::numeric({MOST_DIGITS}, {scale})"
            advice = (
                f"Cast it in the query to what it needs, such as {other}, or to text."
                if after <= scale
                else f"Cast it to text in the query, {column}::text, or round it: {other}."
            )
        return InvalidInput(
            f"The column “{self.name}” holds a number that does not fit into {self.type.precision} "
            f"digits with {self.type.scale} decimals. {advice}",
            code="numeric_overflow",
            column=self.name,
        )


def declared(modifier: int) -> pa.DataType | None:
    """The decimal type of a numeric with precision and scale; ``None`` for any other."""
    if modifier < 4:
        return None
    precision, scale = precision_and_scale(modifier)
    digits = max(precision, scale) if scale >= 0 else precision - scale
    return decimals.decimal(digits, max(scale, 0)) if digits <= MOST_DIGITS else None


def precision_and_scale(modifier: int) -> tuple[int, int]:
    """Decodes a typmod as PostgreSQL's numeric.c does: 16 bits precision, 11 bits signed scale."""
    return ((modifier - 4) >> 16) & 0xFFFF, ((modifier - 4) & 0x7FF ^ 1024) - 1024


def observed(texts: pa.Array | None, *, whole: bool) -> pa.DataType:
    """The decimal type of an undeclared numeric, from its first values: rule 2.

    Args:
        texts: the values; ``None`` if there are none.
        whole: True if they are the whole answer.
    """
    before, after = (0, 0) if texts is None else decimals.digits(texts)
    if whole and before + after <= MAX_DIGITS:
        return pa.decimal128(MAX_DIGITS, after)
    if not whole:
        roomy = max(after, _ROOMY_SCALE)
        wanted = _ROOMY_DIGITS if after <= _ROOMY_SCALE else before + _SPARE_DIGITS
        if max(before, wanted) + roomy <= MAX_DIGITS:
            return pa.decimal128(MAX_DIGITS, roomy)
    shorter = 0 if texts is None else decimals.digits(decimals.trimmed(texts))[1]
    if whole:
        return decimals.decimal(
            MAX_DIGITS if before + shorter <= MAX_DIGITS else MOST_DIGITS, min(shorter, MOST_DIGITS)
        )
    scale = after if before + after + _SPARE_DIGITS <= MOST_DIGITS else shorter
    # The conversion reports what still doesn't fit.
    scale = max(scale, min(_ROOMY_SCALE, MOST_DIGITS - before))
    return pa.decimal256(MOST_DIGITS, max(0, min(scale, MOST_DIGITS)))

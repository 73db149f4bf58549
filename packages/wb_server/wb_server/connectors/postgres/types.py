"""What PostgreSQL's types become in Arrow, and what the database is asked for to get there.

The rule of ``numeric``
-----------------------
``numeric`` comes as text. It becomes a decimal, and no digit is ever rounded:

1. **Declared**, ``numeric(p, s)``: ``decimal128(p, s)``, with more than 38 digits
   ``decimal256(p, s)``. A negative scale (values in thousands) becomes ``(p - s, 0)``; a scale above
   the precision ``(s, s)``.
2. **Undeclared** (a column without precision, a computed value such as ``sum(amount)``, or more
   than 76 digits declared): the values of the first batch, about 1 MiB, decide. Digits are counted on
   the values: a product of two ``numeric(38, 18)`` has 36 decimals, most of them zeros.

   - That batch is the whole answer: ``decimal128(38, s)`` with s the largest scale in it, trailing
     zeros left out where there is no room for them; ``decimal256(76, s)`` where 38 digits don't do.
   - More follows: ``decimal128(38, max(s, 18))`` where that leaves room: 20 digits before the point,
     or with more than 18 decimals 6 digits more than the first rows have. Otherwise
     ``decimal256(76, max(s, 18))``.

   The type depends on the answer alone, so the same rows in the same order give the same type.
3. **A value that doesn't fit** is an error (``numeric_overflow``) that says how to cast, as are
   ``NaN`` and ``Infinity`` (``bad_value``). Trailing zeros don't count.

It holds in arrays and composite values too.

Other types
-----------
=============================  ============================================================
PostgreSQL                     Arrow
=============================  ============================================================
bool, int2/4/8, float4/8       bool, int16/32/64, float, double
text, varchar, char, name,     string (``char(n)`` keeps its padding)
enum, json, jsonb, xml, uuid,
citext
date                           date32; ``infinity`` is an error (``bad_value``)
timestamp, timestamptz         timestamp[us], timestamp[us, UTC]; ``infinity`` is an error
time                           time64[us]; ``24:00`` is an error
interval                       month_day_nano_interval; more hours than it holds are an error
money                          decimal128(19, decimals of the server's currency)
oid                            int64
bytea                          binary
arrays                         list; of several dimensions: an error (``unsupported_type``)
composite types                struct; in an array too, but there without arrays in it
all others (ranges, inet,      string, as PostgreSQL prints it
regclass, bit, point, ltree,
tsvector, anonymous records …)
=============================  ============================================================

A domain is what it restricts. Each field's metadata holds ``source_type``, the type's name in
PostgreSQL.

Nothing is cast in the database: a cast may be somebody's own function. Values are asked for by the
types' own output functions; a composite value by its fields, since the driver mixes up their NULLs.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...kit.errors import InvalidInput
from .. import decimals
from ..decimals import MAX_DIGITS, MOST_DIGITS
from .driver import Convert, as_lists, converter, quoted, source_type, storage, unsupported

ROOMY_SCALE: Final = 18
_ROOMY_DIGITS: Final = 20
_SPARE_DIGITS: Final = 6


@dataclass(frozen=True)
class Leaf:
    """One column that the database is asked for.

    Attributes:
        sql: the expression.
        size: how to tell its bytes, with ``{}`` for its value; empty where they are few in any case.
        dimensions: how to tell an array's dimensions; empty for what is none.
    """

    sql: str
    size: str = ""
    dimensions: str = ""


# What a text takes on its way: nothing is unpacked to tell.
_TEXT_BYTES: Final = "pg_catalog.octet_length({})"
_ANY_BYTES: Final = "pg_catalog.pg_column_size({})"
# Each element comes with its length, a NULL too, of which one bit is stored.
_ARRAY_BYTES: Final = (
    "pg_catalog.int4pl(pg_catalog.int4mul(4, pg_catalog.cardinality({})), "
    "pg_catalog.pg_column_size({}))"
)


class Form(ABC):
    """One value: what is asked for, and what is made of it.

    Args:
        name: the column's, for errors.

    Attributes:
        type: in Arrow; known once it is settled.
        width: how many columns it asks for.
    """

    type: pa.DataType
    width: int = 1

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def ask(self, value: str) -> list[Leaf]:
        """What to ask for. ``value`` is the expression for the value; it costs nothing."""

    def open(self) -> bool:
        """Whether the type depends on the values of the first batch."""
        return False

    @abstractmethod
    def settle(self, fields: Sequence[pa.Field], first: Sequence[pa.Array], whole: bool) -> None:
        """Decides on the type.

        Args:
            fields: the driver's, of what was asked for.
            first: the first batch's values; none if there are none.
            whole: whether they are all.

        Raises:
            InvalidInput: ``unsupported_type``.
        """

    @abstractmethod
    def make(self, values: Sequence[pa.Array]) -> pa.Array:
        """The values of what was asked for, as one array.

        Raises:
            InvalidInput: ``bad_value``, ``numeric_overflow``.
        """


class Plain(Form):
    """What the driver carries right.

    Args:
        field: the driver's, where it is known before.
    """

    def __init__(self, name: str, money_decimals: int, field: pa.Field | None = None) -> None:
        super().__init__(name)
        self._money_decimals = money_decimals
        self._field = field
        self._convert: Convert | None = None

    def ask(self, value: str) -> list[Leaf]:
        field = self._field
        if field is None:
            return [Leaf(value, _ANY_BYTES)]
        kind = field.type
        if pa.types.is_list(kind):
            return [self._array(value)]
        if source_type(field) in ("text", "varchar", "bpchar") and pa.types.is_string(kind):
            return [Leaf(value, _TEXT_BYTES)]
        if pa.types.is_binary(kind):
            return [Leaf(value, _TEXT_BYTES)]
        # Of a type that the driver takes for text: an enum, but it may be another one.
        return [Leaf(value, _ANY_BYTES if pa.types.is_string(kind) else "")]

    def _array(self, value: str) -> Leaf:
        size = (
            "CASE WHEN pg_catalog.int4le(pg_catalog.pg_column_size({}), 2000) "
            f"THEN pg_catalog.pg_column_size({{}}) ELSE {_ARRAY_BYTES.replace('({})', '({}[:])')} END"
        )
        if self._field is not None and source_type(self._field) == "int2vector":
            return Leaf(value, size)
        # The driver ends the connection where elements aren't counted from 1.
        from_one = (
            f"CASE WHEN pg_catalog.int4eq(pg_catalog.array_lower({value}, 1), 1) "
            f"THEN {value} ELSE ({value})[:] END"
        )
        return Leaf(from_one, size, f"pg_catalog.array_ndims({value})")

    def settle(self, fields: Sequence[pa.Field], first: Sequence[pa.Array], whole: bool) -> None:
        self.type, self._convert = converter(fields[0], self.name, self._money_decimals)

    def make(self, values: Sequence[pa.Array]) -> pa.Array:
        return values[0] if self._convert is None else self._convert(values[0])


class Text(Form):
    """What comes as PostgreSQL prints it.

    Args:
        output: the type's output function, where it is known; ``format`` finds it too.
    """

    def __init__(self, name: str, source: str, output: str = "") -> None:
        super().__init__(name)
        self._source = source
        self._output = output
        self.type = pa.string()

    def ask(self, value: str) -> list[Leaf]:
        if self._output:
            text = f"pg_catalog.textin(pg_catalog.{self._output}({value}))"
        else:
            # Not IS NULL: a composite value of nothing but NULLs is one for that.
            there = f"pg_catalog.int4eq(pg_catalog.num_nulls({value}), 0)"
            text = f"CASE WHEN {there} THEN pg_catalog.format('%s', {value}) END"
        return [Leaf(text, _TEXT_BYTES)]

    def settle(self, fields: Sequence[pa.Field], first: Sequence[pa.Array], whole: bool) -> None:
        kind = fields[0].type
        if isinstance(kind, pa.BaseExtensionType):
            kind = kind.storage_type
        if not pa.types.is_string(kind):
            raise unsupported(self.name, self._source)

    def make(self, values: Sequence[pa.Array]) -> pa.Array:
        return storage(values[0])


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
        # The driver would make the same text itself, from the binary digits; its wheel is compiled
        # without optimisation and takes three times as long, and on this processor.
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
                f"Cast it in the query to as many as it needs, {other} for example, or to text."
                if after <= scale
                else f"Cast it to text in the query, {column}::text, or have it rounded: {other}."
            )
        return InvalidInput(
            f"The column “{self.name}” holds a number that does not fit into {self.type.precision} "
            f"digits with {self.type.scale} decimals. {advice}",
            code="numeric_overflow",
            column=self.name,
        )


def declared(modifier: int) -> pa.DataType | None:
    """The decimal type of a numeric with precision and scale, else ``None``."""
    if modifier < 4:
        return None
    precision, scale = precision_and_scale(modifier)
    digits = max(precision, scale) if scale >= 0 else precision - scale
    return decimals.decimal(digits, max(scale, 0)) if digits <= MOST_DIGITS else None


def precision_and_scale(modifier: int) -> tuple[int, int]:
    """As in PostgreSQL's numeric.c: 16 bits of precision, 11 bits of scale with sign."""
    return ((modifier - 4) >> 16) & 0xFFFF, ((modifier - 4) & 0x7FF ^ 1024) - 1024


def observed(texts: pa.Array | None, *, whole: bool) -> pa.DataType:
    """The decimal type of an undeclared numeric by its first values: rule 2."""
    before, after = (0, 0) if texts is None else decimals.digits(texts)
    if whole and before + after <= MAX_DIGITS:
        return pa.decimal128(MAX_DIGITS, after)
    if not whole:
        roomy = max(after, ROOMY_SCALE)
        wanted = _ROOMY_DIGITS if after <= ROOMY_SCALE else before + _SPARE_DIGITS
        if max(before, wanted) + roomy <= MAX_DIGITS:
            return pa.decimal128(MAX_DIGITS, roomy)
    shorter = 0 if texts is None else decimals.digits(decimals.trimmed(texts))[1]
    if whole:
        return decimals.decimal(
            MAX_DIGITS if before + shorter <= MAX_DIGITS else MOST_DIGITS, min(shorter, MOST_DIGITS)
        )
    scale = after if before + after + _SPARE_DIGITS <= MOST_DIGITS else shorter
    # What still doesn't fit is refused by the conversion, in its own words.
    scale = max(scale, min(ROOMY_SCALE, MOST_DIGITS - before))
    return pa.decimal256(MOST_DIGITS, max(0, min(scale, MOST_DIGITS)))


class Span(Form):
    """An ``interval``. The driver ends the connection at 2,562,048 hours, so its bytes are asked for."""

    _WIRE: Final = np.dtype([("micros", ">i8"), ("days", ">i4"), ("months", ">i4")])
    _KEPT: Final = np.dtype([("months", "<i4"), ("days", "<i4"), ("nanos", "<i8")])
    _MOST: Final = (2**63 - 1) // 1000

    type = pa.month_day_nano_interval()

    def ask(self, value: str) -> list[Leaf]:
        return [Leaf(f"pg_catalog.interval_send({value})")]

    def settle(self, fields: Sequence[pa.Field], first: Sequence[pa.Array], whole: bool) -> None:
        pass

    def make(self, values: Sequence[pa.Array]) -> pa.Array:
        raw = values[0]
        if raw.type == self.type:
            return raw
        filled = raw.fill_null(struct.pack(">qii", 0, 0, 0)) if raw.null_count else raw
        read = np.frombuffer(b"".join(filled.to_pylist()), self._WIRE)
        if len(read) != len(raw):
            raise unsupported(self.name, "interval")
        micros = read["micros"]
        # Of an infinite one all three parts are at their ends.
        if bool(np.any((micros > self._MOST) | (micros < -self._MOST))):
            raise InvalidInput(
                f"The column “{self.name}” holds an interval that is infinite or has more than "
                "2,562,047 hours, which has no exact value here. Cast it in the query: "
                f"{quoted(self.name)}::text, or extract(epoch from {quoted(self.name)}).",
                code="bad_value",
                column=self.name,
            )
        kept = np.empty(len(read), self._KEPT)
        kept["months"], kept["days"] = read["months"], read["days"]
        kept["nanos"] = micros.astype(np.int64) * 1000
        valid = raw.is_valid().buffers()[1] if raw.null_count else None
        return pa.Array.from_buffers(self.type, len(raw), [valid, pa.py_buffer(kept.tobytes())])


class Many(Form):
    """An array whose elements are asked for in another form."""

    def __init__(self, item: Form) -> None:
        super().__init__(item.name)
        self._item = item
        self.width = item.width

    def ask(self, value: str) -> list[Leaf]:
        return [
            Leaf(
                f"CASE WHEN {value} IS NOT NULL THEN ARRAY(SELECT {leaf.sql} FROM "  # noqa: S608
                f"(SELECT pg_catalog.unnest({value}) AS x OFFSET 0) AS u) END",
                _ARRAY_BYTES,
                f"pg_catalog.array_ndims({value})",
            )
            for leaf in self._item.ask("x")
        ]

    def open(self) -> bool:
        return self._item.open()

    def settle(self, fields: Sequence[pa.Field], first: Sequence[pa.Array], whole: bool) -> None:
        for field in fields:
            if not pa.types.is_list(field.type):
                raise unsupported(self.name, source_type(field))
        items = [field.type.value_field for field in fields]
        self._item.settle(items, [values.flatten() for values in first], whole)
        self.type = pa.list_(self._item.type)

    def make(self, values: Sequence[pa.Array]) -> pa.Array:
        lists = values[0]
        items = self._item.make([each.values for each in values])
        return as_lists(lists, items, self.type)


class Parts(Form):
    """A composite value: whether it is there, and its fields."""

    def __init__(self, name: str, parts: Sequence[tuple[str, Form]]) -> None:
        super().__init__(name)
        self._parts = parts
        self.width = 1 + sum(form.width for _, form in parts)

    def ask(self, value: str) -> list[Leaf]:
        leaves = [Leaf(f"pg_catalog.num_nulls({value})")]
        for part, form in self._parts:
            escaped = part.replace('"', '""')
            leaves += form.ask(f'({value})."{escaped}"')
        return leaves

    def open(self) -> bool:
        return any(form.open() for _, form in self._parts)

    def settle(self, fields: Sequence[pa.Field], first: Sequence[pa.Array], whole: bool) -> None:
        if len(fields) != self.width:
            raise unsupported(self.name, "record")
        place = 1
        for _, form in self._parts:
            end = place + form.width
            form.settle(fields[place:end], first[place:end], whole)
            place = end
        self.type = pa.struct([pa.field(part, form.type) for part, form in self._parts])

    def make(self, values: Sequence[pa.Array]) -> pa.Array:
        absent = pc.greater(values[0], 0)
        made, place = [], 1
        for _, form in self._parts:
            end = place + form.width
            made.append(form.make(values[place:end]))
            place = end
        if not made:
            return pa.array([None if gone else {} for gone in absent.to_pylist()], self.type)
        return pa.StructArray.from_arrays(made, fields=list(self.type), mask=absent)

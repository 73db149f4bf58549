"""How PostgreSQL's types map to Arrow, and what is selected to get each value.

Types
-----
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

A domain maps as the type that it restricts. Each field's metadata holds ``source_type``, the type's
name in PostgreSQL. ``numeric.py`` has the rules of ``numeric``.

Nothing is cast in the database, because a cast may call a user's function. Values are selected through
the types' own output functions, composite values field by field, since the driver mixes up their NULLs.
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
from .driver import Convert, as_lists, converter, quoted, source_type, storage, unsupported


@dataclass(frozen=True)
class Leaf:
    """One expression to select.

    Attributes:
        sql: the expression.
        size: an expression for its bytes, with ``{}`` for its value; empty if they are always few.
        dimensions: an expression for an array's dimensions; empty if it isn't an array.
    """

    sql: str
    size: str = ""
    dimensions: str = ""


# The bytes of a text as it is sent; found without decompressing it.
_TEXT_BYTES: Final = "pg_catalog.octet_length({})"
_ANY_BYTES: Final = "pg_catalog.pg_column_size({})"
# Each element is sent with its length, even a NULL, of which only one bit is stored.
_ARRAY_BYTES: Final = (
    "pg_catalog.int4pl(pg_catalog.int4mul(4, pg_catalog.cardinality({})), "
    "pg_catalog.pg_column_size({}))"
)


class Form(ABC):
    """The way of one value: what is selected for it, and how that becomes an Arrow array.

    Args:
        name: the column's name, for errors.

    Attributes:
        type: the Arrow type; known once it is settled.
        width: the number of expressions that it selects.
    """

    type: pa.DataType
    width: int = 1

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def ask(self, value: str) -> list[Leaf]:
        """What to select. ``value`` is an expression for the value that costs nothing."""

    def open(self) -> bool:
        """True if the type depends on the values of the first batch."""
        return False

    @abstractmethod
    def settle(self, fields: Sequence[pa.Field], first: Sequence[pa.Array], whole: bool) -> None:
        """Decides on the type.

        Args:
            fields: the driver's fields for what was selected.
            first: the values of the first batch; empty if there is none.
            whole: True if they are the whole answer.

        Raises:
            InvalidInput: ``unsupported_type``.
        """

    @abstractmethod
    def make(self, values: Sequence[pa.Array]) -> pa.Array:
        """Makes one array from the values of what was selected.

        Raises:
            InvalidInput: ``bad_value``, ``numeric_overflow``.
        """


class Plain(Form):
    """A value that the driver converts correctly.

    Args:
        money_decimals: decimals of the server's currency.
        field: the driver's field, if it is known beforehand.
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
        # The driver takes the type for text: usually an enum, but it may be another one.
        return [Leaf(value, _ANY_BYTES if pa.types.is_string(kind) else "")]

    def _array(self, value: str) -> Leaf:
        size = (
            "CASE WHEN pg_catalog.int4le(pg_catalog.pg_column_size({}), 2000) "
            f"THEN pg_catalog.pg_column_size({{}}) ELSE {_ARRAY_BYTES.replace('({})', '({}[:])')} END"
        )
        if self._field is not None and source_type(self._field) == "int2vector":
            return Leaf(value, size)
        # The driver closes the connection if an array's lower bound isn't 1.
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
    """A value as PostgreSQL prints it.

    Args:
        source: the type's name in PostgreSQL.
        output: the type's output function, if it is known; ``format`` finds it too.
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
            # Not IS NULL, which is also true for a composite value with only NULLs.
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


class Span(Form):
    """An ``interval``, as bytes: the driver closes the connection at 2,562,048 hours."""

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
        # In an infinite interval all three parts have their extreme values.
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
    """An array whose elements need another form."""

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
    """A composite value: whether it is NULL, and its fields."""

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

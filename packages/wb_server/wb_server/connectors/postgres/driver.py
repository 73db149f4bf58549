"""Converts the driver's values to Arrow types that every reader understands."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from ...kit.errors import InvalidInput

Convert = Callable[[pa.Array], pa.Array]

# In the driver, infinity and times beyond its range wrap around to far below the earliest date that
# PostgreSQL has (4713 BC).
_EARLIEST_DAY: Final = -2_500_000
_EARLIEST_MICROSECOND: Final = _EARLIEST_DAY * 86_400_000_000
_DAY: Final = 86_400_000_000


def source_type(field: pa.Field) -> str:
    name: bytes = (field.metadata or {}).get(b"POSTGRESQL:type", b"")
    return name.decode("utf-8", "replace")


def storage(values: pa.Array) -> pa.Array:
    return values.storage if isinstance(values, pa.ExtensionArray) else values


def quoted(name: str) -> str:
    """A column's name for advice on the query; ``(…)`` for an expression without a name."""
    if name == "?column?":
        return "(…)"
    return name if re.fullmatch(r"[a-z_][a-z0-9_]*", name) else '"' + name.replace('"', '""') + '"'


def converter(
    field: pa.Field, name: str, money_decimals: int
) -> tuple[pa.DataType, Convert | None]:
    """The type to which one of the driver's columns is converted, and how (``None``: unchanged).

    Args:
        field: the driver's field, or that of an array's elements.
        name: the column's name, for errors.
        money_decimals: the number of decimals of ``money`` on this server.

    Raises:
        InvalidInput: ``unsupported_type``.
    """
    kind, source = field.type, source_type(field)
    if isinstance(kind, pa.OpaqueType) or pa.types.is_struct(kind):
        raise unsupported(name, source)
    if isinstance(kind, pa.UuidType):
        return pa.string(), _uuid_texts
    if isinstance(kind, pa.BaseExtensionType):
        return kind.storage_type, storage
    if pa.types.is_timestamp(kind):
        return kind, _at_least(name, pa.int64(), _EARLIEST_MICROSECOND)
    if pa.types.is_date32(kind):
        return kind, _at_least(name, pa.int32(), _EARLIEST_DAY)
    if pa.types.is_time64(kind):
        return kind, _below_a_day(name)
    if source == "money" and pa.types.is_int64(kind):
        return pa.decimal128(19, money_decimals), _money(money_decimals)
    if source == "oid" and pa.types.is_int32(kind):
        return pa.int64(), lambda values: values.view(pa.uint32()).cast(pa.int64())
    if pa.types.is_list(kind):
        return _list(kind, name, money_decimals)
    return kind, None


def _list(kind: pa.DataType, name: str, money_decimals: int) -> tuple[pa.DataType, Convert | None]:
    inner, convert = converter(kind.value_field, name, money_decimals)
    target = pa.list_(inner)

    def rebuild(values: pa.Array) -> pa.Array:
        items = values.values if convert is None else convert(values.values)
        return as_lists(values, items, target)

    return target, rebuild


def as_lists(like: pa.ListArray, items: pa.Array, kind: pa.DataType) -> pa.ListArray:
    """Lists of the same lengths, with other elements."""
    return pa.ListArray.from_arrays(
        like.offsets, items, type=kind, mask=like.is_null() if like.null_count else None
    )


def unsupported(name: str, source: str, why: str = "") -> InvalidInput:
    column = quoted(name)
    return InvalidInput(
        f"The column “{name}” has the type {source or 'unknown'}, which can't be read"
        f"{why}. Cast it in the query: {column}::text, or to_jsonb({column}).",
        code="unsupported_type",
        column=name,
    )


def _at_least(name: str, plain: pa.DataType, earliest: int) -> Convert:
    def convert(values: pa.Array) -> pa.Array:
        lowest = pc.min(values.view(plain)).as_py()
        if lowest is not None and lowest < earliest:
            column = quoted(name)
            raise InvalidInput(
                f"The column “{name}” holds an infinite date, or one after the year 294000, which "
                f"has no exact value here. Cast it in the query: {column}::text, or replace it: "
                f"NULLIF({column}, 'infinity').",
                code="bad_value",
                column=name,
            )
        return values

    return convert


def _below_a_day(name: str) -> Convert:
    def convert(values: pa.Array) -> pa.Array:
        highest = pc.max(values.view(pa.int64())).as_py()
        if highest is not None and highest >= _DAY:
            raise InvalidInput(
                f"The column “{name}” holds the time 24:00, which has no exact value here. "
                f"Cast it in the query: {quoted(name)}::text.",
                code="bad_value",
                column=name,
            )
        return values

    return convert


def _money(decimals: int) -> Convert:
    def convert(values: pa.Array) -> pa.Array:
        units = values.cast(pa.decimal128(19, 0))
        # The same digits with the point moved: nothing is computed, so nothing is rounded.
        return pa.Array.from_buffers(
            pa.decimal128(19, decimals), len(units), units.buffers(), offset=units.offset
        )

    return convert


def _uuid_texts(values: pa.Array) -> pa.Array:
    raw = values.storage
    size = len(raw)
    data = raw.buffers()[1]
    start = raw.offset * 16
    digits = b"" if data is None else memoryview(data)[start : start + size * 16].hex().encode()
    whole = pa.Array.from_buffers(pa.binary(32), size, [None, pa.py_buffer(digits)])
    texts = whole.cast(pa.binary()).cast(pa.string())
    parts = [
        pc.utf8_slice_codeunits(texts, start, stop)
        for start, stop in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
    ]
    joined = pc.binary_join_element_wise(*parts, "-")
    return pc.if_else(raw.is_null(), None, joined) if raw.null_count else joined

"""Converts Arrow tables to pandas and polars frames, with the types and names that these support."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

import pyarrow as pa

from .errors import QueryError
from .values import distinct, is_far, python_values, storage

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]
    import polars


_MIN_THREADED_BYTES = 2**20
_DIGITS = 38
_INTERVAL = pa.month_day_nano_interval()


def to_pandas(table: pa.Table) -> pd.DataFrame:
    """A pandas frame with the types that :meth:`Result.df` promises."""
    import pandas as pd

    masked: dict[pa.DataType, Any] = {
        pa.int8(): pd.Int8Dtype(),
        pa.int16(): pd.Int16Dtype(),
        pa.int32(): pd.Int32Dtype(),
        pa.int64(): pd.Int64Dtype(),
        pa.uint8(): pd.UInt8Dtype(),
        pa.uint16(): pd.UInt16Dtype(),
        pa.uint32(): pd.UInt32Dtype(),
        pa.uint64(): pd.UInt64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
    }

    def exact(kind: pa.DataType) -> Any:
        # Python's own Decimal would round a sum to 28 digits.
        return pd.ArrowDtype(kind) if pa.types.is_decimal(kind) or pa.types.is_time(kind) else None

    def with_nulls(kind: pa.DataType) -> Any:
        return masked.get(kind) or exact(kind)

    def convert(part: pa.Table, mapper: Any) -> pd.DataFrame:
        return cast(
            "pd.DataFrame",
            part.to_pandas(
                types_mapper=mapper,
                date_as_object=False,
                ignore_metadata=True,
                # For a small table, waking threads takes longer than converting it.
                use_threads=part.nbytes > _MIN_THREADED_BYTES,
            ),
        )

    def offset(value: pa.MonthDayNano) -> Any:
        return pd.DateOffset(months=value[0], days=value[1], nanoseconds=value[2])

    names = table.column_names
    numbered = _without_far_zones(table).rename_columns([str(i) for i in range(len(names))])
    # In nested values pandas would turn integers into floats, and dates into integers.
    objects = [i for i, col in enumerate(table.columns) if _is_nested(col.type)]
    # numpy has no missing integer: the column would become float, and large keys would lose digits.
    nullable = [i for i, col in enumerate(table.columns) if col.null_count and col.type in masked]
    rest = sorted(set(range(len(names))).difference(objects, nullable))
    if len(rest) == len(names) == len(set(names)):
        return convert(numbered.rename_columns(names), exact)
    parts = [
        convert(numbered.select(rest), exact),
        convert(numbered.select(nullable), with_nulls),
    ]
    with _gc_paused():
        for i in objects:
            values = python_values(table.column(i), offset)
            parts.append(pd.Series(values, name=str(i), dtype=object).to_frame())
    frame = pd.concat([part for part in parts if part.shape[1]], axis="columns")
    frame = frame[[str(i) for i in range(len(names))]]
    frame.columns = pd.Index(names)
    return frame


def to_polars(table: pa.Table) -> polars.DataFrame:
    """A polars frame with the types that :meth:`Result.pl` promises.

    Raises:
        QueryError: ``numeric_overflow``: a number has more than 38 digits; ``unsupported_type``.
    """
    import polars

    names = distinct(table.column_names)  # polars refuses two columns of one name
    table = table.rename_columns(names)
    for i, field in enumerate(table.schema):
        if _is_foreign(field.type):
            # In one piece, so that all numbers get the same scale.
            column = pa.concat_arrays(table.column(i).chunks or [pa.array([], field.type)])
            table = table.set_column(i, field.name, _for_polars(column, field.name))
    return cast("polars.DataFrame", polars.from_arrow(table))


# --- pandas -----------------------------------------------------------------------------------


def _is_nested(kind: pa.DataType) -> bool:
    return bool(pa.types.is_nested(kind) or isinstance(kind, pa.BaseExtensionType))


@contextlib.contextmanager
def _gc_paused() -> Iterator[None]:
    """Pauses the cycle collector: scanning a million new lists takes longer than creating them."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _without_far_zones(table: pa.Table) -> pa.Table:
    """The table, with timestamps that pandas can't show in a zone converted to UTC without one."""
    for i, field in enumerate(table.schema):
        if pa.types.is_timestamp(field.type) and field.type.tz and is_far(table.column(i)):
            plain = table.column(i).cast(pa.timestamp(field.type.unit))
            table = table.set_column(i, field.name, plain)
    return table


# --- polars -----------------------------------------------------------------------------------


def _is_foreign(kind: pa.DataType) -> bool:
    """Whether polars lacks the type, or that of a nested part."""
    if pa.types.is_nested(kind) and not pa.types.is_union(kind):
        return any(_is_foreign(kind.field(i).type) for i in range(kind.num_fields))
    return bool(
        kind == _INTERVAL
        or pa.types.is_decimal256(kind)
        or pa.types.is_union(kind)
        or isinstance(kind, pa.BaseExtensionType)
    )


def _for_polars(values: pa.Array, column: str) -> pa.Array:
    """The same values in types that polars supports; an interval becomes a struct of its parts."""
    kind = values.type
    if not _is_foreign(kind):
        return values
    if isinstance(values, pa.ExtensionArray):
        return _for_polars(storage(values), column)
    if pa.types.is_decimal256(kind):
        return narrow(values, column)
    missing = values.is_null() if values.null_count else None
    if kind == _INTERVAL:
        rows = [(0, 0, 0) if value is None else value for value in values.to_pylist()]
        months, days, nanoseconds = zip(*rows, strict=True) if rows else ((), (), ())
        return pa.StructArray.from_arrays(
            [
                pa.array(months, pa.int32()),
                pa.array(days, pa.int32()),
                pa.array(nanoseconds, pa.int64()),
            ],
            names=["months", "days", "nanoseconds"],
            mask=missing,
        )
    if pa.types.is_struct(kind):
        parts = [_for_polars(values.field(i), column) for i in range(kind.num_fields)]
        named = distinct([field.name for field in kind])
        return pa.StructArray.from_arrays(parts, names=named, mask=missing)
    if pa.types.is_fixed_size_list(kind):
        size = kind.list_size
        items = values.values.slice(values.offset * size, len(values) * size)
        offsets = pa.array(range(0, size * len(values) + 1, size), pa.int32())
        return pa.ListArray.from_arrays(offsets, _for_polars(items, column), mask=missing)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_map(kind):
        offsets = values.offsets
        first = offsets[0]
        count = offsets[-1].as_py() - first.as_py()
        if pa.types.is_map(kind):
            pair = [
                values.keys.slice(first.as_py(), count),
                values.items.slice(first.as_py(), count),
            ]
            items = pa.StructArray.from_arrays(pair, names=["key", "value"])
        else:
            items = values.values.slice(first.as_py(), count)
        import pyarrow.compute as pc  # slow

        array_class = pa.LargeListArray if pa.types.is_large_list(kind) else pa.ListArray
        return array_class.from_arrays(
            pc.subtract(offsets, first), _for_polars(items, column), mask=missing
        )
    raise QueryError(
        f"The column “{column}” has the type {kind}, which polars lacks. Use .df() or .arrow(), or "
        "cast it in the query.",
        code="unsupported_type",
    )


def narrow(values: pa.Array, column: str) -> pa.Array:
    """Numbers in 38 digits, with as many decimals as all of them allow.

    Raises:
        QueryError: ``numeric_overflow``: one has more before its point; the message names the column.
    """
    for scale in range(min(values.type.scale, _DIGITS), -1, -1):
        try:
            return values.cast(pa.decimal128(_DIGITS, scale))
        except pa.ArrowInvalid:
            continue
    raise QueryError(
        f"The column “{column}” contains a number that doesn't fit into the {_DIGITS} digits that "
        "polars and DuckDB support. Use .df() or .arrow(), or cast it in the query.",
        code="numeric_overflow",
    )

"""The rows of a DuckDB relation as Arrow, exact, with types that every reader knows.

A value that Arrow or its readers can't represent is an error that names its column.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from .duckdb_sql import literal, quoted
from .errors import InvalidInput

# Types whose Arrow form is lossy or unknown to readers.
_AS_TEXT: Final = (
    "BIT", "TIME WITH TIME ZONE", "ENUM(", "UNION(", "UUID", "BIGNUM", "VARIANT", "GEOMETRY",
)  # fmt: skip
_WHOLE: Final = ("HUGEINT", "UHUGEINT")
_MAX_HOURS: Final = 2**63 // (3_600 * 10**9) - 1


class ExactRows:
    """The rows of a relation as record batches, read once.

    Args:
        relation: the rows; its statement starts when they are read.
        batch_rows: how many rows a batch has.

    Attributes:
        schema: the columns; HUGEINT becomes int64, and types that Arrow lacks become text.

    Raises:
        InvalidInput: a value can't be represented (``numeric_overflow``, ``bad_value``).
        duckdb.Error: the statement fails.
    """

    def __init__(self, relation: duckdb.DuckDBPyRelation, batch_rows: int) -> None:
        relation, self._whole, self._inside = _plain(relation)
        with self._naming():
            self._reader = relation.to_arrow_reader(batch_rows)
        self.schema = pa.schema(
            [
                pa.field(field.name, pa.int64() if index in self._whole else _storage(field.type))
                for index, field in enumerate(self._reader.schema)
            ]
        )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while True:
            with self._naming():
                batch = next(self._reader, None)
            if batch is None:
                return
            arrays = [
                _column(self.schema.field(index), values, index in self._whole)
                for index, values in enumerate(batch.columns)
            ]
            yield pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    @contextmanager
    def _naming(self) -> Iterator[None]:
        """Names the columns of a nested integer that is too long."""
        try:
            yield
        except (duckdb.Error, pa.ArrowException) as error:
            if self._inside and "to DECIMAL(38,0)" in str(error):
                names = " or ".join(f"“{name}”" for name in self._inside)
                raise _too_long(names, self._inside[0]) from None
            raise


def _plain(
    relation: duckdb.DuckDBPyRelation,
) -> tuple[duckdb.DuckDBPyRelation, set[int], list[str]]:
    """The relation without awkward types.

    Also the indexes of its HUGEINT columns, and the names of the columns with nested HUGEINTs.
    """
    kinds = [(name, str(kind)) for name, kind in zip(relation.columns, relation.types, strict=True)]
    whole = {place for place, (_, kind) in enumerate(kinds) if kind in _WHOLE}
    inside = [name for name, kind in kinds if kind not in _WHOLE and "HUGEINT" in kind]
    plain = [_plain_type(kind) for kind in relation.types]
    if any(plain) or any(kind in ("UHUGEINT", "INTERVAL") for _, kind in kinds):
        parts = []
        for place, ((name, kind), cast) in enumerate(zip(kinds, plain, strict=True), 1):
            value = f"CAST(#{place} AS {cast})" if cast else f"#{place}"
            if kind == "UHUGEINT":
                # Arrow can't represent the upper half; such values are refused below.
                maximum = f"{2**127 - 1}::UHUGEINT"
                capped = f"CASE WHEN {value} > {maximum} THEN {maximum} ELSE {value} END"
                value = f"CAST({capped} AS HUGEINT)"
            elif kind == "INTERVAL":
                # Arrow counts in nanoseconds, DuckDB in microseconds.
                message = literal(
                    f"The column “{name}” holds an interval of more than {_MAX_HOURS:,} hours, which "
                    f"has no exact value here. Cast it in the query: {name}::varchar"
                )
                value = (
                    f"CASE WHEN abs(date_part('hour', {value})) > {_MAX_HOURS} "
                    f"THEN error({message}) ELSE {value} END"
                )
            parts.append(f"{value} AS {quoted(name)}")
        relation = relation.project(", ".join(parts))
    return relation, whole, inside


def _plain_type(kind: Any, *, inside: bool = False) -> str | None:
    """A type with text instead of awkward types; ``None`` if it may stay."""
    if kind.id not in ("list", "array"):
        if str(kind).startswith(_AS_TEXT) or str(kind) == "JSON":
            return "VARCHAR"
        if inside and str(kind) in _WHOLE:
            return "DECIMAL(38,0)"
        if inside and str(kind) == "INTERVAL":
            return "VARCHAR"
    if kind.id not in ("list", "array", "struct", "map"):
        return None
    inner = dict(kind.children)
    size = inner.pop("size", None)
    plain = {name: _plain_type(it, inside=True) for name, it in inner.items()}
    if not any(plain.values()):
        return None
    parts = {name: plain[name] or str(it) for name, it in inner.items()}
    if kind.id == "struct":
        return f"STRUCT({', '.join(f'{quoted(name)} {it}' for name, it in parts.items())})"
    if kind.id == "map":
        return f"MAP({parts['key']}, {parts['value']})"
    return f"{parts['child']}[{size or ''}]"


def _storage(kind: pa.DataType) -> pa.DataType:
    return kind.storage_type if isinstance(kind, pa.BaseExtensionType) else kind


def _column(field: pa.Field, values: pa.Array, whole: bool) -> pa.Array:
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    if whole:
        try:
            return values.cast(pa.int64())
        except pa.ArrowInvalid:
            raise _too_long(f"“{field.name}”", field.name) from None
    if pa.types.is_nested(field.type) or pa.types.is_temporal(field.type):
        _check(field.name, values)
    return values


def _check(name: str, values: pa.Array) -> None:
    """Refuses dates and times that Arrow can't represent, at any depth of a column."""
    kind = values.type
    if pa.types.is_map(kind):
        # All entries regardless of the slice: those outside it belong to another batch anyway.
        _check(name, values.keys)
        _check(name, values.items)
    elif pa.types.is_struct(kind):
        for part in values.flatten():
            _check(name, part)
    elif pa.types.is_nested(kind):
        _check(name, values.flatten())
    elif pa.types.is_timestamp(kind) or pa.types.is_date32(kind):
        bits = kind.bit_width
        ends = pc.min_max(values.view(pa.int64() if bits == 64 else pa.int32())).as_py()
        # DuckDB stores infinity as the largest number, and minus infinity as its negative.
        if ends["max"] == 2 ** (bits - 1) - 1 or (ends["min"] or 0) <= -(2 ** (bits - 1)) + 1:
            raise _inexact_time(name, "an infinite date or time")
    elif pa.types.is_time64(kind):
        latest = pc.max(values.view(pa.int64())).as_py() or 0
        if latest >= 86_400 * (10**9 if kind.unit == "ns" else 10**6):
            raise _inexact_time(name, "the time 24:00:00")


def _too_long(names: str, name: str) -> InvalidInput:
    return InvalidInput(
        f"The column {names} holds an integer of more than 64 bits. Cast it in the query, for "
        f"example {name}::decimal(38, 0), or {name}::varchar.",
        code="numeric_overflow",
        column=name,
    )


def _inexact_time(name: str, what: str) -> InvalidInput:
    return InvalidInput(
        f"The column “{name}” holds {what}, which has no exact value here. Cast it in the query: "
        f"{name}::varchar.",
        code="bad_value",
        column=name,
    )

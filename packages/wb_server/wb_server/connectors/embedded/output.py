"""Writes a statement's rows from a worker's process: as Arrow, exact, in small batches.

The service reads them into its own memory, so rows and batches have a maximum size. A value that
Arrow or its readers can't represent is an error that names its column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, BinaryIO, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from .bad_value import BadValue
from .csv_files import literal, quoted

BATCH_BYTES: Final = 1 << 20
# Of one row; a batch of several rows has at most twice ``BATCH_BYTES``.
MAX_ROW_BYTES: Final = 32 << 20

# Types whose Arrow form is lossy or unknown to readers.
_AS_TEXT: Final = (
    "BIT", "TIME WITH TIME ZONE", "ENUM(", "UNION(", "UUID", "BIGNUM", "VARIANT", "GEOMETRY",
)  # fmt: skip
_WHOLE: Final = ("HUGEINT", "UHUGEINT")
_MAX_HOURS: Final = 2**63 // (3_600 * 10**9) - 1


def write_answer(relation: duckdb.DuckDBPyRelation, out: BinaryIO) -> int:
    """Writes the rows of a relation as an Arrow stream, and returns their number.

    Raises:
        BadValue: a value can't be represented (``numeric_overflow``, ``bad_value``, ``too_large``).
        duckdb.Error: the statement fails.
    """
    relation, whole, inside = _plain(relation)
    try:
        return _write(relation, whole, out)
    except (duckdb.Error, pa.ArrowException) as error:
        if inside and "to DECIMAL(38,0)" in str(error):
            raise _too_long(" or ".join(f"“{name}”" for name in inside), inside[0]) from None
        raise


def _write(relation: duckdb.DuckDBPyRelation, whole: set[int], out: BinaryIO) -> int:
    reader = relation.to_arrow_reader(_batch_rows(relation))
    schema = pa.schema(
        [
            pa.field(field.name, pa.int64() if index in whole else _storage(field.type))
            for index, field in enumerate(reader.schema)
        ]
    )
    rows = 0
    with pa.ipc.new_stream(out, schema) as writer:
        out.flush()
        for batch in reader:
            arrays = [
                _column(schema.field(index), values, index in whole)
                for index, values in enumerate(batch.columns)
            ]
            rows += batch.num_rows
            for part in _parts(pa.RecordBatch.from_arrays(arrays, schema=schema)):
                writer.write_batch(part)
                out.flush()
    out.close()
    return rows


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


def _batch_rows(relation: duckdb.DuckDBPyRelation) -> int:
    """How many rows make about one MiB; a wrong guess for wide types is corrected by ``_parts``."""
    narrow = ("BOOL", "TINY", "SMALL", "INT", "BIG", "FLOAT", "DOUBLE", "DATE", "TIME", "U")
    size = sum(8 if str(kind).startswith(narrow) else 40 for kind in relation.types)
    return max(2048, min(122_880, BATCH_BYTES // max(size, 1)) // 2048 * 2048)


def _parts(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """A batch in parts of a bounded size."""
    size = batch.nbytes
    if size <= 2 * BATCH_BYTES:
        yield batch
    elif batch.num_rows == 1:
        if size > MAX_ROW_BYTES:
            widest = max(range(batch.num_columns), key=lambda place: batch.column(place).nbytes)
            raise BadValue(
                "too_large",
                f"A row of the answer is {size / 2**20:,.0f} MiB large, most of it in the column "
                f"“{batch.schema.field(widest).name}”. The maximum is {MAX_ROW_BYTES >> 20} MiB: "
                "choose fewer columns, or parts of the values.",
                column=batch.schema.field(widest).name,
                limit=MAX_ROW_BYTES,
            )
        yield batch
    else:
        step = max(1, batch.num_rows // -(-size // BATCH_BYTES))
        # Rows differ in size, so each part is checked again; at least halving it ends the recursion.
        step = min(step, -(-batch.num_rows // 2))
        for start in range(0, batch.num_rows, step):
            yield from _parts(batch.slice(start, step))


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


def _too_long(names: str, name: str) -> BadValue:
    return BadValue(
        "numeric_overflow",
        f"The column {names} holds an integer of more than 64 bits. Cast it in the query, for "
        f"example {name}::decimal(38, 0), or {name}::varchar.",
        column=name,
    )


def _inexact_time(name: str, what: str) -> BadValue:
    return BadValue(
        "bad_value",
        f"The column “{name}” holds {what}, which has no exact value here. Cast it in the query: "
        f"{name}::varchar.",
        column=name,
    )

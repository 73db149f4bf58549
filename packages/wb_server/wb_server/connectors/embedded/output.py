"""Writes a statement's rows from a worker's process: as Arrow, exact, in small batches.

The service reads them into its own memory, so rows and batches have a maximum size. A value that
Arrow or its readers can't represent is an error that names its column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import duckdb
import pyarrow as pa

from ...kit.duckdb_rows import ExactRows
from ...kit.errors import InvalidInput
from .bad_value import BadValue

BATCH_BYTES: Final = 1 << 20
# Of one row; a batch of several rows has at most twice ``BATCH_BYTES``.
MAX_ROW_BYTES: Final = 32 << 20


def write_answer(relation: duckdb.DuckDBPyRelation, out: BinaryIO) -> int:
    """Writes the rows of a relation as an Arrow stream, and returns their number.

    Raises:
        BadValue: a value can't be represented (``numeric_overflow``, ``bad_value``, ``too_large``).
        duckdb.Error: the statement fails.
    """
    try:
        return _write(ExactRows(relation, _batch_rows(relation)), out)
    except InvalidInput as error:
        raise BadValue(error.code, error.message, **error.details) from None


def _write(found: ExactRows, out: BinaryIO) -> int:
    rows = 0
    with pa.ipc.new_stream(out, found.schema) as writer:
        out.flush()
        for batch in found:
            rows += batch.num_rows
            for part in _parts(batch):
                writer.write_batch(part)
                out.flush()
    out.close()
    return rows


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

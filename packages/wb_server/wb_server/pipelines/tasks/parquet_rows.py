"""Reads the rows of a Parquet artifact in bounded batches, however the file was written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, Final

import pyarrow as pa
import pyarrow.parquet as pq

from .base import TaskFailed

# A batch is yielded once it reaches one of these sizes.
_BATCH_BYTES: Final = 4 << 20
_BATCH_ROWS: Final = 65_536
# Rows to read at once if a column has values of variable size: dictionary encoding may store a text of a
# megabyte once for all of them.
_VARIABLE_SIZE_ROWS: Final = 512
# Bytes to read at once from each column: a file may be a single row group as large as itself.
_BUFFER_BYTES: Final = 1 << 20


class ParquetRows:
    """Rows to load; a ``gate.loads.Batches``.

    Attributes:
        schema: the schema of the rows, with plain types for strings and bytes.
        rows: the number of rows according to the file.

    Args:
        file: the artifact; must stay open while the rows are read.
        name: how messages refer to it.

    Raises:
        TaskFailed: it isn't a Parquet file (``bad_artifact``).
    """

    def __init__(self, file: IO[bytes], name: str) -> None:
        self._name = name
        try:
            self._file = pq.ParquetFile(file, buffer_size=_BUFFER_BYTES, pre_buffer=False)
            self.schema = pa.schema([_plain_field(each) for each in self._file.schema_arrow])
        except (pa.ArrowException, OSError) as error:
            raise self._bad(error) from error
        self.rows: int = self._file.metadata.num_rows
        self._rows_at_once = min(_BATCH_ROWS, _BATCH_BYTES // (16 * max(1, len(self.schema))))
        if not all(_fixed_size(each.type) for each in self.schema):
            self._rows_at_once = min(self._rows_at_once, _VARIABLE_SIZE_ROWS)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yields the rows; may be called only once.

        Raises:
            TaskFailed: the file is damaged (``bad_artifact``).
        """
        pending: list[pa.RecordBatch] = []
        rows = size = 0
        try:
            for batch in self._file.iter_batches(max(1, self._rows_at_once), use_threads=False):
                pending.append(self._plain(batch))
                rows, size = rows + batch.num_rows, size + pending[-1].nbytes
                if size >= _BATCH_BYTES or rows >= _BATCH_ROWS:
                    yield _combined(pending)
                    pending, rows, size = [], 0, 0
        except (pa.ArrowException, OSError) as error:
            raise self._bad(error) from error
        if pending:
            yield _combined(pending)

    def _plain(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns = []
        for column, field in zip(batch.columns, self.schema, strict=True):
            if isinstance(column, pa.DictionaryArray):
                column = column.dictionary_decode()
            columns.append(column if column.type == field.type else column.cast(field.type))
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def _bad(self, error: Exception) -> TaskFailed:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        return TaskFailed(
            "bad_artifact", f"{self._name} can't be read as Parquet: {reason}", retry=False
        )


def _combined(batches: list[pa.RecordBatch]) -> pa.RecordBatch:
    return batches[0] if len(batches) == 1 else pa.concat_batches(batches)


def _fixed_size(kind: pa.DataType) -> bool:
    tests = (pa.types.is_primitive, pa.types.is_decimal, pa.types.is_null)
    return any(test(kind) for test in tests)


def _plain_field(field: pa.Field) -> pa.Field:
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        kind = pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        kind = pa.binary()
    return field.with_type(kind)

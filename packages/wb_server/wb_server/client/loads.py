"""Rows that the client loads into a table: as a file of plain Arrow batches, and the result."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, Literal

import pyarrow as pa

from .errors import QueryError, error_from
from .values import storage

LoadMode = Literal["append", "replace", "upsert", "create"]
_BATCH_ROWS: Final = 65_536


@dataclass(frozen=True, slots=True)
class Loaded:
    """The result of a load: all its rows are in the table.

    Attributes:
        rows: how many rows were loaded.
        table: the connection's name and the table, as the database names it.
        mode: ``append``, ``replace``, ``upsert`` or ``create``.
        seconds: how long it took, from the first byte sent.
    """

    rows: int
    table: str
    mode: str
    seconds: float

    def __repr__(self) -> str:
        rows = "1 row" if self.rows == 1 else f"{self.rows:,} rows"
        return f"{rows} into {self.table} ({self.mode}) in {self.seconds:.2f} s"


@contextmanager
def stream_file(table: pa.Table) -> Iterator[BinaryIO]:
    """A table as a file of an Arrow stream, in types that the service takes.

    Raises:
        QueryError: ``unsupported_type``: a column can't be sent; the message names it.
    """
    schema = pa.schema([field.with_type(_plain_type(field.type)) for field in table.schema])
    with tempfile.TemporaryFile() as file:
        with pa.ipc.new_stream(file, schema) as writer:
            for batch in table.to_batches(max_chunksize=_BATCH_ROWS):
                columns = [
                    _plain(values, field)
                    for values, field in zip(batch.columns, schema, strict=True)
                ]
                writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=schema))
        yield file


def _plain(values: pa.Array, field: pa.Field) -> pa.Array:
    if isinstance(values, pa.ExtensionArray):
        values = storage(values)
    if isinstance(values, pa.DictionaryArray):
        values = values.dictionary_decode()
    if isinstance(values, pa.RunEndEncodedArray):
        values = values.cast(values.type.value_type)
    try:
        return values if values.type == field.type else values.cast(field.type)
    except pa.ArrowException as error:
        raise _unsupported(field.name, str(error).splitlines()[0][:200]) from error


def _unsupported(name: str, reason: str) -> QueryError:
    message = f"The column “{name}” can't be sent: {reason}."
    details = {"code": "unsupported_type", "message": message, "details": {"column": name}}
    return error_from({"error": details}, 400)


def _plain_type(kind: pa.DataType) -> pa.DataType:
    """A type without dictionaries, large offsets, views and extensions."""
    if isinstance(kind, pa.UuidType):
        return pa.string()
    if isinstance(kind, pa.BaseExtensionType):
        return _plain_type(kind.storage_type)
    if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
        return _plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind) or pa.types.is_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([field.with_type(_plain_type(field.type)) for field in kind])
    return kind

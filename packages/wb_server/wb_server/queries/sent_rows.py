"""Rows that a client sends to be loaded: an Arrow stream, checked before anything is read from it."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final

import pyarrow as pa

from ..kit.errors import InvalidInput

_BATCH_ROWS: Final = 2**20
_FIXED: Final = (
    pa.types.is_primitive, pa.types.is_decimal, pa.types.is_string, pa.types.is_binary,
    pa.types.is_fixed_size_binary,
)  # fmt: skip


class SentRows:
    """The rows of a stream; a ``gate.loads.Batches``.

    Nothing of it is trusted: a batch that isn't what it says would crash the reader, and a few
    compressed bytes may stand for gigabytes.

    Args:
        data: the whole stream.

    Raises:
        InvalidInput: it isn't a stream of rows (``bad_rows``), or a column has a type that can't be loaded
            (``unsupported_type``).
    """

    def __init__(self, data: pa.Buffer) -> None:
        self._messages = pa.ipc.MessageReader.open_stream(pa.BufferReader(data))
        with _reading():
            self.schema: pa.Schema = pa.ipc.read_schema(self._messages.read_next_message())
        for field in self.schema:
            if not (pa.types.is_null(field.type) or _is_plain(field.type)):
                raise InvalidInput(
                    f"The column “{field.name}” has the type {field.type}, which can't be loaded: send it "
                    "as text or numbers.",
                    code="unsupported_type",
                    column=field.name,
                )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        while True:
            with _reading():
                try:
                    message = self._messages.read_next_message()
                except StopIteration:
                    return
                if message.type != "record batch" or _is_compressed(message.metadata):
                    raise pa.ArrowInvalid("it holds more than plain record batches")
                batch = pa.ipc.read_record_batch(message, self.schema)
                if batch.num_rows > _BATCH_ROWS:
                    raise pa.ArrowInvalid(f"a batch has more than {_BATCH_ROWS:,} rows")
                batch.validate(full=True)
            yield batch


@contextmanager
def sent_rows(file: BinaryIO) -> Iterator[SentRows]:
    """The rows in a file that was sent.

    Raises:
        InvalidInput: as ``SentRows``.
    """
    try:
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except ValueError:  # an empty file
        raise _bad("it is empty") from None
    # Closed with the last batch that refers to it.
    yield SentRows(pa.py_buffer(mapped))


@contextmanager
def _reading() -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, StopIteration, struct.error) as error:
        raise _bad(str(error).splitlines()[0][:200] if str(error) else "it ends early") from None


def _bad(reason: str) -> InvalidInput:
    return InvalidInput(
        f"The rows can't be read as an uncompressed Arrow stream: {reason}.", code="bad_rows"
    )


def _is_plain(kind: pa.DataType) -> bool:
    """Whether a value takes the bytes that it has in the stream: no dictionaries, views and runs."""
    if isinstance(kind, pa.BaseExtensionType):
        return False
    if pa.types.is_list(kind) or pa.types.is_struct(kind):
        return kind.num_fields > 0 and all(
            _is_plain(kind.field(place).type) for place in range(kind.num_fields)
        )
    return any(is_kind(kind) for is_kind in _FIXED) or kind == pa.month_day_nano_interval()


def _is_compressed(metadata: pa.Buffer) -> bool:
    """Whether a record batch's buffers are compressed: its flatbuffer has a fourth field.

    The layout is that of ``Message.fbs`` in Arrow's format, version 5.
    """
    raw = metadata.to_pybytes()
    (message,) = struct.unpack_from("<I", raw, 0)
    header = _field(raw, message, 2)
    if not header:
        raise struct.error("it has no header")
    (offset,) = struct.unpack_from("<I", raw, header)
    return _field(raw, header + offset, 3) != 0


def _field(raw: bytes, table: int, number: int) -> int:
    """Where a field of a flatbuffer's table is; 0 if it is missing."""
    (back,) = struct.unpack_from("<i", raw, table)
    vtable = table - back
    if vtable < 0:
        raise struct.error("it is damaged")
    (size,) = struct.unpack_from("<H", raw, vtable)
    place = 4 + 2 * number
    if place + 2 > size:
        return 0
    (offset,) = struct.unpack_from("<H", raw, vtable + place)
    return table + offset if offset else 0

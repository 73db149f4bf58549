"""Reads an Arrow stream from a response, and verifies that it is complete."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, cast

import httpx
import pyarrow as pa

from .errors import AnswerCut, QueryError, error_from
from .wire import PROVENANCE, json_object


class ResponseBody:
    """The body of a response as a file for Arrow's stream reader.

    Arrow reads whole message bodies with ``read_buffer``. Each buffer is filled directly from the chunks
    of the socket, so the data is copied only once, and the batches refer to these buffers: at most one
    message is held.
    """

    def __init__(self, response: httpx.Response) -> None:
        self._response = response
        self._chunks = response.iter_raw()
        self._chunk = memoryview(b"")
        self.closed = False

    def readable(self) -> bool:
        return True

    def read_buffer(self, size: int) -> pa.Buffer:
        buffer = pa.allocate_buffer(size)
        target = memoryview(cast(Any, buffer)).cast("B")
        filled = 0
        chunk = self._chunk
        while filled < size:
            if not chunk:
                chunk = memoryview(next(self._chunks, b""))
                if not chunk:
                    break
            taken = min(len(chunk), size - filled)
            target[filled : filled + taken] = chunk[:taken]
            chunk = chunk[taken:]
            filled += taken
        self._chunk = chunk
        return buffer if filled == size else buffer.slice(0, filled)

    def read(self, size: int = -1) -> bytes:
        if size < 0:  # Arrow never asks for this
            return b"".join([bytes(self._chunk), *self._chunks])
        return bytes(self.read_buffer(size).to_pybytes())

    def drain(self) -> bool:
        """Reads to the end, so that the connection can be reused; False if there was more data."""
        clean = not self._chunk
        for chunk in self._chunks:
            clean = clean and not chunk
            if not clean:
                break
        return clean

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._response.close()


class Stream:
    """The batches of one answer, read once; the closing batch has the number of rows.

    Args:
        response: the open response; closed at the end of the rows, on failure and by close().
        query_id: the id of the query, for errors.
        cancel: stops the query in the database; called when the user interrupts the reading.

    Attributes:
        schema: the columns; its metadata has the provenance of the rows.
        count: the number of rows read so far.
        final: the metadata of the closing batch; None until the whole answer was read.

    Raises:
        AnswerCut: the answer ended before its schema.
    """

    def __init__(self, response: httpx.Response, query_id: str, cancel: Callable[[], None]) -> None:
        self._query_id = query_id
        self._cancel = cancel
        self._body: ResponseBody | None = ResponseBody(response)
        self._reader: pa.RecordBatchStreamReader | None = None
        self.count = 0
        self.final: dict[str, Any] | None = None
        self.schema: pa.Schema = None  # while it is None, Client.query() handles an interrupt
        with self._reading():
            self._reader = pa.ipc.open_stream(pa.PythonFile(self._body, mode="r"))
            self.schema = self._reader.schema

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yields batches up to the closing one, and checks the number of rows."""
        reader, body = self._reader, self._body
        if reader is None or body is None:
            raise QueryError(
                "This answer was closed before it was read. Run the query again.",
                code="already_closed",
            )
        final: dict[str, Any] | None = None
        whole = False
        try:
            while True:
                with self._reading():
                    try:
                        batch, metadata = reader.read_next_batch_with_custom_metadata()
                    except StopIteration:
                        whole = body.drain()
                        break
                if final is not None:
                    raise self._cut("there is more data after its end")
                if metadata is not None and PROVENANCE in metadata:
                    final = json_object(metadata[PROVENANCE])
                    if "error" in final:
                        raise error_from(final, query_id=self._query_id)
                elif batch.num_rows:
                    self.count += batch.num_rows
                    yield batch
            if final is None:
                raise self._cut("its last part is missing")
            if final.get("rows") != self.count:
                raise self._cut(f"{self.count} of {final.get('rows')} rows arrived")
            if not whole:
                raise self._cut("there is more data after its end")
            self.final = final
        finally:
            self.close()

    @contextlib.contextmanager
    def _reading(self) -> Iterator[None]:
        """Translates errors of reading into the client's errors, and closes the stream."""
        try:
            yield
        except KeyboardInterrupt:
            self.close()  # hanging up cancels the query too; the request below makes sure
            if self.schema is not None:
                self._cancel()
            raise
        except (httpx.HTTPError, httpx.StreamError, pa.ArrowException, OSError) as problem:
            self.close()
            raise self._cut("the connection to the service broke") from problem
        except BaseException:
            self.close()
            raise

    def _cut(self, why: str) -> AnswerCut:
        error = AnswerCut(f"The answer was cut: {why}. Run the query again.")
        error.query_id = self._query_id
        return error

    def close(self) -> None:
        """Closes the connection; a query that still runs is stopped in the database."""
        self._reader = None
        body, self._body = self._body, None
        if body is not None:
            body.close()

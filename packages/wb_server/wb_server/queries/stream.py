"""Streams a session's batches as Arrow IPC, and ends the query.

The format is https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format; the host pulls it
batch by batch. The schema's metadata under ``workbench`` gives the provenance of the rows. The closing
batch has no rows; its metadata under ``workbench`` gives the number of rows, or the error that ended the
answer. A reader that gets no closing batch has been cut off.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import pyarrow as pa

from ..connectors.base import Answer, Use
from ..gate.loads import WriteResult
from ..gate.permits import Permit
from ..kit.endpoint import ByteStream, Outcome
from ..kit.errors import Cancelled, Internal, SourceTimeout, WorkbenchError
from .limits.models import QueryLimits
from .running import Running

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.apache.arrow.stream"


class Finish:
    """Ends a query exactly once, however it ends.

    Args:
        then: called with the outcome, the error's code, the rows and the bytes.
        blame: called with an error of the query, before its end.
    """

    def __init__(
        self,
        running: Running,
        then: Callable[[Outcome, str | None, int, int], None],
        blame: Callable[[WorkbenchError], None],
    ) -> None:
        self.running = running
        self._then = then
        self._blame = blame
        self.session: Use | None = None
        self._lock = threading.Lock()
        self._done = False

    def __call__(
        self, outcome: Outcome, code: str | None = None, rows: int = 0, size: int = 0
    ) -> None:
        """Closes the session, and reports the outcome."""
        with self._lock:
            if self._done:
                return
            self._done = True
        try:
            if self.session is not None:
                self.session.close()
        finally:
            self._then(self.running.stopped or outcome, code, rows, size)

    def failed(self, error: BaseException, rows: int = 0, size: int = 0) -> None:
        """Ends the query with an error."""
        if not isinstance(error, WorkbenchError):
            self("failed", "internal", rows, size)
            return
        try:
            if not self._done:
                self._blame(error)
        finally:
            self("failed", error.code, rows, size)


class Reading:
    """The rows of a running query, within its limits. A context manager.

    It may be iterated only once. The last row, an error or ``close`` ends the query: its session, its
    slot and its record in the audit log.

    Attributes:
        schema: of the rows; ``schema.metadata[b"workbench"]`` gives their provenance.
        running: the query's entry among all running ones.
        permit: the gate's permit.
        truncated: whether there were more rows than the limit; known at the end.
        rows: the rows so far; ``size`` is their bytes.
        began: when the source started to answer, by ``time.perf_counter``.
    """

    def __init__(
        self,
        answer: Answer,
        permit: Permit,
        provenance: dict[str, Any],
        finish: Finish,
        limit: int | None,
        limits: QueryLimits,
    ) -> None:
        metadata = dict(answer.schema.metadata or {})
        metadata[b"workbench"] = json.dumps(provenance).encode()
        self.schema = answer.schema.with_metadata(metadata)
        self.answer = answer
        self.permit = permit
        self.running = finish.running
        self.truncated = False
        self.rows = 0
        self.size = 0
        self.began = time.perf_counter()
        self._batches = iter(answer)
        self._finish = finish
        self._limit = limit
        self._limits = limits
        self._first: pa.RecordBatch | None = None

    def prime(self) -> None:
        """Fetches the first batch, so that errors of the source come before the answer starts."""
        self._first = next(self._batches, None)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yields the batches.

        Raises:
            TooLarge: more rows or bytes than one answer may have (``over_limit``).
            Cancelled: the query was cancelled.
            WorkbenchError: the source's error.
        """
        try:
            batch, self._first = self._first, None
            while batch is not None:
                if self._limit is not None and self.rows + batch.num_rows > self._limit:
                    batch = batch.slice(0, self._limit - self.rows)
                    self.truncated = True
                self._count(batch)
                yield batch
                if self.truncated:
                    break
                batch = self._next()
        except GeneratorExit:
            self.close()
            raise
        except Exception as error:
            raise self.failed(named(error, self._limits)) from None
        # The audit record is closed before the reader learns of the end.
        self._finish("ok", None, self.rows, self.size)

    def written(self) -> WriteResult:
        """The result of a write; consumes the rows that it returned, if any.

        Raises:
            WorkbenchError: as when iterating.
        """
        rows, counted = 0, self.answer.already or not self.permit.returns_rows
        if self.answer.schema.names != ["rows_affected"]:
            counted = False  # a procedure's own answer
        for batch in self:
            rows += int(batch.column(0)[0].as_py()) if counted else batch.num_rows
        return WriteResult(rows, self.answer.already)

    def failed(self, error: Exception) -> WorkbenchError:
        """Ends the query with an error, and returns the error that users may see."""
        if not isinstance(error, WorkbenchError):
            log.error("a query failed mid-stream", exc_info=error)
            error = Internal(
                "The result could not be completed; the Workbench's log says why.",
                cause=type(error).__name__,
            )
        self._finish.failed(error, self.rows, self.size)
        return error

    def close(self) -> None:
        """Ends the query if it is still running, because its reader is gone."""
        self._finish("hung_up", None, self.rows, self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _next(self) -> pa.RecordBatch | None:
        if self.running.stopped is not None:
            raise Cancelled("The query was cancelled.")
        return next(self._batches, None)

    def _count(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self.size += batch.nbytes
        self.running.rows, self.running.bytes = self.rows, self.size
        if self.rows > self._limits.rows:
            raise self._limits.too_many_rows()
        if self.size > self._limits.bytes:
            raise self._limits.too_many_bytes()


def named(error: Exception, limits: QueryLimits) -> Exception:
    """The error, naming the limit if it is the source's that a statement took too long."""
    timed_out = isinstance(error, SourceTimeout) and error.code == "timeout"
    return limits.too_slow() if timed_out else error


class QueryStream(ByteStream):
    """The answer to a client as an Arrow IPC stream."""

    media_type = MEDIA_TYPE

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self.headers = {"Workbench-Query-Id": reading.permit.query_id}

    def __iter__(self) -> Iterator[bytes]:
        sink = _Chunks()
        reading = self._reading
        end: dict[str, Any]
        try:
            with pa.ipc.new_stream(sink, reading.schema) as writer:
                try:
                    for batch in reading:
                        writer.write_batch(batch)
                        yield sink.take()
                    end = {
                        "rows": reading.rows,
                        "truncated": reading.truncated,
                        "elapsed_ms": round((time.perf_counter() - reading.began) * 1000, 1),
                    }
                except Exception as error:
                    end = reading.failed(error).to_wire()
                empty = pa.RecordBatch.from_arrays(
                    # Not pa.array: it imports pandas, which takes 50 MB and 0.4 s.
                    [pa.nulls(0, column.type) for column in reading.schema],
                    schema=reading.schema,
                )
                writer.write_batch(empty, custom_metadata={"workbench": json.dumps(end)})
            yield sink.take()
        finally:
            # No effect after the end; otherwise the host has stopped pulling because the client is gone.
            self.close()

    def close(self) -> None:
        self._reading.close()


class _Chunks:
    """A file that pyarrow writes to and the stream reads from; holds at most one batch."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[Any] = []  # bytes and Arrow's buffers

    def write(self, data: Any) -> int:
        self._parts.append(data)
        return len(data)

    def flush(self) -> None:
        """Does nothing: written data is available at once."""

    def take(self) -> bytes:
        """All data written since the last call."""
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole

"""An answer on its way: from a session's batches to Arrow IPC, and how a query ends.

The stream is in the format of
https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format, pulled batch by batch. The
schema's metadata under ``workbench`` says where the rows come from; the last batch has no rows, and
its own metadata under ``workbench`` says how many rows there were, or which error ended them. A
reader that doesn't see it has been cut off.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Self

import pyarrow as pa

from ..connectors.base import Answer, Use
from ..gate.loads import WriteResult
from ..gate.permits import Permit
from ..kit.endpoint import ByteStream, Outcome
from ..kit.errors import Conflict, Internal, TooLarge, WorkbenchError
from .running import Running

log = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.apache.arrow.stream"


@dataclass(frozen=True)
class Caps:
    """What one answer may take."""

    rows: int
    bytes: int


class Finish:
    """Ends a query once, whichever way it ends.

    Args:
        then: is told the outcome, the error's code, the rows and the bytes.
    """

    def __init__(
        self, running: Running, then: Callable[[Outcome, str | None, int, int], None]
    ) -> None:
        self.running = running
        self._then = then
        self.session: Use | None = None
        self._lock = threading.Lock()
        self._done = False

    def __call__(
        self, outcome: Outcome, code: str | None = None, rows: int = 0, size: int = 0
    ) -> None:
        """Closes the session, and tells how it ended."""
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
        """The same, for an error."""
        code = error.code if isinstance(error, WorkbenchError) else "internal"
        self("failed", code, rows, size)


class Reading:
    """Rows on their way, within their limits, until the query has ended. A context manager.

    It may be iterated once. The end, an error or ``close`` ends the query: its session, its place
    and its record in the audit log.

    Attributes:
        schema: of the rows; ``schema.metadata[b"workbench"]`` says where they come from.
        running: the query among all that run.
        permit: what the gate let through.
        truncated: whether there were more rows than asked for; known at the end.
        rows: that came so far; with ``size``, their bytes.
        began: when the source began to answer, by ``time.perf_counter``.
    """

    def __init__(
        self,
        answer: Answer,
        permit: Permit,
        provenance: dict[str, Any],
        finish: Finish,
        limit: int | None,
        caps: Caps,
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
        self._caps = caps
        self._first: pa.RecordBatch | None = None

    def prime(self) -> None:
        """Asks for the first batch, so that errors of the source come before the answer."""
        self._first = next(self._batches, None)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Yields the batches.

        Raises:
            TooLarge: more rows or bytes than one answer may have (``over_limit``).
            Conflict: the query was cancelled.
            WorkbenchError: what the source says.
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
            raise self.failed(error) from None
        # The last row of the audit is written before anybody learns of the end.
        self._finish("ok", None, self.rows, self.size)

    def written(self) -> WriteResult:
        """What a write came to; takes its rows, where it returned any.

        Raises:
            WorkbenchError: as iterating.
        """
        rows, counted = 0, self.answer.already or not self.permit.returns_rows
        for batch in self:
            rows += int(batch.column(0)[0].as_py()) if counted else batch.num_rows
        return WriteResult(rows, self.answer.already)

    def failed(self, error: Exception) -> WorkbenchError:
        """Ends the query with an error; the error as people may see it."""
        if not isinstance(error, WorkbenchError):
            log.error("a query failed in mid-stream", exc_info=error)
            error = Internal(
                "The result could not be completed; the Workbench's log says why.",
                cause=type(error).__name__,
            )
        self._finish.failed(error, self.rows, self.size)
        return error

    def close(self) -> None:
        """Ends the query, if it hasn't: whoever read it has gone."""
        self._finish("hung_up", None, self.rows, self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _next(self) -> pa.RecordBatch | None:
        if self.running.stopped is not None:
            raise Conflict("The query was cancelled.", code="cancelled")
        return next(self._batches, None)

    def _count(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        self.size += batch.nbytes
        self.running.rows, self.running.bytes = self.rows, self.size
        if self.rows > self._caps.rows:
            raise TooLarge(
                f"The result exceeds {self._caps.rows:,} rows, which is the limit. Narrow the "
                "query or add a LIMIT.",
                code="over_limit",
                limit=self._caps.rows,
            )
        if self.size > self._caps.bytes:
            raise TooLarge(
                f"The result exceeds {self._caps.bytes / 2**20:,.0f} MiB, which is the limit. "
                "Narrow the query or add a LIMIT.",
                code="over_limit",
                limit=self._caps.bytes,
            )


class QueryStream(ByteStream):
    """An answer on its way to a client, as Arrow IPC."""

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
            # Without effect after an end; otherwise the host stopped pulling: the client is gone.
            self.close()

    def close(self) -> None:
        self._reading.close()


class _Chunks:
    """A file that pyarrow writes to and the stream takes from; holds one batch at most."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[Any] = []  # bytes and Arrow's buffers

    def write(self, data: Any) -> int:
        self._parts.append(data)
        return len(data)

    def flush(self) -> None:
        """Nothing to do: what is written is at hand."""

    def take(self) -> bytes:
        """All that was written since the last take."""
        whole = b"".join(self._parts)
        self._parts.clear()
        return whole

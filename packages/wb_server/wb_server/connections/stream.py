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
from typing import Any

import pyarrow as pa

from ..kit.endpoint import ByteStream, Outcome
from ..kit.errors import Conflict, Internal, TooLarge, WorkbenchError
from .connectors.base import Answer, Session
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
        self.session: Session | None = None
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


class QueryStream(ByteStream):
    """An answer on its way to a client, as Arrow IPC."""

    media_type = MEDIA_TYPE

    def __init__(
        self,
        answer: Answer,
        provenance: dict[str, Any],
        finish: Finish,
        limit: int | None,
        caps: Caps,
    ) -> None:
        self._batches = iter(answer)
        metadata = dict(answer.schema.metadata or {})
        metadata[b"workbench"] = json.dumps(provenance).encode()
        self._schema = answer.schema.with_metadata(metadata)
        self._finish = finish
        self._limit = limit
        self._caps = caps
        self._first: pa.RecordBatch | None = None
        self._began = time.perf_counter()
        self._rows = 0
        self._size = 0
        self._pull = threading.Lock()
        self.headers = {"Workbench-Query-Id": str(provenance["query_id"])}

    def prime(self) -> None:
        """Asks for the first batch, so that errors of the source come before the answer."""
        self._first = next(self._batches, None)

    def __iter__(self) -> Iterator[bytes]:
        sink = _Chunks()
        truncated = False
        end: dict[str, Any]
        failure: WorkbenchError | None = None
        try:
            with pa.ipc.new_stream(sink, self._schema) as writer:
                try:
                    batch = self._first
                    self._first = None
                    while batch is not None:
                        if self._limit is not None and self._rows + batch.num_rows > self._limit:
                            batch = batch.slice(0, self._limit - self._rows)
                            truncated = True
                        self._count(batch)
                        writer.write_batch(batch)
                        yield sink.take()
                        if truncated:
                            break
                        batch = self._next()
                except WorkbenchError as error:
                    failure = error
                except Exception as error:
                    log.exception("a query failed in mid-stream")
                    failure = Internal(
                        "The answer could not be finished; the log of the Workbench says why.",
                        cause=type(error).__name__,
                    )
                if failure is None:
                    end = {
                        "rows": self._rows,
                        "truncated": truncated,
                        "elapsed_ms": round((time.perf_counter() - self._began) * 1000, 1),
                    }
                else:
                    end = failure.to_wire()
                # The last row of the audit is written before the client learns of the end.
                if failure is None:
                    self._finish("ok", None, self._rows, self._size)
                else:
                    self._finish.failed(failure, self._rows, self._size)
                empty = pa.RecordBatch.from_arrays(
                    # Not pa.array: it imports pandas, which takes 50 MB and 0.4 s.
                    [pa.nulls(0, column.type) for column in self._schema],
                    schema=self._schema,
                )
                writer.write_batch(empty, custom_metadata={"workbench": json.dumps(end)})
            yield sink.take()
        finally:
            # Without effect after an end; otherwise the host stopped pulling: the client is gone.
            self.close()

    def _next(self) -> pa.RecordBatch | None:
        stopped = self._finish.running.stopped
        if stopped is not None:
            raise Conflict("The query was cancelled.", code="cancelled")
        return next(self._batches, None)

    def _count(self, batch: pa.RecordBatch) -> None:
        self._rows += batch.num_rows
        self._size += batch.nbytes
        running = self._finish.running
        running.rows, running.bytes = self._rows, self._size
        if self._rows > self._caps.rows:
            raise TooLarge(
                f"The answer has more than {self._caps.rows:,} rows, as many as one may have. "
                "Narrow it down or add a limit.",
                code="over_limit",
                limit=self._caps.rows,
            )
        if self._size > self._caps.bytes:
            raise TooLarge(
                f"The answer has more than {self._caps.bytes / 2**20:,.0f} MiB, as much as one may "
                "have. Narrow it down or add a limit.",
                code="over_limit",
                limit=self._caps.bytes,
            )

    def close(self) -> None:
        self._finish("hung_up", None, self._rows, self._size)


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
